"""The whole range test: sweeps, rules, candidates, verdict."""

import collections
import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.confirm import (
    Candidate,
    best_candidate,
    choose_rate,
    confirm,
    confirm_steps,
)
from tfx_lr_finder.range_test.result import LRFinderReport
from tfx_lr_finder.range_test.rules import RULES
from tfx_lr_finder.range_test.schedule import learning_rate_ladder, rates_by_schedule
from tfx_lr_finder.range_test.shape import curve_shape
from tfx_lr_finder.range_test.sweep import (
    StopReason,
    Sweep,
    TrainingLoop,
    run_sweep,
)
from tfx_lr_finder.range_test.verdict import MIN_RUNGS, Verdict, doubts, no_answer

FloatArray = npt.NDArray[np.float64]

AS_GOOD = 0.05


def run_range_test(
    loop: TrainingLoop, config: RangeTestConfig, clock: Callable[[], float]
) -> LRFinderReport:
    """Returns the report of a whole range test.

    Args:
      loop: Trains and evaluates.
      config: What to sweep, confirm and spend.
      clock: Returns seconds; only differences are used.

    Returns:
      The report, its `environment` empty.
    """
    began = clock()
    ladder = learning_rate_ladder(config)
    sweeps = [run_sweep(loop, ladder, config) for _ in range(config.num_sweeps)]
    swept = clock()
    readings = {name: [read(name, sweep) for sweep in sweeps] for name in RULES}
    suggestions = {name: combine(values) for name, values in readings.items()}
    spent = sum(sweep.num_steps for sweep in sweeps)
    candidates, untrained = _confirm(loop, config, suggestions, config.budget - spent)
    confirmed = clock()
    shapes = [curve_shape(sweep) for sweep in sweeps]
    curve_rate = suggestions[config.rule]
    reasons = no_answer(sweeps, shapes, curve_rate, candidates, untrained)
    rate = None if reasons else choose_rate(candidates) if candidates else curve_rate
    verdict = Verdict.INCONCLUSIVE
    if rate is not None:
        reasons = doubts(
            sweeps, shapes, readings[config.rule], candidates, rate, curve_rate
        )
        verdict = Verdict.LOW_CONFIDENCE if reasons else Verdict.OK
    by_schedule = {} if rate is None else rates_by_schedule(rate)
    return LRFinderReport(
        learning_rate=by_schedule.get(config.schedule),
        learning_rate_range=_range(rate, candidates, readings[config.rule], untrained),
        learning_rates_by_schedule=by_schedule,
        verdict=verdict,
        reasons=tuple(reasons),
        source="none" if rate is None else ("confirmed" if candidates else "rule"),
        rule=config.rule,
        suggestions=suggestions,
        stop_reason=_most_common([sweep.stop_reason for sweep in sweeps]),
        sweeps=tuple(sweeps),
        candidates=candidates,
        untrained_loss=float(np.mean(untrained)) if len(untrained) else None,
        steps_by_phase={
            "sweeps": spent,
            "candidates": sum(item.num_steps for item in candidates),
        },
        seconds={"sweeps": swept - began, "candidates": confirmed - swept},
        environment={},
        config=config,
    )


def read(name: str, sweep: Sweep) -> float | None:
    """Returns what a rule reads off one sweep, None for too short a curve."""
    losses = np.array(sweep.smoothed_losses)
    if len(losses) < MIN_RUNGS:
        return None
    return RULES[name](np.array(sweep.learning_rates[: len(losses)]), losses)


def combine(readings: Sequence[float | None]) -> float | None:
    """Returns the median in log rate of a rule's readings over the sweeps.

    None if fewer than half of the sweeps have one.
    """
    logs = [math.log10(rate) for rate in readings if rate is not None]
    if 2 * len(logs) < len(readings) or not logs:
        return None
    return float(10.0 ** np.median(logs))


def _confirm(
    loop: TrainingLoop,
    config: RangeTestConfig,
    suggestions: dict[str, float | None],
    steps_left: int,
) -> tuple[tuple[Candidate, ...], FloatArray]:
    """Returns the candidates, none if confirming is off, and the untrained loss."""
    num_steps = confirm_steps(config, steps_left)
    if num_steps == 0:
        return (), np.empty(0)
    loop.begin_candidate()
    untrained = loop.evaluate()
    return confirm(loop, _centre(config, suggestions), num_steps, steps_left), untrained


def _centre(config: RangeTestConfig, suggestions: dict[str, float | None]) -> float:
    """Returns the rate that the bracket of candidates opens around."""
    asked = suggestions[config.rule]
    if asked is not None:
        return asked
    others = combine([rate for rate in suggestions.values() if rate is not None])
    return others or math.sqrt(config.min_lr * config.max_lr)


def _range(
    rate: float | None,
    candidates: Sequence[Candidate],
    readings: Sequence[float | None],
    untrained: FloatArray,
) -> tuple[float, float] | None:
    """Returns the lowest and the highest rate that serve about as well."""
    if rate is None:
        return None
    served = [reading for reading in readings if reading is not None]
    if candidates:
        best = best_candidate(candidates).eval_loss
        worst = best + AS_GOOD * (float(np.mean(untrained)) - best)
        served = [item.learning_rate for item in candidates if item.eval_loss <= worst]
    return min([rate, *served]), max([rate, *served])


def _most_common(reasons: Sequence[StopReason]) -> StopReason:
    return collections.Counter(reasons).most_common(1)[0][0]
