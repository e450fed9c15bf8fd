"""Confirming a rate: short trainings at a few rates, judged on held-out data."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.sweep import TrainingLoop

FloatArray = npt.NDArray[np.float64]

PROBE_STEPS = 20
WORSE_PROBES = 2
DECADES_BETWEEN = 0.5
MIN_CONFIRM_STEPS = 30
SCORED_AT = (0.8, 0.9, 1.0)
TOLERANCE = 0.05
SIGNIFICANT = 5.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Candidate:
    """One rate that was tried by a short training.

    Attributes:
      learning_rate: The constant rate of the training.
      eval_losses: The held-out loss of each evaluation batch, `[b]`, the mean of
        three times near the end of the training; one NaN where training broke down.
      train_loss: The mean loss of its last training batches, a fifth of all.
      num_steps: Training steps taken.
    """

    learning_rate: float
    eval_losses: tuple[float, ...]
    train_loss: float
    num_steps: int

    @property
    def eval_loss(self) -> float:
        """The mean held-out loss; infinite if it is not finite."""
        mean = float(np.mean(self.eval_losses))
        return mean if math.isfinite(mean) else math.inf


def probe(
    loop: TrainingLoop, config: RangeTestConfig, untrained: FloatArray
) -> tuple[Candidate, ...]:
    """Returns trainings of 20 steps a decade apart, smallest rate first.

    They find the decade that the candidates open around, better than the curve does:
    a rule on a sweep of 50 to 100 steps misses the best rate of a short training by
    one to three decades (`benchmarks/quality`). Tried from the largest rate down, until
    two in a row are worse than the best so far and that is below the untrained model,
    or the sweeps and they have used the budget up.

    Args:
      loop: Trains and evaluates.
      config: `min_lr`, `max_lr` and the budget are read.
      untrained: Held-out loss of each batch before training, `[b]`.
    """
    highest = math.log10(config.max_lr) - 0.5
    decades = max(0.0, highest - math.log10(config.min_lr))
    affordable = (config.budget - config.sweep_steps) // PROBE_STEPS
    probes: list[Candidate] = []
    worse = 0
    for decade in range(min(math.floor(decades + 1e-9) + 1, affordable)):
        new = train_candidate(loop, 10.0 ** (highest - decade), PROBE_STEPS)
        worse = worse + 1 if probes and new.eval_loss >= best_loss(probes) else 0
        probes.append(new)
        if worse >= WORSE_PROBES and best_loss(probes) < np.mean(untrained):
            break
    return tuple(reversed(probes))


def confirm(
    loop: TrainingLoop,
    centre: float,
    untrained: FloatArray,
    num_steps: int,
    steps_left: int,
) -> tuple[Candidate, ...]:
    """Returns the candidates that were trained, smallest rate first.

    Rates half a decade apart, from the same weights on the same batches: the centre
    and two below it. Then the bracket grows downwards while the one to choose is its
    lowest, and upwards while the best is its highest, as far as the steps go.

    Args:
      loop: Trains and evaluates.
      centre: The rate to begin with.
      untrained: Held-out loss of each batch before training, `[b]`.
      num_steps: Training steps of each candidate, at least 1.
      steps_left: Training steps that may be spent in all.

    References:
      L. N. Smith, arXiv:1803.09820, section 4.1, asks for a short test of a few
      initial rates; Y. Jin et al., arXiv:2105.10762 (AutoLRS), trains every candidate
      from the same checkpoint.
    """
    tried: dict[int, Candidate] = {}

    def train(offset: int) -> bool:
        if steps_left - sum(item.num_steps for item in tried.values()) < num_steps:
            return False
        rate = centre * 10.0 ** (DECADES_BETWEEN * offset)
        tried[offset] = train_candidate(loop, rate, num_steps)
        return True

    going = all(train(offset) for offset in (0, -1, -2))
    while going:
        ordered = [tried[offset] for offset in sorted(tried)]
        if choose(ordered, untrained) is ordered[0]:
            going = train(min(tried) - 1)
        elif best_candidate(ordered) is ordered[-1]:
            going = train(max(tried) + 1)
        else:
            break
    return tuple(tried[offset] for offset in sorted(tried))


def train_candidate(loop: TrainingLoop, rate: float, num_steps: int) -> Candidate:
    """Returns the candidate after its training at a constant rate.

    Args:
      loop: Is put back to the start first.
      rate: The learning rate.
      num_steps: Training steps; fewer are taken if the loss stops being finite.
    """
    loop.begin_candidate()
    history = np.empty(0)
    scores = []
    for share in SCORED_AT:
        until = max(1, round(share * num_steps))
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
    """Returns the candidate of the least held-out loss, the smaller rate in a tie."""
    return min(candidates, key=lambda item: (item.eval_loss, item.learning_rate))


def best_loss(candidates: Sequence[Candidate]) -> float:
    """Returns the least held-out loss."""
    return best_candidate(candidates).eval_loss


def choose(candidates: Sequence[Candidate], untrained: FloatArray) -> Candidate:
    """Returns the smallest rate that does about as well as the best.

    About as well: the held-out loss is within 5 % of what the best gained over the
    untrained model; and so is that of every candidate between the two. Too small a
    rate costs little, too large a one costs much.

    Args:
      candidates: At least one, smallest rate first.
      untrained: Held-out loss of each batch before training, `[b]`.
    """
    best = list(candidates).index(best_candidate(candidates))
    worst = _as_good(candidates, untrained)
    chosen = best
    while chosen > 0 and candidates[chosen - 1].eval_loss <= worst:
        chosen -= 1
    return candidates[chosen]


def as_good_as_best(
    candidates: Sequence[Candidate], untrained: FloatArray
) -> tuple[float, float]:
    """Returns the lowest and the highest rate that do about as well as the best."""
    worst = _as_good(candidates, untrained)
    rates = [item.learning_rate for item in candidates if item.eval_loss <= worst]
    return choose(candidates, untrained).learning_rate, max(rates)


def _as_good(candidates: Sequence[Candidate], untrained: FloatArray) -> float:
    best = best_loss(candidates)
    return best + TOLERANCE * max(0.0, float(np.mean(untrained)) - best)


def beats(candidate: Candidate, untrained: FloatArray) -> bool:
    """Returns whether the candidate's held-out loss is below the untrained model's.

    Both were scored on the same batches: the difference must exceed five standard
    errors of its mean over the batches.

    Args:
      candidate: Its `eval_losses` are read.
      untrained: The loss of each evaluation batch before any training, `[b]`.
    """
    return gain(candidate, untrained) > SIGNIFICANT


def overfits(
    candidate: Candidate, untrained: FloatArray, num_train_batches: int | None
) -> bool:
    """Returns whether the candidate has begun to learn its training data by heart.

    Its held-out loss exceeds its training loss by more than it gained on held-out data
    over the untrained model, after more than one pass over the data (or a number of
    passes that is unknown).

    Args:
      candidate: A finite one.
      untrained: Held-out loss of each batch before training, `[b]`.
      num_train_batches: Batches in one pass over the training data; None if unknown.
    """
    if num_train_batches is not None and candidate.num_steps <= num_train_batches:
        return False
    gap = candidate.eval_loss - candidate.train_loss
    return gap > float(np.mean(untrained)) - candidate.eval_loss


def gain(candidate: Candidate, untrained: FloatArray) -> float:
    """Returns what the candidate gained over the untrained model, in standard errors.

    Infinite where a single batch, or equal gains on all, give no error; 0 where the
    candidate's loss is not finite.
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
