"""The whole range test: sweeps, rules, confirmation, verdict."""

import collections
import math
from collections.abc import Callable, Sequence

import numpy as np

from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.confirmation import Confirmation, confirm_rate
from tfx_lr_finder.range_test.evidence import Evidence
from tfx_lr_finder.range_test.held_out import HeldOut
from tfx_lr_finder.range_test.ladder import learning_rate_ladder, rates_by_schedule
from tfx_lr_finder.range_test.non_finite import (
    count_non_finite,
    data_doubts,
    unique_trainings,
)
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.range_test.rules import RULES
from tfx_lr_finder.range_test.smoothing import without_outliers
from tfx_lr_finder.range_test.sweep import (
    Sweep,
    TrainingLoop,
    run_sweep,
    without_explosion,
)
from tfx_lr_finder.range_test.too_few_steps import min_steps, untested_report
from tfx_lr_finder.range_test.verdict import MIN_RATES, Verdict, judge


def run_range_test(
    loop: TrainingLoop,
    config: RangeTestConfig,
    clock: Callable[[], float],
    num_train_batches: int | None = None,
    previous_rate: float | None = None,
    held_out: HeldOut | None = None,
) -> LRFinderReport:
    """Returns the report of a whole range test.

    Args:
      loop: Trains and evaluates.
      config: The parameters of the test.
      clock: Returns the time in seconds; only differences count.
      num_train_batches: Batches in one pass over the training data; None if unknown.
      previous_rate: A rate for constant training from a previous run, tried as one
        more probe; or None.
      held_out: Describes the held-out data that score the candidates. None if each unit
        of `TrainingLoop.evaluate` is an independent batch.

    Returns:
      The report, with an empty `environment`. It is INCONCLUSIVE, without any training,
      if the Trainer takes too few steps for a test.
    """
    if config.budget < min_steps(config):
        return untested_report(config)
    started = clock()
    ladder = learning_rate_ladder(config)
    sweeps = tuple(run_sweep(loop, ladder, config) for _ in range(config.num_sweeps))
    swept = clock()
    confirmation = Confirmation()
    if config.confirm_steps != 0 and any(sweep.smoothed_losses for sweep in sweeps):
        steps_left = config.budget - _num_steps(sweeps)
        confirmation = confirm_rate(
            loop, config, steps_left, num_train_batches, previous_rate
        )
    seconds = {"sweeps": swept - started, "confirmation": clock() - swept}
    readings = tuple(read(config.rule, sweep) for sweep in sweeps)
    rate, rate_range = _suggestion(confirmation, readings)
    num_units = len(confirmation.untrained)
    if held_out is None:
        held_out = HeldOut(
            unit="batch",
            num_rows=num_units,
            num_units=num_units,
            num_independent=float(num_units),
        )
    evidence = Evidence(
        config=config,
        sweeps=sweeps,
        readings=readings,
        confirmation=confirmation,
        held_out=held_out if num_units else None,
        rate=rate,
        num_train_batches=num_train_batches,
    )
    return _report(evidence, rate_range, seconds)


def read(name: str, sweep: Sweep) -> float | None:
    """Returns the rate that a rule reads from one sweep; None for a short curve."""
    num_finite = len(sweep.smoothed_losses)
    if num_finite < MIN_RATES:
        return None
    losses = without_outliers(without_explosion(np.array(sweep.losses[:num_finite])))
    return RULES[name](np.array(sweep.learning_rates[:num_finite]), losses)


def combine(readings: Sequence[float | None]) -> float | None:
    """Returns the median, in log rate, of a rule's readings over the sweeps.

    None if fewer than half of the sweeps have a reading.
    """
    logs = [math.log10(rate) for rate in readings if rate is not None]
    if 2 * len(logs) < len(readings) or not logs:
        return None
    return float(10.0 ** np.median(logs))


def _suggestion(
    confirmation: Confirmation, readings: Sequence[float | None]
) -> tuple[float | None, tuple[float, float] | None]:
    """Returns the rate and its range, from the candidates or else from the rule."""
    if confirmation.candidates:
        return confirmation.rate, confirmation.rate_range
    rate = combine(readings)
    if rate is None:
        return None, None
    rates = [rate, *(reading for reading in readings if reading is not None)]
    return rate, (min(rates), max(rates))


def _judge(evidence: Evidence) -> tuple[Verdict, list[str]]:
    """Returns the verdict and its reasons; a fault in the data is the first reason."""
    verdict, reasons = judge(evidence)
    confirmation = evidence.confirmation
    trainings = unique_trainings(
        confirmation.probes, confirmation.candidates, confirmation.final_check
    )
    doubts = data_doubts(count_non_finite(evidence.sweeps, trainings))
    if doubts and verdict is Verdict.OK:
        verdict = Verdict.LOW_CONFIDENCE
    return verdict, [*doubts, *reasons]


def _report(
    evidence: Evidence,
    rate_range: tuple[float, float] | None,
    seconds: dict[str, float],
) -> LRFinderReport:
    config, sweeps = evidence.config, evidence.sweeps
    confirmation, rate = evidence.confirmation, evidence.rate
    verdict, reasons = _judge(evidence)
    if verdict is Verdict.INCONCLUSIVE and config.is_capped:
        reasons = [
            *reasons,
            f"The test was limited to {config.budget} steps, because the Trainer "
            f"takes only {config.train_steps}.",
        ]
    if verdict is Verdict.INCONCLUSIVE:
        rate = rate_range = None
    by_schedule = {} if rate is None else rates_by_schedule(rate)
    source = "confirmed" if confirmation.candidates else "rule"
    stop_reasons = collections.Counter(sweep.stop_reason for sweep in sweeps)
    return LRFinderReport(
        learning_rate=by_schedule.get(config.schedule),
        learning_rate_range=rate_range,
        learning_rates_by_schedule=by_schedule,
        verdict=verdict,
        reasons=tuple(reasons),
        source="none" if rate is None else source,
        rule=config.rule,
        suggestions={
            name: combine([read(name, sweep) for sweep in sweeps]) for name in RULES
        },
        stop_reason=stop_reasons.most_common(1)[0][0],
        sweeps=sweeps,
        probes=confirmation.probes,
        candidates=confirmation.candidates,
        final_check=confirmation.final_check,
        untrained_loss=confirmation.untrained_loss,
        held_out=evidence.held_out,
        steps_by_phase={"sweeps": _num_steps(sweeps), **confirmation.steps_by_phase},
        seconds=seconds,
        environment={},
        config=config,
    )


def _num_steps(sweeps: Sequence[Sweep]) -> int:
    return sum(sweep.num_steps for sweep in sweeps)
