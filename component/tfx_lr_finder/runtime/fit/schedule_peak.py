"""Finds the peak of a learning-rate schedule, and whether the rate changes at all."""

import dataclasses
import numbers
from typing import Any

import numpy as np

from tfx_lr_finder.runtime.loop.optimizers import schedule_bases
from tfx_lr_finder.schedules.base import CycleSchedule
from tfx_lr_finder.schedules.scaled import rates

ASSUMED_STEPS = 10_000
GRID_POINTS = 512
FLAT_RATIO = 0.9


@dataclasses.dataclass(frozen=True, kw_only=True)
class Peak:
    """The highest rate of a schedule.

    Attributes:
      learning_rate: The rate.
      kind: "constant" if the rate hardly changes during the training steps;
        "one_cycle" and "cyclical" for `OneCycle` and `Cyclical`; otherwise "cosine",
        which stands for every schedule that decays.
      steps: The steps at which the schedule was evaluated, in order.
    """

    learning_rate: float
    kind: str
    steps: list[int]


def find_peak(schedule: Any, begin: int, train_steps: int | None) -> Peak:
    """Returns the highest rate of a schedule over all its steps.

    Unlike the steps of one `fit`, all steps include the peak even if this `fit` ends
    during the warm-up.

    Args:
      schedule: A Keras schedule, or a function without arguments.
      begin: The first training step.
      train_steps: Number of training steps; None if unknown.

    Returns:
      The peak.

    Raises:
      ValueError: If the schedule is never above zero.
    """
    if not schedule_bases(schedule):
        peak = float(np.asarray(schedule()))
        return _checked(Peak(learning_rate=peak, kind="constant", steps=[begin]))
    step_counts = _whole_numbers(schedule)
    length = max(train_steps or 0, sum(step_counts)) or ASSUMED_STEPS
    grid = {begin + int(step) for step in np.linspace(0, length, GRID_POINTS)}
    for count in step_counts:
        grid.update({max(begin, count + shift) for shift in (-1, 0, 1)})
    steps = sorted(grid)
    values = rates(schedule, steps)
    trained = values[: np.searchsorted(steps, begin + (train_steps or length))]
    if isinstance(schedule, CycleSchedule):
        own = Peak(learning_rate=schedule.max_lr, kind=schedule.kind, steps=steps)
        return _checked(own)
    flat = trained.size > 0 and trained.min() > FLAT_RATIO * trained.max()
    steps, peak = _refined(schedule, steps, values)
    kind = "constant" if flat else "cosine"
    return _checked(Peak(learning_rate=peak, kind=kind, steps=steps))


def _checked(peak: Peak) -> Peak:
    """Refuses a peak that is not a positive number."""
    if not (np.isfinite(peak.learning_rate) and peak.learning_rate > 0):
        raise ValueError(
            f"The optimizer's learning-rate schedule peaks at {peak.learning_rate}, "
            "which cannot be scaled to the rate found. Give the schedule a positive "
            "rate, or set the rate in run_fn and use "
            "LRFinderTrainer(set_rate_on='hyperparameters')."
        )
    return peak


def _refined(schedule: Any, steps: list[int], values: Any) -> tuple[list[int], float]:
    """Returns the steps with more of them around the highest rate, and that rate."""
    top = int(np.argmax(values))
    low, high = steps[max(0, top - 1)], steps[min(len(steps) - 1, top + 1)]
    around = sorted({int(step) for step in np.linspace(low, high, GRID_POINTS)})
    peak = max(float(values.max()), float(rates(schedule, around).max()))
    return sorted({*steps, *around}), peak


def _whole_numbers(schedule: Any) -> list[int]:
    """Returns the whole numbers among a schedule's settings: possible step counts."""
    try:
        settings = dict(schedule.get_config())
    except (NotImplementedError, TypeError, ValueError):
        settings = vars(schedule)
    found = []
    for value in settings.values():
        for item in value if isinstance(value, list | tuple) else [value]:
            whole = isinstance(item, numbers.Real) and not isinstance(item, bool)
            if whole and 1 <= float(item) <= 1e8 and float(item).is_integer():
                found.append(int(item))
    return found
