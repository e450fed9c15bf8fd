"""One short training at a constant rate, and how two of them compare."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from tfx_lr_finder.range_test.sweep import TrainingLoop
from tfx_lr_finder.range_test.values import FloatArray, Rate

SCORED_AT = (0.8, 0.9, 1.0)
TOLERANCE = 0.05
STRONG_SIGMAS = 5.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Candidate:
    """The result of a short training at one rate.

    Attributes:
      learning_rate: The constant rate of the training.
      eval_losses: The held-out loss of each evaluation batch, `[b]`, averaged over
        three evaluations near the end. One NaN if the training loss was not finite.
      train_loss: The mean loss of the last fifth of the training batches.
      num_steps: Training steps taken.
    """

    learning_rate: Rate
    eval_losses: tuple[float, ...]
    train_loss: float
    num_steps: int

    @property
    def eval_loss(self) -> float:
        """The mean held-out loss; infinite if it is not finite."""
        mean = float(np.mean(self.eval_losses))
        return mean if math.isfinite(mean) else math.inf


def train_candidate(loop: TrainingLoop, rate: float, num_steps: int) -> Candidate:
    """Returns the result of a training at a constant rate from the initial weights.

    Args:
      loop: Trains and evaluates.
      rate: The learning rate.
      num_steps: Training steps. A loss that is not finite ends the training early.
    """
    loop.begin_candidate()
    history = np.empty(0)
    scores = []
    for fraction in SCORED_AT:
        until = max(1, round(fraction * num_steps))
        while len(history) < until:
            losses = loop.train(np.full(until - len(history), rate))
            history = np.concatenate([history, losses])
            if not np.isfinite(losses[-1]):
                return Candidate(
                    learning_rate=rate,
                    eval_losses=(math.nan,),
                    train_loss=math.nan,
                    num_steps=len(history),
                )
        scores.append(loop.evaluate())
    return Candidate(
        learning_rate=rate,
        eval_losses=tuple(np.mean(scores, axis=0).tolist()),
        train_loss=float(np.mean(history[-max(1, num_steps // 5) :])),
        num_steps=len(history),
    )


def best_candidate(candidates: Sequence[Candidate]) -> Candidate:
    """Returns the candidate with the lowest held-out loss; ties go to smaller rates."""
    return min(candidates, key=lambda item: (item.eval_loss, item.learning_rate))


def choose(candidates: Sequence[Candidate], untrained: FloatArray) -> Candidate:
    """Returns the smallest rate that is about as good as the best.

    "About as good" means that the held-out loss is within 5 % of the best candidate's
    gain over the untrained model. The same must hold for all candidates between the
    two. A rate that is too small costs little, one that is too large costs much.

    Args:
      candidates: At least one, smallest rate first.
      untrained: Held-out loss of each batch before training, `[b]`.
    """
    highest_loss = _highest_good_loss(candidates, untrained)
    chosen = list(candidates).index(best_candidate(candidates))
    while chosen > 0 and candidates[chosen - 1].eval_loss <= highest_loss:
        chosen -= 1
    return candidates[chosen]


def as_good_as_best(
    candidates: Sequence[Candidate], untrained: FloatArray
) -> tuple[float, float]:
    """Returns the lowest and the highest rate that are about as good as the best."""
    highest_loss = _highest_good_loss(candidates, untrained)
    rates = [
        item.learning_rate for item in candidates if item.eval_loss <= highest_loss
    ]
    return choose(candidates, untrained).learning_rate, max(rates)


def _highest_good_loss(candidates: Sequence[Candidate], untrained: FloatArray) -> float:
    best = best_candidate(candidates).eval_loss
    return best + TOLERANCE * max(0.0, float(np.mean(untrained)) - best)


def gain_zscore(candidate: Candidate, untrained: FloatArray) -> float:
    """Returns the candidate's gain over the untrained model, in standard errors.

    Both are scored on the same batches, so the standard error is that of the mean
    difference. It is 0 for a single batch or equal differences, and a gain is then
    infinite. A loss that is not finite counts as no gain, 0.

    Args:
      candidate: Provides the losses after training.
      untrained: Held-out loss of each batch before training, `[b]`.
    """
    if not math.isfinite(candidate.eval_loss):
        return 0.0
    if not np.isfinite(untrained).all():
        return math.inf
    gains = untrained - np.array(candidate.eval_losses)
    mean = float(np.mean(gains))
    if mean <= 0.0:
        return 0.0
    error = (
        float(np.std(gains, ddof=1)) / math.sqrt(len(gains)) if len(gains) > 1 else 0
    )
    return mean / error if error > 0.0 else math.inf


def beats(candidate: Candidate, untrained: FloatArray) -> bool:
    """Returns whether the candidate gains more than five standard errors."""
    return gain_zscore(candidate, untrained) > STRONG_SIGMAS


def overfits(
    candidate: Candidate, untrained: FloatArray, num_train_batches: int | None
) -> bool:
    """Returns whether the candidate overfits its training data.

    It does if its held-out loss exceeds its training loss by more than its gain over
    the untrained model. The first pass over the data cannot overfit.

    Args:
      candidate: A candidate with a finite loss.
      untrained: Held-out loss of each batch before training, `[b]`.
      num_train_batches: Batches in one pass over the training data; None if unknown.
    """
    if num_train_batches is not None and candidate.num_steps <= num_train_batches:
        return False
    gap = candidate.eval_loss - candidate.train_loss
    return gap > float(np.mean(untrained)) - candidate.eval_loss
