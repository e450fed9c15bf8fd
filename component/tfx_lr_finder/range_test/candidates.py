"""One short training at a constant rate, and how two of them compare."""

import dataclasses
import math
from collections.abc import Iterable, Sequence

import numpy as np

from tfx_lr_finder.range_test.student_t import standard_errors
from tfx_lr_finder.range_test.sweep import TrainingLoop
from tfx_lr_finder.range_test.values import FloatArray, Rate

SCORED_AT = (0.8, 0.9, 1.0)
TOLERANCE = 0.05


@dataclasses.dataclass(frozen=True, kw_only=True)
class Candidate:
    """The result of a short training at one rate.

    Attributes:
      learning_rate: The constant rate of the training.
      eval_losses: The held-out loss of each unit (see `TrainingLoop.evaluate`), `[u]`,
        averaged over three evaluations near the end. One NaN if the training loss was
        not finite.
      train_loss: The mean loss of the last fifth of the training batches.
      num_steps: Training steps taken.
      mismatch_zscore: How much higher the held-out loss is if every row gets the
        prediction for another row, in standard errors. A model that learns nothing from
        the features gives about 0. NaN if the loss has no value for each row.
    """

    learning_rate: Rate
    eval_losses: tuple[float, ...]
    train_loss: float
    num_steps: int
    mismatch_zscore: float = math.nan

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
    eval_losses, *mismatched = np.mean(scores, axis=0)
    return Candidate(
        learning_rate=rate,
        eval_losses=tuple(eval_losses.tolist()),
        train_loss=float(np.mean(history[-max(1, num_steps // 5) :])),
        num_steps=len(history),
        mismatch_zscore=zscore(mismatched[0], eval_losses) if mismatched else math.nan,
    )


def best_candidate(candidates: Sequence[Candidate]) -> Candidate:
    """Returns the candidate with the lowest held-out loss; ties go to smaller rates."""
    return min(candidates, key=lambda item: (item.eval_loss, item.learning_rate))


def excluding(
    trainings: Iterable[Candidate], others: Sequence[Candidate]
) -> tuple[Candidate, ...]:
    """Returns the trainings that are not among others; a probe may be a candidate."""
    return tuple(item for item in trainings if item not in others)


def optimum(candidates: Sequence[Candidate]) -> float:
    """Returns the rate at which the held-out loss is lowest.

    It is the vertex of the parabola, in log rate, through the best candidate and its
    two neighbors. So it lies at most half the way to one of them. It is the rate of the
    best candidate itself if that has one neighbor only, or one whose loss is not
    finite.

    Args:
      candidates: At least one, smallest rate first.
    """
    best = list(candidates).index(best_candidate(candidates))
    three = candidates[max(0, best - 1) : best + 2]
    losses = np.array([item.eval_loss for item in three])
    logs = np.log([item.learning_rate for item in three])
    if len(three) < 3 or not np.isfinite(losses).all():
        return candidates[best].learning_rate
    slopes = np.diff(losses) / np.diff(logs)
    if slopes[0] == slopes[1]:
        return candidates[best].learning_rate
    # The slope of a parabola is linear, and these two hold half-way between the rates.
    middles = (logs[1:] + logs[:-1]) / 2.0
    return float(np.exp(np.interp(0.0, slopes, middles)))


def as_good_as_best(
    candidates: Sequence[Candidate], untrained: FloatArray
) -> tuple[float, float]:
    """Returns the lowest and the highest rate that are about as good as the best.

    "About as good" means that the held-out loss is within 5 % of the best candidate's
    gain over the untrained model. The same must hold for all candidates between the
    two.

    Args:
      candidates: At least one, smallest rate first.
      untrained: Held-out loss of each unit before training, `[u]`.
    """
    best = best_candidate(candidates)
    gain = max(0.0, float(np.mean(untrained)) - best.eval_loss)
    highest_loss = best.eval_loss + TOLERANCE * gain
    low = high = list(candidates).index(best)
    while low > 0 and candidates[low - 1].eval_loss <= highest_loss:
        low -= 1
    while high + 1 < len(candidates) and candidates[high + 1].eval_loss <= highest_loss:
        high += 1
    return candidates[low].learning_rate, candidates[high].learning_rate


def zscore(higher: FloatArray, lower: FloatArray) -> float:
    """Returns by how many standard errors one mean of losses exceeds another.

    Both belong to the same units, so that only the difference of each pair counts.

    Args:
      higher: float64 `[u]`.
      lower: float64 `[u]`.

    Returns:
      0.0 if nothing can be said: fewer than two units, a loss that is not finite, or
      differences that are all equal.
    """
    if np.shape(higher) != np.shape(lower) or not np.isfinite([higher, lower]).all():
        return 0.0
    scale = float(np.max(np.abs([higher, lower]), initial=0.0))
    return standard_errors(higher - lower, scale)


def gain_zscore(candidate: Candidate, untrained: FloatArray) -> float:
    """Returns the candidate's gain over the untrained model, in standard errors.

    Args:
      candidate: Provides the losses after training.
      untrained: Held-out loss of each unit before training, `[u]`.
    """
    return zscore(untrained, np.array(candidate.eval_losses))


def overfits(
    candidate: Candidate, untrained: FloatArray, num_train_batches: int | None
) -> bool:
    """Returns whether the candidate overfits its training data.

    It does if its held-out loss exceeds its training loss by more than its gain over
    the untrained model. The first pass over the data cannot overfit.

    Args:
      candidate: A candidate with a finite loss.
      untrained: Held-out loss of each unit before training, `[u]`.
      num_train_batches: Batches in one pass over the training data; None if unknown.
    """
    if num_train_batches is not None and candidate.num_steps <= num_train_batches:
        return False
    gap = candidate.eval_loss - candidate.train_loss
    return gap > float(np.mean(untrained)) - candidate.eval_loss
