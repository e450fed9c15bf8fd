"""Optimizer steps that `run_fn` takes outside of `fit`."""

import math
from typing import Any

import tensorflow as tf

from tfx_lr_finder.runtime.fit import set_rate
from tfx_lr_finder.runtime.loop.optimizers import inner_optimizer


class OwnSteps:
    """The steps of one optimizer between two calls of `fit`, or after the last.

    Attributes:
      after_fit: The number of calls of `fit` before them.
      optimizer: Class name of the optimizer.
      first_rate: The rate of the first step; None if no rate could be read. Inside a
        `tf.function` only the rate at the time of tracing is seen.
      trained: Numbers of the variables that the steps changed.
    """

    def __init__(self, after_fit: int, optimizer: Any) -> None:
        """Has seen no step yet."""
        self.after_fit = after_fit
        self.optimizer = type(inner_optimizer(optimizer)).__name__
        self.first_rate: float | None = None
        self._lowest, self._highest = math.inf, -math.inf
        self.trained: frozenset[int] = frozenset()

    def add(self, optimizer: Any, trained: frozenset[int]) -> None:
        """Records a step that is about to be taken."""
        self.trained |= trained
        try:
            with tf.init_scope():  # also while a function is traced
                rate = set_rate.current_rate(optimizer)
        except (AttributeError, TypeError, ValueError, NotImplementedError):
            return
        if self.first_rate is None:
            self.first_rate = rate
        self._lowest = min(rate, self._lowest)
        self._highest = max(rate, self._highest)

    @property
    def highest_rate(self) -> float | None:
        """The highest rate seen, or None."""
        return None if self.first_rate is None else self._highest

    def used(self, rate: float) -> bool:
        """Returns whether every rate that was seen is this one."""
        return self.first_rate is not None and all(
            set_rate.same_rate(seen, rate) for seen in (self._lowest, self._highest)
        )

    def stays_below(self, rate: float) -> bool:
        """Returns whether every rate that was seen is this one or a smaller one."""
        highest = self.highest_rate
        return highest is not None and (
            highest <= rate or set_rate.same_rate(highest, rate)
        )

    def rate_in_words(self) -> str:
        """Returns the highest rate for a sentence."""
        if self.highest_rate is None:
            return "an unknown rate"
        return f"the rate {self.highest_rate!r}"

    def described(self) -> dict[str, Any]:
        """Returns the steps for JSON."""
        return {
            "after_fit": self.after_fit,
            "optimizer": self.optimizer,
            "rate_at_first_step": self.first_rate,
            "highest_rate": self.highest_rate,
        }
