"""Confirming a rate: probe, bracket, rescale, final check."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from tfx_lr_finder.range_test.candidates import (
    Candidate,
    as_good_as_best,
    best_candidate,
    excluding,
    optimum,
    overfits,
    train_candidate,
)
from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.ladder import horizon_factor
from tfx_lr_finder.range_test.sweep import TrainingLoop
from tfx_lr_finder.range_test.values import FloatArray

PROBE_STEPS = 20
MAX_WORSE_PROBES = 2
DECADES_BETWEEN = 0.5
NUM_TRAININGS = 4.5
SHORT_CANDIDATE = 50
"""Steps below which a candidate is too short, so that three share the budget."""
MIN_CHECK_STEPS = 10
MAX_PASSES = 0.5
"""Passes of a candidate over the training data beyond which a lower rate is safer."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Confirmation:
    """The result of confirming a rate; empty if confirming is off.

    Attributes:
      untrained: Held-out loss of each unit before training, `[u]`.
      probes: Short trainings a decade apart, smallest rate first.
      candidates: Trainings half a decade apart, smallest rate first. If the budget
        allows none, these are the probes.
      final_check: A training at the suggested rate itself, or None.
      rate: The rate for constant training, or None.
      rate_range: The lowest and the highest rate about as good, or None.
    """

    untrained: FloatArray = dataclasses.field(default_factory=lambda: np.empty(0))
    probes: tuple[Candidate, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    final_check: Candidate | None = None
    rate: float | None = None
    rate_range: tuple[float, float] | None = None

    @property
    def untrained_loss(self) -> float | None:
        """The mean held-out loss before training, or None."""
        return float(np.mean(self.untrained)) if len(self.untrained) else None

    @property
    def steps_by_phase(self) -> dict[str, int]:
        """Training steps of the probes, the candidates and the final check."""
        return {
            "probes": _steps(self.probes),
            "candidates": _steps(excluding(self.candidates, self.probes)),
            "final_check": self.final_check.num_steps if self.final_check else 0,
        }


def confirm_rate(
    loop: TrainingLoop,
    config: RangeTestConfig,
    steps_left: int,
    num_train_batches: int | None,
    previous_rate: float | None = None,
) -> Confirmation:
    """Returns the rate that short trainings favor, scaled to a long one.

    Probes find the decade, candidates half a decade apart find the rate. It is scaled
    to the Trainer's steps, and then trained itself as the final check. A previous rate
    is one more probe: the candidates start from it only if it does better than the
    other probes.

    If the best candidate takes more than half a pass over the training data, a long
    training takes many passes and may overfit. Then the smallest rate about as good as
    the best is taken.

    Args:
      loop: Trains and evaluates.
      config: Sets the steps to spend and the Trainer's `train_steps`.
      steps_left: Steps of the budget that the sweeps left.
      num_train_batches: Batches in one pass over the training data; None if unknown.
      previous_rate: A rate for constant training from a previous run, or None.
    """
    loop.begin_candidate()
    untrained = loop.evaluate()[0]
    probes = probe(loop, config, untrained)
    if not probes:
        return Confirmation(untrained=untrained)
    probes += _probe_previous(loop, config, steps_left - _steps(probes), previous_rate)
    probes = tuple(sorted(probes, key=lambda item: item.learning_rate))
    steps_left -= _steps(probes)
    num_steps = config.confirm_steps or _steps_per_candidate(steps_left)
    candidates = bracket(loop, probes, num_steps, steps_left - MIN_CHECK_STEPS)
    found = Confirmation(
        untrained=untrained, probes=probes, candidates=candidates or probes
    )
    steps_left -= found.steps_by_phase["candidates"]
    best = best_candidate(found.candidates)
    if not math.isfinite(best.eval_loss):
        return found
    overfitted = overfits(best, untrained, num_train_batches)
    factor = horizon_factor(best.num_steps, config.train_steps, overfits=overfitted)
    best_rate = optimum(found.candidates)
    low, high = as_good_as_best(found.candidates, untrained)
    if overfitted or best.num_steps > MAX_PASSES * (num_train_batches or math.inf):
        best_rate = min(best_rate, low)
    rate = factor * best_rate
    final_check = None
    if steps_left >= MIN_CHECK_STEPS:
        final_check = train_candidate(loop, rate, min(num_steps, steps_left))
    return dataclasses.replace(
        found,
        final_check=final_check,
        rate=rate,
        rate_range=(min(factor * low, rate), max(factor * high, rate)),
    )


def probe(
    loop: TrainingLoop, config: RangeTestConfig, untrained: FloatArray
) -> tuple[Candidate, ...]:
    """Returns trainings of 20 steps a decade apart, smallest rate first.

    They locate the decade of the best rate better than the curve does. A rule on a
    sweep of 50 to 100 steps misses the best rate of a short training by one to three
    decades (`benchmarks/quality`). Probing starts at the largest rate. It stops once
    the best probe beats the untrained model and the last two probes were worse, or at
    the end of the range or of the budget.

    Args:
      loop: Trains and evaluates.
      config: Sets `min_lr`, `max_lr` and the budget.
      untrained: Held-out loss of each unit before training, `[u]`.
    """
    highest = math.log10(config.max_lr) - 0.5
    decades = max(0.0, highest - math.log10(config.min_lr))
    affordable = (config.budget - config.sweep_steps) // PROBE_STEPS
    probes: list[Candidate] = []
    best = math.inf
    worse = 0
    for decade in range(min(math.floor(decades + 1e-9) + 1, affordable)):
        new = train_candidate(loop, 10.0 ** (highest - decade), PROBE_STEPS)
        worse = worse + 1 if probes and new.eval_loss >= best else 0
        best = min(best, new.eval_loss)
        probes.append(new)
        if worse >= MAX_WORSE_PROBES and best < np.mean(untrained):
            break
    return tuple(reversed(probes))


def _probe_previous(
    loop: TrainingLoop, config: RangeTestConfig, steps_left: int, rate: float | None
) -> tuple[Candidate, ...]:
    """Returns a probe at the previous rate, scaled from a long training to a short one.

    Empty if there is no previous rate, if the scaled rate lies outside the range of
    the sweep, or if the budget would not allow a candidate afterwards.
    """
    num_steps = config.confirm_steps or _steps_per_candidate(steps_left)
    affordable = steps_left >= PROBE_STEPS + num_steps + MIN_CHECK_STEPS
    if rate is None or not affordable:
        return ()
    rate /= horizon_factor(num_steps, config.train_steps)
    if not config.min_lr <= rate <= config.max_lr:
        return ()
    return (train_candidate(loop, rate, PROBE_STEPS),)


def bracket(
    loop: TrainingLoop,
    probes: Sequence[Candidate],
    num_steps: int,
    steps_left: int,
) -> tuple[Candidate, ...]:
    """Returns candidates half a decade apart, smallest rate first.

    All start from the same weights and train on the same batches. The first three are
    the best probe's rate and two rates below it. While the best candidate is the lowest
    or the highest, the bracket grows beyond it. A probe of the same length and rate is
    not trained again.

    Args:
      loop: Trains and evaluates.
      probes: At least one. There are no candidates if the best is not finite.
      num_steps: Training steps of each candidate, at least 1.
      steps_left: The most training steps to spend.

    References:
      L. N. Smith, arXiv:1803.09820, section 4.1, recommends a short test of a few
      initial rates; Y. Jin et al., arXiv:2105.10762 (AutoLRS), trains every candidate
      from the same checkpoint.
    """
    centre = best_candidate(probes)
    as_long = [item for item in probes if item.num_steps == num_steps]
    tried: dict[int, Candidate] = {}

    def train(offset: int) -> bool:
        rate = centre.learning_rate * 10.0 ** (DECADES_BETWEEN * offset)
        probed = [item for item in as_long if math.isclose(item.learning_rate, rate)]
        spent = _steps(excluding(tried.values(), probes))
        if not probed and steps_left - spent < num_steps:
            return False
        tried[offset] = probed[0] if probed else train_candidate(loop, rate, num_steps)
        return True

    growing = math.isfinite(centre.eval_loss)
    growing = growing and all(train(offset) for offset in (0, -1, -2))
    while growing:
        ordered = [tried[offset] for offset in sorted(tried)]
        best = best_candidate(ordered)
        if best is ordered[0]:
            growing = train(min(tried) - 1)
        elif best is ordered[-1]:
            growing = train(max(tried) + 1)
        else:
            break
    return tuple(tried[offset] for offset in sorted(tried))


def num_possible_trainings(config: RangeTestConfig) -> int:
    """Returns how many different trainings the held-out data could be asked about.

    The probes are a decade apart, the candidates half a decade, and one final check is
    counted for each candidate. Which of them run depends on the results of the others,
    so the correction for multiple tests covers them all. The final check may have any
    rate, but its gain alone never makes a result OK.
    """
    decades = math.ceil(math.log10(config.max_lr / config.min_lr) - 1e-9)
    return 5 * decades + 3


def most_candidate_steps(config: RangeTestConfig) -> int:
    """Returns the largest number of steps that a probe or a candidate can take."""
    return max(PROBE_STEPS, config.confirm_steps or _steps_per_candidate(config.budget))


def _steps_per_candidate(steps_left: int) -> int:
    """Returns the steps of one candidate.

    Four candidates fit, and half a one for the final check. If these would be short,
    three of at most 50 steps fit, and a final check of ten steps. The shortest take as
    many steps as the probes, which then are candidates too.
    """
    num_steps = math.floor(steps_left / NUM_TRAININGS)
    if num_steps >= SHORT_CANDIDATE:
        return num_steps
    third = (steps_left - MIN_CHECK_STEPS) // 3
    return max(PROBE_STEPS, min(third, SHORT_CANDIDATE))


def _steps(candidates: Sequence[Candidate]) -> int:
    return sum(item.num_steps for item in candidates)
