"""What a verdict rests on, and the signs in it that the model learns at all."""

import dataclasses
import math

import numpy as np
import numpy.typing as npt

from tfx_lr_finder.range_test.candidates import (
    SIGNIFICANT,
    Candidate,
    best_candidate,
    gain,
)
from tfx_lr_finder.range_test.curve_shape import CurveShape, curve_shape
from tfx_lr_finder.range_test.sweep import START_RATES, Sweep

FloatArray = npt.NDArray[np.float64]

LIKELY = 3.0
LAST_PART = 5


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a verdict rests on.

    Attributes:
      sweeps: Each sweep, at least one.
      readings: The rule's suggestion for each sweep.
      probes: Short trainings a decade apart; empty where confirming is off.
      candidates: Trainings that were compared, smallest rate first; likewise.
      untrained: Held-out loss of each batch before training, `[b]`.
      checked: The training at the suggestion itself, where it was affordable.
      rate: The suggestion, or None.
      num_rates: Rungs of the whole ladder.
      steps_per_sweep: Training steps of a sweep over the whole ladder.
      num_train_batches: Batches in one pass over the training data; None if unknown.
      train_steps: The Trainer's steps, or None.
    """

    sweeps: tuple[Sweep, ...]
    readings: tuple[float | None, ...]
    probes: tuple[Candidate, ...]
    candidates: tuple[Candidate, ...]
    untrained: FloatArray
    checked: Candidate | None
    rate: float | None
    num_rates: int
    steps_per_sweep: int
    num_train_batches: int | None
    train_steps: int | None

    @property
    def shape(self) -> CurveShape:
        """The shape of the sweeps' mean curve."""
        return curve_shape(self.sweeps, self.num_rates)

    def signs(self) -> dict[str, bool]:
        """Returns the four signs that the model learns, and which of them are there.

        Three of them come from trainings and batches of their own, so that chance
        seldom makes them agree: of 5,400 runs on losses that do not depend on the rate
        (`benchmarks/quality/junk.py`), none had three with no other doubt.
        """
        best = best_candidate(self.candidates)
        shape = self.shape
        return {
            "the loss of the sweeps falls": shape.falls and not shape.wavy,
            "the best rate brings the held-out loss down": self._gain(best)
            > SIGNIFICANT,
            "so does the suggested rate": self._gain(self.checked) > SIGNIFICANT,
            "the training loss at the best rate falls": self._train_gain() > LIKELY,
        }

    def learns(self) -> bool:
        """Returns whether a candidate or the check beats the untrained model.

        By five standard errors, or both by three. The check, though it gains less, may
        be the surer of the two: the smaller the rate, the more alike are the gains of
        the batches.
        """
        gains = self._gain(best_candidate(self.candidates)), self._gain(self.checked)
        return gains[0] > 0.0 and (max(gains) > SIGNIFICANT or min(gains) > LIKELY)

    def _gain(self, training: Candidate | None) -> float:
        return 0.0 if training is None else gain(training, self.untrained)

    def _train_gain(self) -> float:
        """Returns how far the best candidate's training loss fell, in standard errors.

        From the level at which the sweeps begin.
        """
        best = best_candidate(self.candidates)
        starts = np.concatenate([sweep.losses[:START_RATES] for sweep in self.sweeps])
        if len(starts) < 2 or not np.isfinite([*starts, best.train_loss]).all():
            return 0.0
        last = max(1, best.num_steps // LAST_PART)
        error = float(np.std(starts, ddof=1)) * math.sqrt(1 / len(starts) + 1 / last)
        fall = float(np.mean(starts)) - best.train_loss
        if error > 0.0:
            return fall / error
        return math.inf if fall > 0.0 else 0.0
