"""The rate found, set at the first `fit` of an unchanged `run_fn`."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from tfx_lr_finder.fn_args import CONSTANT, CYCLICAL, ONE_CYCLE, rate_for
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.runtime.fit.intercept import FitCall
from tfx_lr_finder.runtime.fit.schedule_peak import Peak, find_peak
from tfx_lr_finder.runtime.loop.optimizers import inner_optimizer, schedule_of
from tfx_lr_finder.runtime.user_module.fit_data import num_steps
from tfx_lr_finder.schedules.scaled import scaled

SAME = 1e-6
LEAST, MOST = (
    float(end) for end in (np.finfo(np.float32).tiny, np.finfo(np.float32).max)
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setting:
    """What was set at a `fit`.

    Attributes:
      learning_rate: The rate, or the peak of the schedule, that is trained with.
      schedule: "constant" for a rate that does not change, "cosine" for one that
        decays, "one_cycle", "cyclical", or the kind that LRFinder was told.
      replaced: What stood there: "constant 0.001", or the schedule and its peak.
      how: What was done, in words.
    """

    learning_rate: float
    schedule: str
    replaced: str
    how: str


def set_learning_rate(
    call: FitCall, report: LRFinderReport, *, was_read: bool = False
) -> Setting:
    """Sets the optimizer's rate before a `fit`.

    A plain rate is replaced. A schedule is multiplied so that its peak is the rate
    found for such schedules. A rate that `run_fn` has read and set itself stays.

    Args:
      call: The call of `fit`; its model is compiled.
      report: The result, with a rate.
      was_read: Whether `run_fn` has read the rate that was handed over.

    Returns:
      What was done.

    Raises:
      ValueError: If the schedule has no positive rate, the optimizer has no rate to
        set, or its float32 cannot hold the rate found.
    """
    optimizer = inner_optimizer(call.model.optimizer)
    schedule = schedule_of(optimizer)
    if schedule is None:
        setting = _set_plain(optimizer, report, was_read)
    else:
        setting = _set_schedule(call, optimizer, schedule, report, was_read)
    if not LEAST <= setting.learning_rate <= MOST:
        raise ValueError(
            f"The rate {setting.learning_rate!r} is outside of what "
            f"{type(optimizer).__name__} can take: it keeps its rate as a float32, "
            f"from {LEAST:.3g} to {MOST:.3g}. Look at the result that it came from, "
            "or at default_learning_rate."
        )
    return setting


def current_rate(optimizer: Any) -> float:
    """Returns the rate of the optimizer's next step.

    Args:
      optimizer: A Keras optimizer, wrapped or not.
    """
    inner = inner_optimizer(optimizer)
    schedule = schedule_of(inner)
    if schedule is None:
        rate = inner.learning_rate
    elif _is_plain_function(schedule):
        rate = schedule()
    else:
        rate = schedule(inner.iterations)
    return float(np.asarray(tf.convert_to_tensor(rate)))


def _set_plain(optimizer: Any, report: LRFinderReport, was_read: bool) -> Setting:
    """Replaces a plain rate."""
    before, rate = current_rate(optimizer), rate_for(report, "constant")
    if was_read and _same(before, report.learning_rate):
        rate, how = before, "run_fn had set it already"
        rate = float(report.learning_rate or before)
    else:
        optimizer.learning_rate = rate
        how = "set at fit"
    return Setting(
        learning_rate=rate,
        schedule=_told(report, "constant"),
        replaced=f"constant {before:.6g}",
        how=how,
    )


def _set_schedule(
    call: FitCall, optimizer: Any, schedule: Any, report: LRFinderReport, was_read: bool
) -> Setting:
    """Multiplies a schedule."""
    begin = _steps(optimizer)
    peak = find_peak(schedule, begin, num_steps(call))
    rate = rate_for(report, peak.kind)
    how = "the schedule was scaled at fit"
    if _has_it_already(peak, report, was_read):
        rate, how = peak.learning_rate, "run_fn had set it already"
    else:
        factor = rate / peak.learning_rate
        optimizer.learning_rate = scaled(schedule, factor, call.keras, peak.steps)
        call.model.train_function = None  # it may hold the old schedule in its graph
    return Setting(
        learning_rate=rate,
        schedule=_told(report, peak.kind),
        replaced=f"{type(schedule).__name__} with the peak {peak.learning_rate:.6g}",
        how=how,
    )


def _has_it_already(peak: Peak, report: LRFinderReport, was_read: bool) -> bool:
    """Returns whether `run_fn` built the schedule from the report.

    A `OneCycle` or `Cyclical` that peaks at the rate for its kind was; any other that
    peaks at one of the rates found only if `run_fn` read what was handed over, for
    that number may have stood there before.
    """
    found = [report.learning_rate, *report.learning_rates_by_schedule.values()]
    if was_read and any(_same(peak.learning_rate, rate) for rate in found):
        return True
    of_its_kind = peak.kind in (ONE_CYCLE, CYCLICAL)
    return of_its_kind and _same(peak.learning_rate, rate_for(report, peak.kind))


def _steps(optimizer: Any) -> int:
    """Returns the steps that an optimizer has taken."""
    return int(tf.convert_to_tensor(optimizer.iterations))


def _told(report: LRFinderReport, kind: str) -> str:
    told = report.config.schedule
    return kind if told == CONSTANT or kind in (ONE_CYCLE, CYCLICAL) else told


def _same(rate: float, other: float | None) -> bool:
    return other is not None and abs(rate - other) <= SAME * abs(other)


def _is_plain_function(schedule: Any) -> bool:
    return not hasattr(schedule, "get_config")


class FirstStep:
    """Records the rate at the first training step of a `fit`, after all callbacks.

    Attributes:
      learning_rate: The rate there; None if no step was begun.
    """

    def __init__(self, call: FitCall) -> None:
        """Keeps what to look at."""
        self._optimizer = call.model.optimizer
        self.learning_rate: float | None = None
        self._expected: float | None = None
        self._before = _steps(inner_optimizer(self._optimizer))

    @property
    def steps_taken(self) -> int:
        """Steps that the optimizer has taken since."""
        now = _steps(inner_optimizer(self._optimizer))
        return now - self._before

    def expect(self) -> None:
        """Keeps the rate of now as the one that the first step should have."""
        self._expected = current_rate(self._optimizer)

    @property
    def as_expected(self) -> bool:
        """Whether the first step had the rate that was there before `fit`."""
        if self.learning_rate is None or self._expected is None:
            return False
        return abs(self.learning_rate - self._expected) <= SAME * abs(self._expected)

    def look(self) -> None:
        """Reads the rate, the first time only."""
        if self.learning_rate is None:
            self.learning_rate = current_rate(self._optimizer)


def with_callback(call: FitCall, first_step: FirstStep) -> Any:
    """Returns the callbacks of a `fit` and, as the last one, one that looks.

    Args:
      call: The call.
      first_step: Looks at the first batch.
    """

    class Look(call.keras.callbacks.Callback):  # type: ignore[name-defined]
        """Looks at the rate where the first batch begins."""

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            del batch, logs
            first_step.look()

    given: Any = call.arguments.get("callbacks") or []
    if isinstance(given, list | tuple):
        return [*given, Look()]
    if not hasattr(given, "append"):
        return [given, Look()]
    given.append(Look())  # a CallbackList
    return given


def tell(setting: Setting) -> None:
    """Logs what was set."""
    logging.info(
        "LRFinder: fit trains with learning_rate=%r (%s) in place of %s: %s",
        setting.learning_rate,
        setting.schedule,
        setting.replaced,
        setting.how,
    )
