"""Confirming a suggestion: short trainings at a few rates, judged on held-out data."""

import dataclasses
import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.sweep import TrainingLoop

FloatArray = npt.NDArray[np.float64]

DECADES_BETWEEN = 0.5
NUM_CANDIDATES = 6
MIN_CONFIRM_STEPS = 10
SIGNIFICANT = 4.0
SCORED_AT = (0.8, 0.9, 1.0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Candidate:
    """One rate that was tried by a short training.

    Attributes:
      learning_rate: The constant rate of the training.
      eval_losses: The held-out loss of each evaluation batch, `[b]`, the mean of
        three times near the end of the training; NaN where training broke down.
      num_steps: Training steps taken.
    """

    learning_rate: float
    eval_losses: tuple[float, ...]
    num_steps: int

    @property
    def eval_loss(self) -> float:
        """The mean held-out loss; infinite if it is not finite."""
        mean = float(np.mean(self.eval_losses))
        return mean if math.isfinite(mean) else math.inf


def best_candidate(candidates: Sequence[Candidate]) -> Candidate:
    """Returns the candidate of the least held-out loss, the smaller rate in a tie."""
    return min(candidates, key=lambda item: (item.eval_loss, item.learning_rate))


def choose_rate(candidates: Sequence[Candidate]) -> float:
    """Returns the rate at the bottom of a parabola through the best and its neighbours.

    Where the best has a neighbour on each side, all finite, the parabola over log rate
    places the minimum between them; at most half-way to a neighbour. Elsewhere the best
    rate itself is returned.

    Args:
      candidates: At least one, smallest rate first.
    """
    best = list(candidates).index(best_candidate(candidates))
    rate = candidates[best].learning_rate
    if not 0 < best < len(candidates) - 1:
        return rate
    near = candidates[best - 1 : best + 2]
    low, middle, high = (item.eval_loss for item in near)
    bend = low - 2.0 * middle + high
    if not math.isfinite(bend) or bend <= 0.0:
        return rate
    gap = 0.5 * (math.log10(near[2].learning_rate / near[0].learning_rate))
    shift = 0.5 * (low - high) / bend
    return float(rate * 10.0 ** (gap * min(0.5, max(-0.5, shift))))


def beats(candidate: Candidate, untrained: FloatArray) -> bool:
    """Returns whether the candidate's held-out loss is below the untrained model's.

    Both were scored on the same batches: the difference must exceed four standard
    errors of its mean over the batches.

    Args:
      candidate: Its `eval_losses` are read.
      untrained: The loss of each evaluation batch before any training, `[b]`.
    """
    if not math.isfinite(candidate.eval_loss) or not np.isfinite(untrained).all():
        return math.isfinite(candidate.eval_loss)
    gains = untrained - np.array(candidate.eval_losses)
    error = (
        float(np.std(gains, ddof=1)) / math.sqrt(len(gains)) if len(gains) > 1 else 0
    )
    return float(np.mean(gains)) > SIGNIFICANT * error


def confirm_steps(config: RangeTestConfig, steps_left: int) -> int:
    """Returns the training steps of each candidate.

    Args:
      config: `confirm_steps` is taken where it is set.
      steps_left: What the sweeps left of the budget.

    Returns:
      The steps, 0 if confirming is off or the budget is too small for it.
    """
    if config.confirm_steps is not None:
        return config.confirm_steps
    share = steps_left // NUM_CANDIDATES
    return share if share >= MIN_CONFIRM_STEPS else 0


def confirm(
    loop: TrainingLoop, centre: float, num_steps: int, steps_left: int
) -> tuple[Candidate, ...]:
    """Returns the candidates that were trained, smallest rate first.

    Rates half a decade apart, from the same weights on the same batches. The bracket
    opens around `centre` and grows on the side of the best until the best is inside
    it or the steps are spent.

    Args:
      loop: Trains and evaluates.
      centre: The rate to begin with.
      num_steps: Training steps of each candidate, at least 1.
      steps_left: Training steps that may be spent in all.

    Returns:
      At least one candidate.

    References:
      L. N. Smith, arXiv:1803.09820, section 4.1, asks for "a short test" of a few
      initial learning rates; YuchenJin et al., arXiv:2105.10762 (AutoLRS), trains
      every candidate from the same checkpoint.
    """
    tried: dict[int, Candidate] = {}
    for offset in _offsets(tried):
        if steps_left < num_steps:
            break
        rate = centre * 10.0 ** (DECADES_BETWEEN * offset)
        tried[offset] = train_candidate(loop, rate, num_steps)
        steps_left -= tried[offset].num_steps
    return tuple(tried[offset] for offset in sorted(tried))


def _offsets(tried: dict[int, Candidate]) -> Iterator[int]:
    """Yields the next offset from the centre while the best is at an edge."""
    yield from (0, 1, -1)
    while True:
        best = min(tried, key=lambda offset: (tried[offset].eval_loss, offset))
        if best == max(tried):
            yield best + 1
        elif best == min(tried):
            yield best - 1
        else:
            return


def train_candidate(loop: TrainingLoop, rate: float, num_steps: int) -> Candidate:
    """Returns the candidate after its training at a constant rate.

    Args:
      loop: Is put back to the start first.
      rate: The learning rate.
      num_steps: Training steps; fewer are taken if the loss stops being finite.
    """
    loop.begin_candidate()
    taken = 0
    scores = []
    for share in SCORED_AT:
        until = max(1, round(share * num_steps))
        while taken < until:
            losses = loop.train(np.full(until - taken, rate))
            taken += len(losses)
            if not np.isfinite(losses[-1]):
                return Candidate(
                    learning_rate=rate, eval_losses=(math.nan,), num_steps=taken
                )
        scores.append(loop.evaluate())
    return Candidate(
        learning_rate=rate,
        eval_losses=tuple(np.mean(scores, axis=0).tolist()),
        num_steps=taken,
    )
