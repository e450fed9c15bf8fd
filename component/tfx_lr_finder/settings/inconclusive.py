"""What happens when the range test cannot name a learning rate."""

import dataclasses
import math

from tfx_lr_finder.range_test.report import LRFinderReport, Verdict

FAIL = "fail"
FALLBACK = "fallback"
LAST_GOOD = "last_good"
POLICIES = (FAIL, FALLBACK, LAST_GOOD)

FALLBACK_SOURCE = "default_learning_rate"
DECLARED_SOURCES = (FALLBACK_SOURCE, LAST_GOOD)
"""Sources of a rate that stands although the test itself was inconclusive."""


class InconclusiveError(RuntimeError):
    """The range test ended without a learning rate, and the policy has none either."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class EarlierResult:
    """An earlier result that was OK.

    Attributes:
      report: Its report; has a rate for every schedule.
      name: What a person finds it by: its number, its time, its uri.
    """

    report: LRFinderReport
    name: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class InconclusivePolicy:
    """The answer to an `INCONCLUSIVE` report.

    Attributes:
      on_inconclusive: `fail` stops the pipeline run; `fallback` emits
        `default_learning_rate`; `last_good` emits the rate of the newest earlier
        result whose verdict is OK, and without one `default_learning_rate`, and
        without that fails too.
      default_learning_rate: The rate to fall back to; positive and finite.
    """

    on_inconclusive: str = FAIL
    default_learning_rate: float | None = None

    def __post_init__(self) -> None:
        """Checks both values.

        Raises:
          ValueError: If the policy is unknown, or `fallback` has no usable rate.
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
                f"{rate!r}. Give the rate the module was trained with so far."
            )
        if self.on_inconclusive == FALLBACK and rate is None:
            raise ValueError(
                "on_inconclusive='fallback' needs default_learning_rate, got None. "
                "Give the rate the module was trained with so far, or use 'fail'."
            )

    def apply(
        self, report: LRFinderReport, earlier: EarlierResult | None = None
    ) -> LRFinderReport:
        """Returns the report that the component emits.

        Args:
          report: What the range test found.
          earlier: The newest earlier result that was OK, if one is at hand.

        Returns:
          `report` itself when it names a rate; otherwise a copy that carries the
          policy's rate, its source, one reason more that says so, and still the
          verdict INCONCLUSIVE.

        Raises:
          InconclusiveError: If there is no rate and the policy has none.
        """
        if needs_policy(report):
            if self.on_inconclusive == LAST_GOOD and earlier is not None:
                return _with_last_good(report, earlier)
            if self.on_inconclusive != FAIL and self.default_learning_rate is not None:
                return self._with_default(report)
            raise InconclusiveError(self._complaint(report))
        return report

    def _with_default(self, report: LRFinderReport) -> LRFinderReport:
        """Returns the report with the default rate, and a reason that says so."""
        missing = ""
        if self.on_inconclusive == LAST_GOOD:
            missing = ", and there is no earlier OK result to take one from"
        reason = (
            f"The learning rate {self.default_learning_rate!r} is the declared "
            f"default_learning_rate: this test found none{missing}."
        )
        return dataclasses.replace(
            report,
            learning_rate=self.default_learning_rate,
            learning_rate_range=None,
            learning_rates_by_schedule={},
            reasons=(*report.reasons, reason),
            source=FALLBACK_SOURCE,
        )

    def _complaint(self, report: LRFinderReport) -> str:
        """Returns the text of the error that stops the run."""
        missing = ""
        if self.on_inconclusive == LAST_GOOD:
            missing = (
                " on_inconclusive='last_good' has no rate either: `previous` holds "
                "no earlier OK result of the same optimizer (the log names those "
                "that were passed over)."
            )
        return (
            "The range test found no learning rate it can vouch for. "
            f"{' '.join(report.reasons) or report.stop_reason.value}{missing} "
            "Widen min_lr and max_lr, raise num_rates or num_sweeps, check the data "
            "and the loss; or set on_inconclusive='fallback' with "
            "default_learning_rate to train with a rate of your own."
        )


def needs_policy(report: LRFinderReport) -> bool:
    """Returns whether a report names no rate that may be trained with."""
    return report.verdict is Verdict.INCONCLUSIVE or report.learning_rate is None


def _with_last_good(report: LRFinderReport, earlier: EarlierResult) -> LRFinderReport:
    """Returns the report with the earlier rate for the schedule asked for now."""
    rate = earlier.report.learning_rates_by_schedule[report.config.schedule]
    reason = (
        f"The learning rate {rate!r} is not from this test, which was inconclusive, "
        f"but from the newest result that was OK: {earlier.name}."
    )
    return dataclasses.replace(
        report,
        learning_rate=rate,
        learning_rate_range=earlier.report.learning_rate_range,
        learning_rates_by_schedule=earlier.report.learning_rates_by_schedule,
        reasons=(*report.reasons, reason),
        source=LAST_GOOD,
    )
