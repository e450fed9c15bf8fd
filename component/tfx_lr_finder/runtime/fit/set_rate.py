"""Sets the learning rate that was found on the optimizer of a `fit` call."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_lr_finder.fn_args import CONSTANT, CYCLICAL, ONE_CYCLE, rate_for
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.runtime.fit.fit_steps import fit_steps
from tfx_lr_finder.runtime.fit.intercept import FitCall
from tfx_lr_finder.runtime.fit.schedule_peak import Peak, find_peak
from tfx_lr_finder.runtime.loop.optimizers import (
    inner_optimizer,
    schedule_bases,
    schedule_of,
)
from tfx_lr_finder.schedules.scaled import scaled

RATE_RTOL = 1e-6
FLOAT32_MIN, FLOAT32_MAX = (
    float(end) for end in (np.finfo(np.float32).tiny, np.finfo(np.float32).max)
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setting:
    """The learning rate that a `fit` starts with.

    Attributes:
      learning_rate: The rate, or the peak of the schedule.
      schedule: "constant" for a rate that does not change, "cosine" for one that
        decays, "one_cycle", "cyclical", or the `schedule` that LRFinder ran with.
      replaced: What was there before: "constant 0.001", or the schedule and its peak.
      how: How the rate got there.
    """

    learning_rate: float
    schedule: str
    replaced: str
    how: str


def set_learning_rate(call: FitCall, report: LRFinderReport) -> Setting:
    """Sets the rate found on the optimizer of a `fit` call.

    A constant rate is replaced. A schedule is scaled so that its peak is the rate found
    for such schedules. A rate or a peak that already is the rate found stays.

    Args:
      call: The call of `fit`; its model is compiled.
      report: A result with a rate.

    Raises:
      ValueError: If the schedule has no positive rate, the optimizer has no rate that
        can be set, or a float32 cannot hold the rate found.
    """
    optimizer = inner_optimizer(call.model.optimizer)
    schedule = schedule_of(optimizer)
    if schedule is None:
        before = current_rate(optimizer)
        peak = Peak(learning_rate=before, kind=CONSTANT, steps=[])
        replaced, how = f"constant {before:.6g}", "set at fit"
    else:
        peak = find_peak(schedule, steps_taken(optimizer), fit_steps(call).steps)
        name, how = type(schedule).__name__, "the schedule was scaled at fit"
        replaced = f"{name} with the peak {peak.learning_rate:.6g}"
    rate = rate_for(report, peak.kind)
    found = (rate, report.learning_rate or rate)
    already = [value for value in found if same_rate(peak.learning_rate, value)]
    if already:
        rate, how = already[0], "run_fn had set it already"
    _check_float32(rate, optimizer)
    if not already and schedule is None:
        optimizer.learning_rate = rate
    elif not already:
        factor = rate / peak.learning_rate
        optimizer.learning_rate = scaled(schedule, factor, call.keras, peak.steps)
        call.model.train_function = None  # it may hold the old schedule in its graph
    return Setting(
        learning_rate=rate,
        schedule=_schedule_name(report, peak.kind),
        replaced=replaced,
        how=how,
    )


def current_rate(optimizer: Any) -> float:
    """Returns the rate of the optimizer's next step; it raises if there is none."""
    return rate_reader(optimizer)()


def rate_reader(optimizer: Any) -> Callable[[], float]:
    """Returns a function that reads the rate, and that does not hold the optimizer."""
    inner = inner_optimizer(optimizer)
    schedule = schedule_of(inner)
    iterations = inner.iterations
    rate = inner.learning_rate if schedule is None else None

    def read() -> float:
        value = rate
        if schedule is not None:
            value = schedule(iterations) if schedule_bases(schedule) else schedule()
        return float(np.asarray(tf.convert_to_tensor(value)))

    return read


def steps_taken(optimizer: Any) -> int:
    """Returns the number of steps that the optimizer has taken."""
    return int(tf.convert_to_tensor(inner_optimizer(optimizer).iterations))


def same_rate(rate: float, other: float) -> bool:
    """Returns whether two rates are equal up to the rounding of a float32."""
    return abs(rate - other) <= RATE_RTOL * abs(other)


def _check_float32(rate: float, optimizer: Any) -> None:
    """Refuses a rate that underflows or overflows in the optimizer."""
    if not FLOAT32_MIN <= rate <= FLOAT32_MAX:
        raise ValueError(
            f"The rate {rate!r} is outside of what {type(optimizer).__name__} can "
            f"take: it stores its rate as a float32, from {FLOAT32_MIN:.3g} to "
            f"{FLOAT32_MAX:.3g}. Check the result that the rate came from, or "
            "default_learning_rate."
        )


def _schedule_name(report: LRFinderReport, kind: str) -> str:
    """Returns the schedule to report: LRFinder's option wins over a guess."""
    asked = report.config.schedule
    return kind if asked == CONSTANT or kind in (ONE_CYCLE, CYCLICAL) else asked
