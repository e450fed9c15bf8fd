"""What LRFinder does if the range test cannot name a learning rate."""

import dataclasses
import math
from typing import TYPE_CHECKING

from tfx_lr_finder.settings.keys import FAIL

if TYPE_CHECKING:
    from tfx_lr_finder.range_test.report import LRFinderReport

FALLBACK = "fallback"
LAST_GOOD = "last_good"
POLICIES = (FAIL, FALLBACK, LAST_GOOD)

FALLBACK_SOURCE = "default_learning_rate"
DECLARED_SOURCES = (FALLBACK_SOURCE, LAST_GOOD)
"""Sources of a rate that may be used although the test was inconclusive."""


class InconclusiveError(RuntimeError):
    """Neither the range test nor the policy has a learning rate."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class InconclusivePolicy:
    """The answer to an `INCONCLUSIVE` report.

    Attributes:
      on_inconclusive: `fail` stops the pipeline run. `fallback` uses
        `default_learning_rate`. `last_good` uses the rate of the newest OK result of
        the same optimizer on `previous`; without one it uses `default_learning_rate`,
        or fails if there is none.
      default_learning_rate: The rate to fall back to, positive and finite.
    """

    on_inconclusive: str = FAIL
    default_learning_rate: float | None = None

    def __post_init__(self) -> None:
        """Checks both values.

        Raises:
          ValueError: The policy is unknown, or `fallback` has no usable rate.
        """
        rate = self.default_learning_rate
        if self.on_inconclusive not in POLICIES:
            raise ValueError(
                "on_inconclusive must be 'fail', 'fallback' or 'last_good', got "
                f"{self.on_inconclusive!r}."
            )
        if rate is not None and not (math.isfinite(rate) and rate > 0):
            raise ValueError(
                "default_learning_rate must be positive and finite, got "
                f"{rate!r}. Pass the rate that you have trained the module with."
            )
        if self.on_inconclusive == FALLBACK and rate is None:
            raise ValueError(
                "on_inconclusive='fallback' needs default_learning_rate, got None. "
                "Pass the rate that you have trained the module with, or use 'fail'."
            )

    def apply(
        self,
        report: "LRFinderReport",
        previous: "LRFinderReport | None" = None,
        previous_name: str = "",
    ) -> "LRFinderReport":
        """Returns the report that the component emits.

        Args:
          report: What the range test found.
          previous: The newest usable OK report of the same optimizer, or None. It has
            a rate for the schedule of `report`.
          previous_name: Number, time and uri of that result, for the reason.

        Returns:
          `report` itself if it names a rate. Otherwise a copy with the policy's rate,
          its source and one more reason; the verdict stays INCONCLUSIVE.

        Raises:
          InconclusiveError: Neither the test nor the policy has a rate.
        """
        if not needs_policy(report):
            return report
        if self.on_inconclusive == LAST_GOOD and previous is not None:
            return _with_previous_rate(report, previous, previous_name)
        if self.on_inconclusive != FAIL and self.default_learning_rate is not None:
            return self._with_default(report)
        raise InconclusiveError(self._error_text(report))

    def _with_default(self, report: "LRFinderReport") -> "LRFinderReport":
        """Returns the report with the default rate, and a reason that says so."""
        missing = ""
        if self.on_inconclusive == LAST_GOOD:
            missing = ", and `previous` holds no OK result of the same optimizer"
        reason = (
            f"This test found no rate{missing}. The learning rate "
            f"{self.default_learning_rate!r} is default_learning_rate."
        )
        return dataclasses.replace(
            report,
            learning_rate=self.default_learning_rate,
            learning_rate_range=None,
            learning_rates_by_schedule={},
            reasons=(*report.reasons, reason),
            source=FALLBACK_SOURCE,
        )

    def _error_text(self, report: "LRFinderReport") -> str:
        """Returns the text of the error that stops the run."""
        missing = ""
        if self.on_inconclusive == LAST_GOOD:
            missing = (
                " on_inconclusive='last_good' has no rate either: `previous` holds "
                "no OK result of the same optimizer. The log names the results that "
                "were skipped."
            )
        return (
            "The range test found no learning rate it can vouch for. "
            f"{' '.join(report.reasons) or report.stop_reason.value}{missing} "
            f"{_advice(report)} Or set on_inconclusive='fallback' and "
            "default_learning_rate to train with a rate of your own."
        )


def needs_policy(report: "LRFinderReport") -> bool:
    """Returns whether a report has no rate that may be used for training."""
    # Imported late: who only sets a policy needs no numpy.
    from tfx_lr_finder.range_test.verdict import Verdict

    return report.verdict is Verdict.INCONCLUSIVE or report.learning_rate is None


def _advice(report: "LRFinderReport") -> str:
    """Returns what may help a test to find a rate."""
    from tfx_lr_finder.range_test.sweep import StopReason

    if report.stop_reason is StopReason.TOO_FEW_STEPS:  # the reason has the rest
        return "If run_fn calls fit several times, which_fit names the one to test."
    return (
        "Check the data and the loss. Widen min_lr and max_lr, or raise num_rates or "
        "num_sweeps."
    )


def _with_previous_rate(
    report: "LRFinderReport", previous: "LRFinderReport", name: str
) -> "LRFinderReport":
    """Returns the report with the previous rate for the schedule of this test."""
    rate = previous.learning_rates_by_schedule[report.config.schedule]
    reason = (
        f"The learning rate {rate!r} is not from this test, which was inconclusive, "
        f"but from the newest OK result: {name}."
    )
    return dataclasses.replace(
        report,
        learning_rate=rate,
        learning_rate_range=previous.learning_rate_range,
        learning_rates_by_schedule=previous.learning_rates_by_schedule,
        reasons=(*report.reasons, reason),
        source=LAST_GOOD,
    )
