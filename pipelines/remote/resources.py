"""The CPUs, the memory and the GPUs that each node requests."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from remote import checks

FINDER, TRAINER = "LRFinder", "LRFinderTrainer"
NODES = (
    "CsvExampleGen",
    "StatisticsGen",
    "SchemaGen",
    "ExampleValidator",
    "Transform",
    FINDER,
    TRAINER,
    "Evaluator",
    "Pusher",
)
"""The nodes that can request resources. The pipeline is not loaded to check a name."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """What one node requests.

    Attributes:
      cpus: Number of vCPUs; 0 leaves it to the backend.
      memory_gb: Memory in GB; 0 leaves it to the backend.
      accelerator: Type of GPU; empty without one.
      accelerator_count: Number of GPUs; 0 without one.
    """

    cpus: float = 0.0
    memory_gb: float = 0.0
    accelerator: str = ""
    accelerator_count: int = 0

    def to_json(self) -> dict[str, Any]:
        """The request as a `ResourceSpec` of the pipeline schema. It leaves out 0."""
        amounts = {"cpuLimit": self.cpus, "memoryLimit": self.memory_gb}
        spec: dict[str, Any] = {
            name: amount for name, amount in amounts.items() if amount
        }
        if self.accelerator:
            # A 64-bit integer is a string in the JSON of a proto.
            count = str(self.accelerator_count)
            spec["accelerator"] = {"type": self.accelerator, "count": count}
        return spec


def parse(flag: str, texts: Sequence[str]) -> dict[str, tuple[float, float]]:
    """The CPUs and the memory in GB of each node that is named.

    Args:
      flag: The name of the option.
      texts: Texts NODE=CPUS:GB.

    Raises:
      ValueError: If a text has another form, or a node does not exist.
    """
    return dict(_parse_one(flag, text) for text in texts)


def _parse_one(flag: str, text: str) -> tuple[str, tuple[float, float]]:
    node, _, amounts = text.partition("=")
    cpus, _, memory_gb = amounts.partition(":")
    try:
        wanted = float(cpus), float(memory_gb)
    except ValueError:
        raise ValueError(
            f"{flag} must be NODE=CPUS:GB, such as Transform=4:16, got {text!r}. An "
            "amount of 0 is left to the backend."
        ) from None
    if node not in NODES:
        raise ValueError(
            f"{flag} must name a node of the pipeline, got {node!r} in {text!r}. The "
            f"nodes are {', '.join(NODES)}."
        )
    for amount in wanted:
        checks.at_least(f"{flag} {node}", amount, 0)
    return node, wanted
