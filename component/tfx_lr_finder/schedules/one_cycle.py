"""The 1cycle policy as a learning-rate schedule of both Kerases."""

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

MIN_FACTOR = 10.0
FINAL_FACTOR = 100.0


@registered
class OneCycle(CycleSchedule):
    """One cycle over a whole training, with a final phase at very low rates.

    The rate rises linearly from `min_lr` to `max_lr` and falls back over as many steps.
    Over the last `final_fraction` of the steps it falls to `final_lr` and stays there::

        schedule = tfx_lr_finder.OneCycle.from_fn_args(fn_args)
        model.compile(keras.optimizers.SGD(schedule, momentum=0.95), ...)

    References:
      L. N. Smith, N. Topin, "Super-Convergence", arXiv:1708.07120, section 3;
      L. N. Smith, arXiv:1803.09820, section 4.1, for the lower bound of one cycle.
    """

    kind = "one_cycle"

    def __init__(
        self,
        max_lr: float,
        total_steps: int,
        *,
        min_lr: float | None = None,
        final_lr: float | None = None,
        final_fraction: float = 0.1,
    ) -> None:
        """Checks the numbers.

        Args:
          max_lr: The peak, positive.
          total_steps: Steps of the whole training, at least 3.
          min_lr: The rate at the first step, below `max_lr`. Default: `max_lr / 10`.
          final_lr: The rate at the last step, at most `min_lr`. Default:
            `min_lr / 100`.
          final_fraction: Fraction of the steps after the cycle, in [0, 1).

        Raises:
          ValueError: If a number is out of its range.
        """
        super().__init__()
        self.max_lr = checked_rate("max_lr", max_lr)
        self.total_steps = checked_steps("total_steps", total_steps, 3)
        lowest = self.max_lr / MIN_FACTOR if min_lr is None else min_lr
        self.min_lr = checked_rate("min_lr", lowest)
        last = self.min_lr / FINAL_FACTOR if final_lr is None else final_lr
        self.final_lr = checked_rate("final_lr", last)
        if not self.final_lr <= self.min_lr < self.max_lr:
            raise ValueError(
                "OneCycle needs final_lr <= min_lr < max_lr, got final_lr="
                f"{self.final_lr}, min_lr={self.min_lr} and max_lr={self.max_lr}. "
                "Leave out final_lr and min_lr for fractions of max_lr."
            )
        if not is_real(final_fraction) or not 0 <= final_fraction < 1:
            raise ValueError(
                f"final_fraction must be in [0, 1), got {final_fraction!r}. A tenth is "
                "usual."
            )
        self.final_fraction = float(final_fraction)
        self._half = max(1, int(self.total_steps * (1 - self.final_fraction)) // 2)

    @classmethod
    def from_report(
        cls, report: LRFinderReport, total_steps: int, **options: Any
    ) -> "OneCycle":
        """Returns the schedule that peaks at the rate found for one cycle.

        Args:
          report: A report with a rate.
          total_steps: Steps of the whole training.
          **options: `min_lr`, `final_lr` and `final_fraction`.

        Raises:
          ValueError: If the report has no rate, or a number is out of its range.
        """
        return cls(lr_fn_args.rate_for(report, cls.kind), total_steps, **options)

    @classmethod
    def from_fn_args(
        cls, fn_args: Any, total_steps: int | None = None, **options: Any
    ) -> "OneCycle":
        """Returns the schedule inside `run_fn(fn_args)`.

        Under `LRFinderTrainer` it peaks at the rate found for one cycle. Under the
        stock Trainer it peaks at `learning_rate(fn_args)`.

        Args:
          fn_args: The argument of `run_fn`.
          total_steps: Steps of the whole training; None for `fn_args.train_steps`.
          **options: `min_lr`, `final_lr` and `final_fraction`.

        Raises:
          ValueError: If no rate was passed, the number of steps is unknown, or a
            number is out of its range.
        """
        peak = lr_fn_args.rate_from(fn_args, cls.kind)
        return cls(peak, total_steps or fn_args.train_steps, **options)

    def position(self, step: Any) -> tf.Tensor:
        """Returns 0 at the ends of the cycle and after it, and 1 at its middle."""
        halves = tf.cast(step, tf.float32) / self._half
        return tf.maximum(1.0 - tf.abs(halves - 1.0), 0.0)

    def __call__(self, step: Any) -> tf.Tensor:
        """Returns the rate at a step, a float32 scalar."""
        rise = (self.max_lr - self.min_lr) * self.position(step)
        after = tf.cast(step, tf.float32) - 2.0 * self._half
        length = max(1.0, self.total_steps - 1.0 - 2.0 * self._half)
        fraction = tf.clip_by_value(after / length, 0.0, 1.0)
        return self.min_lr + rise + (self.final_lr - self.min_lr) * fraction

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        names = ("max_lr", "total_steps", "min_lr", "final_lr", "final_fraction")
        return {name: getattr(self, name) for name in names}
