"""Every parameter of the sample of the examples, checked in one place."""

import dataclasses
from collections.abc import Mapping
from typing import Any

AUTO = "auto"
OFF, ON = "off", "on"
SAMPLE_SIZE = "sample_size"
MAX_SAMPLE_SIZE = 10**7
_MAX_DIGITS = 18

SAMPLE_TYPES: Mapping[str, type] = {
    SAMPLE_SIZE: str,
    "sample_transform": str,
    "stratify_by": str,
    "min_per_label": int,
}
"""The execution parameters. `sample_size` is a string because it may be "auto"."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SampleConfig:
    """A uniform sample of the examples.

    Attributes:
      sample_size: Examples drawn with Beam from the train splits, and as many from the
        eval splits, from 1 to 10 million. "auto" draws what the test needs. By default,
        or if 0, the test reads all examples.
      sample_transform: Whether the transform graph is applied to the sample: "on" for
        raw examples, or "off".
      stratify_by: Feature that holds the label. The sample keeps examples of its rare
        values. By default the sample ignores labels.
      min_per_label: Examples that the sample keeps of each label if there are as many,
        at least 0 and at most an equal part of the sample. Needs stratify_by.

    Raises:
      ValueError: A parameter is out of its range.
    """

    sample_size: int | str
    sample_transform: str = OFF
    stratify_by: str = ""
    min_per_label: int = 100

    def __post_init__(self) -> None:
        """Checks every parameter; the class documents the ranges."""
        size = self.sample_size
        if size != AUTO and not (
            isinstance(size, int) and 1 <= size <= MAX_SAMPLE_SIZE
        ):
            raise ValueError(
                f"sample_size must be a whole number of examples from 1 to "
                f"{MAX_SAMPLE_SIZE}, or 'auto', got sample_size={size!r}. Leave it "
                "out, or pass 0, to read all examples."
            )
        if self.sample_transform not in (OFF, ON):
            raise ValueError(
                "sample_transform must be 'off' or 'on', got "
                f"sample_transform={self.sample_transform!r}."
            )
        if self.min_per_label < 0:
            raise ValueError(
                f"min_per_label must be at least 0, got {self.min_per_label}."
            )


def parse_size(value: Any) -> int | str:
    """Returns a sample size as an int or a string; `SampleConfig` checks it.

    Args:
      value: A whole number, as a number or as text, or "auto". None, "" and 0 give 0,
        which means no sample.
    """
    if value is None or value == "":
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return repr(value)  # SampleConfig rejects it
    if isinstance(value, float):
        return int(value) if value.is_integer() else repr(value)
    text = str(value).strip().lower()
    return int(text) if text.isdecimal() and len(text) <= _MAX_DIGITS else text


def sample_config(values: Mapping[str, Any]) -> SampleConfig | None:
    """Returns the checked sample of a set of parameters, or None without a sample.

    Args:
      values: Any mapping that may have the names of `SAMPLE_TYPES`. None stands for
        the default.

    Raises:
      ValueError: A parameter is out of its range, or is set without a sample.
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
            f"{', '.join(given)} needs a sample, got "
            f"sample_size={values.get(SAMPLE_SIZE)!r}. Set sample_size to a number of "
            "examples or to 'auto'."
        )
    return None
