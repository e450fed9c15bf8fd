"""The evidence behind a verdict: what the held-out rows say, and how surely."""

import dataclasses
import math

from tfx_lr_finder.range_test.candidates import (
    Candidate,
    best_candidate,
    gain_zscore,
)
from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.confirmation import Confirmation, num_possible_trainings
from tfx_lr_finder.range_test.curve_shape import CurveShape, curve_shape
from tfx_lr_finder.range_test.held_out import HeldOut
from tfx_lr_finder.range_test.student_t import chance_of_exceeding
from tfx_lr_finder.range_test.sweep import Sweep

MAX_FALSE_OK = 1e-3
"""The largest probability of OK on data from which nothing can be learned."""

MIN_INDEPENDENT = {"row": 20, "batch": 8}
"""Fewer units are too few for OK, because Student's t assumes normal means."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evidence:
    """The evidence behind a verdict.

    Attributes:
      config: The parameters of the test.
      sweeps: Every sweep, at least one.
      readings: The rate that the rule reads from each sweep, or None.
      confirmation: The short trainings; empty if confirming is off.
      held_out: The data that score them; None if confirming is off.
      rate: The suggestion, or None.
      num_train_batches: Batches in one pass over the training data; None if unknown.
    """

    config: RangeTestConfig
    sweeps: tuple[Sweep, ...]
    readings: tuple[float | None, ...]
    confirmation: Confirmation
    held_out: HeldOut | None
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

    def learns(self) -> bool:
        """Returns whether a training surely gains, and the best one gains no less.

        A training at a smaller rate is often the clearer one although it gains less,
        because the gains of its rows differ less.
        """
        return any(self.is_sure(item) for item in self._clearest)

    def repeats(self) -> bool:
        """Returns whether the best candidate and the final check both surely gain."""
        return all(self.is_sure(item) for item in self._decisive)

    def is_sure(self, training: Candidate) -> bool:
        """Returns whether a training surely gains over the untrained model.

        By Student's t over the paired differences of the held-out losses. Bonferroni's
        correction counts every training that could run, so that on data of nothing one
        of them seems to gain with a probability of at most `MAX_FALSE_OK`.

        Args:
          training: A training that the held-out data scored.
        """
        zscore = gain_zscore(training, self.confirmation.untrained)
        allowed = MAX_FALSE_OK / num_possible_trainings(self.config)
        return self._chance(zscore) <= allowed

    def uses_features(self) -> bool:
        """Returns whether the predictions belong to their rows; True if unknown.

        A model can lower the held-out loss without learning anything from the features,
        by predicting the same for all rows. The loss then stays the same if each row
        gets the prediction for another one.
        """
        return any(
            math.isnan(item.mismatch_zscore)
            or self._chance(item.mismatch_zscore) <= MAX_FALSE_OK / 2.0
            for item in self._decisive
        )

    def num_needed(self) -> int | None:
        """Returns how many independent units would show the largest gain, or None.

        Standard errors grow with the square root of that number. None if nothing points
        to a gain, or if there are too few units to tell.
        """
        held_out = self.held_out
        if (
            held_out is None
            or held_out.num_independent < MIN_INDEPENDENT[held_out.unit]
        ):
            return None
        untrained = self.confirmation.untrained
        largest = max(gain_zscore(item, untrained) for item in self._clearest)
        largest *= self._shrinkage
        if largest < 1.0:
            return None
        allowed = MAX_FALSE_OK / num_possible_trainings(self.config)
        wanted = largest
        while self._tail(wanted) > allowed:
            wanted *= 1.02
        return math.ceil(held_out.num_independent * (wanted / largest) ** 2)

    @property
    def _decisive(self) -> tuple[Candidate, ...]:
        check = self.confirmation.final_check
        return (self.best,) if check is None else (self.best, check)

    @property
    def _clearest(self) -> tuple[Candidate, ...]:
        """The decisive trainings, and all others that gain no more than these."""
        lowest = min(item.eval_loss for item in self._decisive)
        trainings = (*self.confirmation.probes, *self.confirmation.candidates)
        others = (item for item in trainings if item.eval_loss >= lowest)
        return (*self._decisive, *others)

    @property
    def _shrinkage(self) -> float:
        """The factor by which copies of rows reduce standard errors of a gain."""
        if self.held_out is None:
            return 1.0
        return math.sqrt(self.held_out.num_independent / self.held_out.num_units)

    def _chance(self, zscore: float) -> float:
        if self.held_out is None:
            return 1.0
        return self._tail(zscore * self._shrinkage)

    def _tail(self, t: float) -> float:
        independent = self.held_out.num_independent if self.held_out else 0.0
        units = len(self.confirmation.untrained)
        return chance_of_exceeding(t, min(independent, units) - 1.0)
