"""The whole range test: sweeps, rules, probes, candidates, verdict."""

import collections
import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.confirmation import Confirmed, confirm_rate
from tfx_lr_finder.range_test.evidence import Evidence
from tfx_lr_finder.range_test.ladder import learning_rate_ladder, rates_by_schedule
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.range_test.rules import RULES
from tfx_lr_finder.range_test.sweep import StopReason, Sweep, TrainingLoop, run_sweep
from tfx_lr_finder.range_test.verdict import MIN_RATES, Verdict, judge

FloatArray = npt.NDArray[np.float64]


def run_range_test(
    loop: TrainingLoop,
    config: RangeTestConfig,
    clock: Callable[[], float],
    num_train_batches: int | None = None,
    earlier_rate: float | None = None,
) -> LRFinderReport:
    """Returns the report of a whole range test.

    Args:
      loop: Trains and evaluates.
      config: What to sweep, confirm and spend.
      clock: Returns seconds; only differences are used.
      num_train_batches: Batches in one pass over the training data; None if unknown.
      earlier_rate: A rate for constant training that served before; tried as one more
        probe. None: there is none.

    Returns:
      The report, its `environment` empty.
    """
    times = [clock()]
    ladder = learning_rate_ladder(config)
    sweeps = tuple(run_sweep(loop, ladder, config) for _ in range(config.num_sweeps))
    readings = {name: [read(name, sweep) for sweep in sweeps] for name in RULES}
    suggestions = {name: combine(values) for name, values in readings.items()}
    spent = sum(sweep.num_steps for sweep in sweeps)
    times.append(clock())
    confirmed = Confirmed()
    if config.confirm_steps != 0 and any(sweep.smoothed_losses for sweep in sweeps):
        confirmed = confirm_rate(
            loop, config, config.budget - spent, num_train_batches, earlier_rate
        )
    times.append(clock())
    rate, rate_range = confirmed.rate, confirmed.rate_range
    if not confirmed.candidates:
        rate = suggestions[config.rule]
        served = [item for item in [rate, *readings[config.rule]] if item is not None]
        rate_range = (min(served), max(served)) if rate is not None else None
    verdict, reasons = judge(
        Evidence(
            sweeps=sweeps,
            readings=tuple(readings[config.rule]),
            probes=confirmed.probes,
            candidates=confirmed.candidates,
            untrained=confirmed.untrained,
            checked=confirmed.checked,
            rate=rate,
            num_rates=config.resolved_num_rates,
            steps_per_sweep=config.resolved_num_rates * config.steps_per_rate,
            num_train_batches=num_train_batches,
            train_steps=config.train_steps,
        )
    )
    if verdict is Verdict.INCONCLUSIVE:
        rate = rate_range = None
    by_schedule = {} if rate is None else rates_by_schedule(rate)
    source = "confirmed" if confirmed.candidates else "rule"
    return LRFinderReport(
        learning_rate=by_schedule.get(config.schedule),
        learning_rate_range=rate_range,
        learning_rates_by_schedule=by_schedule,
        verdict=verdict,
        reasons=tuple(reasons),
        source="none" if rate is None else source,
        rule=config.rule,
        suggestions=suggestions,
        stop_reason=_most_common([sweep.stop_reason for sweep in sweeps]),
        sweeps=sweeps,
        probes=confirmed.probes,
        candidates=confirmed.candidates,
        checked=confirmed.checked,
        untrained_loss=confirmed.untrained_loss,
        steps_by_phase={"sweeps": spent, **confirmed.steps_by_phase},
        seconds={"sweeps": times[1] - times[0], "confirming": times[2] - times[1]},
        environment={},
        config=config,
    )


def read(name: str, sweep: Sweep) -> float | None:
    """Returns what a rule reads off one sweep, None for too short a curve."""
    losses = np.array(sweep.smoothed_losses)
    if len(losses) < MIN_RATES:
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


def _most_common(reasons: Sequence[StopReason]) -> StopReason:
    return collections.Counter(reasons).most_common(1)[0][0]
