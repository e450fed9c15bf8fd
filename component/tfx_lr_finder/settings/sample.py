"""Every knob of the sample of the examples, checked in one place."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

AUTO = "auto"
OFF, ON = "off", "on"
RECORD, POSITION = "record", "position"

SAMPLE_SIZE = "sample_size"
SAMPLE_TYPES: Mapping[str, type] = {
    SAMPLE_SIZE: str,
    "sample_by": str,
    "sample_transform": str,
    "stratify_by": str,
    "min_per_label": int,
    "max_corrupt_share": float,
}
"""The execution parameters. `sample_size` is a string, because "auto" is one."""

MAX_SAMPLE_SIZE = 10**7

_MOST_DIGITS = 18


@dataclasses.dataclass(frozen=True, kw_only=True)
class SampleConfig:
    """A uniform sample of the examples: how large, and by which rules.

    Attributes:
      sample_size: Examples to keep of the train splits together, and as many of the
        eval splits together, from 1 to ten million; "auto" keeps what the sweeps and
        the confirming trainings need.
      sample_by: What the choice of an example depends on, beside the seed: "record",
        its bytes alone, or "position", its bytes and its place in its file.
      sample_transform: "on" applies the transform graph to the sample, so that raw
        examples arrive transformed; "off" leaves them as they are.
      stratify_by: The feature that holds the label; "" if no label is looked at.
      min_per_label: With `stratify_by`: examples that each label keeps of itself, if
        it has so many, at least 0. Never more than an even share of the sample.
      max_corrupt_share: Share of the data, in [0, 1), that may be unreadable and is
        then skipped and counted; 0 refuses the first corrupt record.

    Raises:
      ValueError: A knob is out of its range.
    """

    sample_size: int | str
    sample_by: str = RECORD
    sample_transform: str = OFF
    stratify_by: str = ""
    min_per_label: int = 100
    max_corrupt_share: float = 0.0

    def __post_init__(self) -> None:
        """Refuses what cannot be drawn; see the class for the ranges."""
        size = self.sample_size
        if size != AUTO and not (
            isinstance(size, int) and 1 <= size <= MAX_SAMPLE_SIZE
        ):
            raise ValueError(
                f"sample_size must be a whole number of examples from 1 to "
                f"{MAX_SAMPLE_SIZE}, or 'auto', got sample_size={size!r}. Leave it "
                "out, or pass 0, to read all examples."
            )
        for name, choices in (
            ("sample_by", (RECORD, POSITION)),
            ("sample_transform", (OFF, ON)),
        ):
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"{name} must be one of {', '.join(choices)}, got "
                    f"{name}={getattr(self, name)!r}."
                )
        if self.min_per_label < 0:
            raise ValueError(
                f"min_per_label must be at least 0, got {self.min_per_label}."
            )
        share = self.max_corrupt_share
        if not (math.isfinite(share) and 0 <= share < 1):
            raise ValueError(
                "max_corrupt_share must be a share of the data in [0, 1), got "
                f"max_corrupt_share={share!r}. 0 refuses the first corrupt record."
            )


def parse_size(value: Any) -> int | str:
    """Returns a sample size as the execution property holds it, ready to check.

    Args:
      value: A whole number, as a number or as text, or "auto"; None or 0 is 0: off.
    """
    if value is None or value == "":
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return repr(value)  # refused by name where it is checked
    if isinstance(value, float):
        return int(value) if value.is_integer() else repr(value)
    text = str(value).strip().lower()
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else text


def sample_config(values: Mapping[str, Any]) -> SampleConfig | None:
    """Returns the checked configuration that a set of knobs stands for.

    Args:
      values: Any mapping, with the names of `SAMPLE_TYPES`; None leaves a default.

    Returns:
      The configuration; None where no sample is asked for.

    Raises:
      ValueError: If a knob is out of its range, or is set where there is no sample.
    """
    given = {
        name: values[name]
        for name in SAMPLE_TYPES
        if name != SAMPLE_SIZE and values.get(name) is not None
    }
    size = parse_size(values.get(SAMPLE_SIZE))
    if size:
        return SampleConfig(sample_size=size, **given)
    if given:
        raise ValueError(
            f"{', '.join(given)} is set, but there is no sample to apply it to: "
            f"sample_size={values.get(SAMPLE_SIZE)!r}. Set sample_size to a number of "
            "examples or to 'auto'."
        )
    return None
