"""Cyclical learning rates as a schedule of both Kerases."""

import math
from typing import Any

import tensorflow as tf

from tfx_lr_finder import fn_args as lr_fn_args
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.schedules.base import (
    CycleSchedule,
    checked_rate,
    checked_steps,
    is_real,
    registered,
)

MODES = ("triangular", "triangular2", "exp_range")
MIN_FACTOR = 4.0


@registered
class Cyclical(CycleSchedule):
    """Cycles between two rates.

    The rate rises linearly from `min_lr` to `max_lr` over `step_size` steps and falls
    back over as many. The height of the cycles is constant ("triangular"), halves with
    each cycle ("triangular2"), or decays as `gamma ** step` ("exp_range").

    References:
      L. N. Smith, "Cyclical Learning Rates for Training Neural Networks",
      arXiv:1506.01186, section 3.
    """

    kind = "cyclical"

    def __init__(
        self,
        min_lr: float,
        max_lr: float,
        step_size: int,
        *,
        mode: str = "triangular",
        gamma: float | None = None,
    ) -> None:
        """Checks the numbers.

        Args:
          min_lr: The lowest rate, positive and below `max_lr`.
          max_lr: The highest rate.
          step_size: Steps of half a cycle, at least 1. Smith advises 2 to 10 epochs.
          mode: "triangular", "triangular2" or "exp_range".
          gamma: Decay per step in (0, 1], for "exp_range" only.

        Raises:
          ValueError: If a number is out of its range.
        """
        super().__init__()
        self.min_lr, self.max_lr = (
            checked_rate("min_lr", min_lr),
            checked_rate("max_lr", max_lr),
        )
        if self.min_lr >= self.max_lr:
            raise ValueError(
                f"Cyclical needs min_lr < max_lr, got min_lr={min_lr} and "
                f"max_lr={max_lr}. A quarter of max_lr is a usual min_lr."
            )
        self.step_size = checked_steps("step_size", step_size, 1)
        if mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}, got {mode!r}.")
        usable = is_real(gamma) and 0 < (gamma or 0) <= 1
        if usable if mode != "exp_range" else not usable:
            raise ValueError(
                "gamma must be a number in (0, 1] for mode='exp_range' and left out "
                f"for the others, got gamma={gamma!r} and mode={mode!r}."
            )
        self.mode, self.gamma = mode, gamma

    @classmethod
    def from_report(
        cls, report: LRFinderReport, step_size: int, **options: Any
    ) -> "Cyclical":
        """Returns the schedule between the ends of the range that was found.

        Without a range, it cycles between a quarter of the rate and the rate
        (arXiv:1803.09820, section 4.1).

        Args:
          report: A report with a rate.
          step_size: Steps of half a cycle.
          **options: `mode` and `gamma`.

        Raises:
          ValueError: If the report has no rate, or a number is out of its range.
        """
        highest = lr_fn_args.rate_for(report, cls.kind)
        lowest, _ = report.learning_rate_range or (highest, highest)
        if lowest >= highest:
            lowest = highest / MIN_FACTOR
        return cls(lowest, highest, step_size, **options)

    @classmethod
    def from_fn_args(cls, fn_args: Any, step_size: int, **options: Any) -> "Cyclical":
        """Returns the schedule inside `run_fn(fn_args)`.

        Under `LRFinderTrainer` it equals `from_report`. Under the stock Trainer it
        cycles between a quarter of `learning_rate(fn_args)` and that rate.

        Args:
          fn_args: The argument of `run_fn`.
          step_size: Steps of half a cycle.
          **options: `mode` and `gamma`.

        Raises:
          ValueError: If no rate was passed, or a number is out of its range.
        """
        report = lr_fn_args.passed_report(fn_args)
        if report is not None:
            return cls.from_report(report, step_size, **options)
        highest = lr_fn_args.learning_rate(fn_args)
        return cls(highest / MIN_FACTOR, highest, step_size, **options)

    def position(self, step: Any) -> tf.Tensor:
        """Returns 0 at the ends of a cycle and 1 at its middle."""
        halves = tf.math.floormod(tf.cast(step, tf.float32) / self.step_size, 2.0)
        return 1.0 - tf.abs(halves - 1.0)

    def __call__(self, step: Any) -> tf.Tensor:
        """Returns the rate at a step, a float32 scalar."""
        step = tf.cast(step, tf.float32)
        height = tf.constant(self.max_lr - self.min_lr, tf.float32)
        if self.mode == "triangular2":
            height *= tf.pow(0.5, tf.floor(step / (2.0 * self.step_size)))
        if self.gamma is not None:
            height *= tf.exp(math.log(self.gamma) * step)
        return self.min_lr + height * self.position(step)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        names = ("min_lr", "max_lr", "step_size", "mode", "gamma")
        return {name: getattr(self, name) for name in names}
