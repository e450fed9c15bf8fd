"""The evidence behind a verdict, and the signs in it that the model learns."""

import dataclasses
import math

import numpy as np

from tfx_lr_finder.range_test.candidates import (
    STRONG_SIGMAS,
    Candidate,
    best_candidate,
    gain_zscore,
)
from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.confirmation import Confirmation
from tfx_lr_finder.range_test.curve_shape import CurveShape, curve_shape
from tfx_lr_finder.range_test.sweep import START_RATES, Sweep

WEAK_SIGMAS = 3.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evidence:
    """The evidence behind a verdict.

    Attributes:
      config: The parameters of the test.
      sweeps: Every sweep, at least one.
      readings: The rate that the rule reads from each sweep, or None.
      confirmation: The short trainings; empty if confirming is off.
      rate: The suggestion, or None.
      num_train_batches: Batches in one pass over the training data; None if unknown.
    """

    config: RangeTestConfig
    sweeps: tuple[Sweep, ...]
    readings: tuple[float | None, ...]
    confirmation: Confirmation
    rate: float | None
    num_train_batches: int | None

    @property
    def shape(self) -> CurveShape:
        """The shape of the mean curve of the sweeps."""
        return curve_shape(self.sweeps, self.config.resolved_num_rates)

    @property
    def best(self) -> Candidate:
        """The best candidate; there must be one."""
        return best_candidate(self.confirmation.candidates)

    def signs(self) -> dict[str, bool]:
        """Returns the four signs that the model learns, and whether each holds.

        Three of them come from separate trainings and batches, so they seldom agree
        by chance. In 5,400 runs on losses that do not depend on the rate
        (`benchmarks/quality/junk.py`), three signs never held without another doubt.
        """
        shape = self.shape
        best, final_check = self._gains()
        return {
            "the loss of the sweeps falls": shape.falls and not shape.wavy,
            "the best rate lowers the held-out loss": best > STRONG_SIGMAS,
            "the suggested rate lowers the held-out loss": final_check > STRONG_SIGMAS,
            "the training loss at the best rate falls": (
                self._train_zscore() > WEAK_SIGMAS
            ),
        }

    def learns(self) -> bool:
        """Returns whether the best candidate or the check beats the untrained model.

        One of them must gain five standard errors, or both three. The final check may
        be the clearer one although it gains less: at a smaller rate, the gains of the
        batches differ less.
        """
        best, final_check = self._gains()
        return best > 0.0 and (
            max(best, final_check) > STRONG_SIGMAS
            or min(best, final_check) > WEAK_SIGMAS
        )

    def _gains(self) -> tuple[float, float]:
        """Returns the gains of the best candidate and the check, in standard errors."""
        untrained = self.confirmation.untrained
        final_check = self.confirmation.final_check
        return (
            gain_zscore(self.best, untrained),
            gain_zscore(final_check, untrained) if final_check else 0.0,
        )

    def _train_zscore(self) -> float:
        """Returns the fall of the best candidate's training loss, in standard errors.

        The fall starts at the mean loss of the first rates of the sweeps.
        """
        best = self.best
        starts = np.concatenate([sweep.losses[:START_RATES] for sweep in self.sweeps])
        if len(starts) < 2 or not np.isfinite([*starts, best.train_loss]).all():
            return 0.0
        num_last = max(1, best.num_steps // 5)
        deviation = float(np.std(starts, ddof=1))
        error = deviation * math.sqrt(1 / len(starts) + 1 / num_last)
        fall = float(np.mean(starts)) - best.train_loss
        if error > 0.0:
            return fall / error
        return math.inf if fall > 0.0 else 0.0
