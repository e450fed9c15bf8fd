"""Where a learning-rate schedule peaks, and whether it bends at all."""

import dataclasses
import numbers
from typing import Any

import numpy as np

from tfx_lr_finder.schedules.base import CycleSchedule
from tfx_lr_finder.schedules.scaled import rates

ASSUMED_STEPS = 10_000
GRID = 512
FLAT = 0.9


@dataclasses.dataclass(frozen=True, kw_only=True)
class Peak:
    """The highest rate of a schedule.

    Attributes:
      learning_rate: The rate.
      kind: "constant" if the rate hardly changes over the steps that are trained;
        "one_cycle" and "cyclical" for our own; else "cosine", which stands for every
        schedule that decays.
      steps: Steps on which the schedule was looked at, in order.
    """

    learning_rate: float
    kind: str
    steps: list[int]


def find_peak(schedule: Any, begin: int, train_steps: int | None) -> Peak:
    """Returns the peak of a schedule, over its whole life.

    The whole life, and not the steps of one `fit` only, so that a `fit` that ends in
    the warm-up does not take a low rate for the peak.

    Args:
      schedule: A schedule, called with the step; or a function without arguments.
      begin: The first step that will be trained.
      train_steps: Steps that will be trained; None if unknown.

    Returns:
      The peak.

    Raises:
      ValueError: If the schedule is never above zero.
    """
    if not _takes_a_step(schedule):
        peak = float(np.asarray(schedule()))
        return _checked(Peak(learning_rate=peak, kind="constant", steps=[begin]))
    numbers_inside = _whole_numbers(schedule)
    life = max(train_steps or 0, sum(numbers_inside)) or ASSUMED_STEPS
    grid = {begin + int(step) for step in np.linspace(0, life, GRID)}
    for number in numbers_inside:
        grid.update({max(begin, number + shift) for shift in (-1, 0, 1)})
    steps = sorted(grid)
    values = rates(schedule, steps)
    trained = values[: np.searchsorted(steps, begin + (train_steps or life))]
    if isinstance(schedule, CycleSchedule):
        own = Peak(learning_rate=schedule.max_lr, kind=schedule.kind, steps=steps)
        return _checked(own)
    flat = trained.size > 0 and trained.min() > FLAT * trained.max()
    steps, peak = _closer(schedule, steps, values)
    kind = "constant" if flat else "cosine"
    return _checked(Peak(learning_rate=peak, kind=kind, steps=steps))


def _checked(peak: Peak) -> Peak:
    if not (np.isfinite(peak.learning_rate) and peak.learning_rate > 0):
        raise ValueError(
            f"The optimizer's learning-rate schedule peaks at {peak.learning_rate}, "
            "which cannot be scaled to the rate found. Give it a positive rate, or use "
            "LRFinderTrainer(apply='hyperparameters') and set the rate in run_fn."
        )
    return peak


def _closer(schedule: Any, steps: list[int], values: Any) -> tuple[list[int], float]:
    """Returns the steps, more of them around the highest, and the highest rate."""
    top = int(np.argmax(values))
    low, high = steps[max(0, top - 1)], steps[min(len(steps) - 1, top + 1)]
    around = sorted({int(step) for step in np.linspace(low, high, GRID)})
    peak = max(float(values.max()), float(rates(schedule, around).max()))
    return sorted({*steps, *around}), peak


def _takes_a_step(schedule: Any) -> bool:
    """Returns whether it is a schedule of any Keras, not a plain function."""
    return any(cls.__name__ == "LearningRateSchedule" for cls in type(schedule).mro())


def _whole_numbers(schedule: Any) -> list[int]:
    """Returns what may be numbers of steps among a schedule's settings."""
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
