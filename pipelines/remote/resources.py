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

    def to_proto(self) -> Any:
        """The request as a `ResourceSpec`, for `with_platform_config`."""
        # Imported late, because kfp takes seconds to import.
        from kfp.pipeline_spec import pipeline_spec_pb2

        container = pipeline_spec_pb2.PipelineDeploymentConfig.PipelineContainerSpec
        spec = container.ResourceSpec(cpu_limit=self.cpus, memory_limit=self.memory_gb)
        if self.accelerator:
            spec.accelerator.type = self.accelerator
            spec.accelerator.count = self.accelerator_count
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
