"""From probes to a rate that was checked: the confirming part of a range test."""

import dataclasses
import math

import numpy as np
import numpy.typing as npt

from tfx_lr_finder.range_test.candidates import (
    MIN_CONFIRM_STEPS,
    PROBE_STEPS,
    Candidate,
    as_good_as_best,
    best_candidate,
    confirm,
    overfits,
    probe,
    train_candidate,
)
from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.ladder import horizon_factor
from tfx_lr_finder.range_test.sweep import TrainingLoop

FloatArray = npt.NDArray[np.float64]

NUM_TRAININGS = 4.5
MIN_CHECK_STEPS = 10


@dataclasses.dataclass(frozen=True, kw_only=True)
class Confirmed:
    """What confirming found; all empty where it is off.

    Attributes:
      untrained: Held-out loss of each batch before training, `[b]`.
      probes: Short trainings a decade apart, smallest rate first.
      candidates: Trainings half a decade apart, smallest rate first; the probes
        themselves where the budget has no more.
      checked: A training at the suggested rate itself, or None.
      rate: The rate for constant training, or None.
      rate_range: The lowest and the highest rate about as good, or None.
    """

    untrained: FloatArray = dataclasses.field(default_factory=lambda: np.empty(0))
    probes: tuple[Candidate, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    checked: Candidate | None = None
    rate: float | None = None
    rate_range: tuple[float, float] | None = None

    @property
    def untrained_loss(self) -> float | None:
        """The mean held-out loss before training, or None."""
        return float(np.mean(self.untrained)) if len(self.untrained) else None

    @property
    def steps_by_phase(self) -> dict[str, int]:
        """Training steps of the probes, the candidates and the check."""
        candidates = () if self.candidates is self.probes else self.candidates
        return {
            "probes": _steps(self.probes),
            "candidates": _steps(candidates),
            "check": self.checked.num_steps if self.checked else 0,
        }


def confirm_rate(
    loop: TrainingLoop,
    config: RangeTestConfig,
    steps_left: int,
    num_train_batches: int | None,
    earlier_rate: float | None = None,
) -> Confirmed:
    """Returns the rate that short trainings favour, made fit for a long one.

    Probes find the decade, candidates the half decade; the smallest rate about as good
    as the best is scaled from their horizon to the Trainer's, and then trained itself.
    A rate that served earlier is one probe more: the candidates open around it where
    it does better than the others, and nowhere else.

    Args:
      loop: Trains and evaluates.
      config: What to spend, and the Trainer's `train_steps`.
      steps_left: What the sweeps left of the budget.
      num_train_batches: Batches in one pass over the training data; None if unknown.
      earlier_rate: A rate for constant training, or None.
    """
    loop.begin_candidate()
    untrained = loop.evaluate()
    probes = probe(loop, config, untrained)
    if not probes:
        return Confirmed(untrained=untrained)
    steps_left -= _steps(probes)
    again = _probe_earlier(loop, config, steps_left, earlier_rate)
    steps_left -= _steps(again)
    probes = tuple(sorted((*probes, *again), key=lambda item: item.learning_rate))
    num_steps = config.confirm_steps or _share(steps_left)
    centre = best_candidate(probes)
    candidates = probes
    for_candidates = steps_left - MIN_CHECK_STEPS
    if math.isfinite(centre.eval_loss) and for_candidates >= num_steps:
        candidates = confirm(
            loop, centre.learning_rate, untrained, num_steps, for_candidates
        )
        steps_left -= _steps(candidates)
    best = best_candidate(candidates)
    if not math.isfinite(best.eval_loss):
        return Confirmed(untrained=untrained, probes=probes, candidates=candidates)
    factor = horizon_factor(
        best.num_steps,
        config.train_steps,
        overfits=overfits(best, untrained, num_train_batches),
    )
    low, high = as_good_as_best(candidates, untrained)
    checked = None
    if steps_left >= MIN_CHECK_STEPS:
        checked = train_candidate(loop, low * factor, min(num_steps, steps_left))
    return Confirmed(
        untrained=untrained,
        probes=probes,
        candidates=candidates,
        checked=checked,
        rate=low * factor,
        rate_range=(low * factor, high * factor),
    )


def _probe_earlier(
    loop: TrainingLoop, config: RangeTestConfig, steps_left: int, rate: float | None
) -> tuple[Candidate, ...]:
    """Returns a probe at the short training's counterpart of an earlier rate.

    Empty where there is no such rate, it lies outside the range that is swept, or the
    budget would have no candidate left.
    """
    num_steps = config.confirm_steps or _share(steps_left)
    affordable = steps_left >= PROBE_STEPS + num_steps + MIN_CHECK_STEPS
    if rate is None or not affordable:
        return ()
    rate /= horizon_factor(num_steps, config.train_steps, overfits=False)
    if not config.min_lr <= rate <= config.max_lr:
        return ()
    return (train_candidate(loop, rate, PROBE_STEPS),)


def most_candidate_steps(config: RangeTestConfig) -> int:
    """Returns the most steps that a probe or a candidate can be given."""
    return max(PROBE_STEPS, config.confirm_steps or _share(config.budget))


def _share(num_steps: int) -> int:
    """Returns the steps of one candidate: four of them and half a one for the check."""
    return max(MIN_CONFIRM_STEPS, math.floor(num_steps / NUM_TRAININGS))


def _steps(candidates: tuple[Candidate, ...]) -> int:
    return sum(item.num_steps for item in candidates)
