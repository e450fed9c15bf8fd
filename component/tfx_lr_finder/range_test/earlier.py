"""The rate of an earlier run, as far as a later one needs to know it."""

import dataclasses

from tfx_lr_finder.range_test.verdict import Verdict


@dataclasses.dataclass(frozen=True, kw_only=True)
class EarlierRate:
    """What an earlier run of the same pipeline found.

    Attributes:
      learning_rate: Its rate, positive; None where it had none.
      verdict: How far that could be trusted.
      when: When it was written, ISO 8601 in UTC; empty if unknown.
      name: What a person finds it by: its number, its time, its uri.
    """

    learning_rate: float | None
    verdict: Verdict
    when: str
    name: str
