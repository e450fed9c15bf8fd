"""What happens when the range test cannot name a learning rate."""

import dataclasses
import math

from tfx_lr_finder.range_test.result import LRFinderReport, Verdict

FAIL = "fail"
FALLBACK = "fallback"
LAST_GOOD = "last_good"

FALLBACK_SOURCE = "default_learning_rate"
DECLARED_SOURCES = (FALLBACK_SOURCE, LAST_GOOD)
"""Sources of a rate that stands although the test itself was inconclusive."""


class InconclusiveError(RuntimeError):
    """The range test ended without a learning rate and the policy is to fail."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class InconclusivePolicy:
    """The answer to an `INCONCLUSIVE` report.

    Attributes:
      on_inconclusive: `fail` stops the pipeline run; `fallback` emits
        `default_learning_rate`.
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
        if self.on_inconclusive == LAST_GOOD:
            raise ValueError(
                "on_inconclusive='last_good' is not supported by this version. Use "
                "'fail', or 'fallback' with default_learning_rate."
            )
        if self.on_inconclusive not in (FAIL, FALLBACK):
            raise ValueError(
                "on_inconclusive must be 'fail' or 'fallback', got "
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

    def apply(self, report: LRFinderReport) -> LRFinderReport:
        """Returns the report that the component emits.

        Args:
          report: What the range test found.

        Returns:
          `report` itself when it names a rate; otherwise a copy that carries the
          default rate, its source, and still the verdict INCONCLUSIVE.

        Raises:
          InconclusiveError: If there is no rate and the policy is `fail`.
        """
        found = report.verdict is not Verdict.INCONCLUSIVE
        if found and report.learning_rate is not None:
            return report
        if self.on_inconclusive == FALLBACK:
            return dataclasses.replace(
                report,
                learning_rate=self.default_learning_rate,
                learning_rate_range=None,
                learning_rates_by_schedule={},
                source=FALLBACK_SOURCE,
            )
        # LAST_GOOD resolves here, once an earlier result can be an input.
        reasons = "; ".join(report.reasons) or report.stop_reason.value
        raise InconclusiveError(
            f"The range test found no learning rate it can vouch for: {reasons}. "
            "Widen min_lr and max_lr, raise num_steps or num_sweeps, check the data "
            "and the loss; or set on_inconclusive='fallback' with "
            "default_learning_rate to train with a rate of your own."
        )
