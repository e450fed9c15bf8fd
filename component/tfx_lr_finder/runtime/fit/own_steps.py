"""Optimizer steps that `run_fn` takes outside of `fit`."""

from typing import Any

import tensorflow as tf

from tfx_lr_finder.runtime.fit import set_rate
from tfx_lr_finder.runtime.loop.optimizers import inner_optimizer


class OwnSteps:
    """The steps of one optimizer between two calls of `fit`, or after the last.

    Attributes:
      after_fit: The number of calls of `fit` before them.
      optimizer: Class name of the optimizer.
      rates: The different rates seen, in order; empty if none could be read. Inside a
        `tf.function` only the rate at the time of tracing is seen.
      trained: Numbers of the variables that the steps changed.
    """

    def __init__(self, after_fit: int, optimizer: Any) -> None:
        """Has seen no step yet."""
        self.after_fit = after_fit
        self.optimizer = type(inner_optimizer(optimizer)).__name__
        self.rates: list[float] = []
        self.trained: frozenset[int] = frozenset()

    def add(self, optimizer: Any, trained: frozenset[int]) -> None:
        """Records a step that is about to be taken."""
        self.trained |= trained
        try:
            with tf.init_scope():  # also while a function is traced
                rate = set_rate.current_rate(optimizer)
        except (AttributeError, TypeError, ValueError, NotImplementedError):
            return
        if rate not in self.rates:
            self.rates.append(rate)

    def used(self, rate: float) -> bool:
        """Returns whether every rate that was seen is this one."""
        seen = [set_rate.same_rate(found, rate) for found in self.rates]
        return bool(seen) and all(seen)

    def stays_below(self, rate: float) -> bool:
        """Returns whether every rate that was seen is this one or a smaller one."""
        return bool(self.rates) and (
            max(self.rates) <= rate or set_rate.same_rate(max(self.rates), rate)
        )

    def rate_in_words(self) -> str:
        """Returns the highest rate for a sentence."""
        return f"the rate {max(self.rates)!r}" if self.rates else "an unknown rate"

    def described(self) -> dict[str, Any]:
        """Returns the steps for JSON."""
        return {
            "after_fit": self.after_fit,
            "optimizer": self.optimizer,
            "rate_at_first_step": self.rates[0] if self.rates else None,
            "highest_rate": max(self.rates, default=None),
        }
