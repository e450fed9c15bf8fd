"""Optimizer steps that `run_fn` takes outside of `fit`, or beside `fit`'s optimizer."""

import contextlib
import copy
import dataclasses
import math
from collections.abc import Callable, Iterable
from typing import Any

import tensorflow as tf

from tfx_lr_finder.runtime.fit import set_rate
from tfx_lr_finder.runtime.fit.weights import WeightNumbers
from tfx_lr_finder.runtime.loop.optimizers import inner_optimizer

UNREADABLE = (AttributeError, TypeError, ValueError, NotImplementedError)


class OwnSteps:
    """The steps of one optimizer between two calls of `fit`, or after the last.

    Attributes:
      after_fit: The number of calls of `fit` before them.
      optimizer: Class name of the optimizer.
      first_rate: The rate of the first step; None if no rate could be read. Inside a
        `tf.function` it is the rate at the time of tracing.
      trained: Numbers of the variables that the steps changed.
    """

    def __init__(self, after_fit: int, optimizer: str) -> None:
        """Has seen no step yet."""
        self.after_fit = after_fit
        self.optimizer = optimizer
        self.first_rate: float | None = None
        self._lowest, self._highest = math.inf, -math.inf
        self.trained: frozenset[int] = frozenset()

    def add(self, rate: float | None, trained: frozenset[int]) -> None:
        """Records a step, with its rate if that could be read."""
        self.trained |= trained
        if rate is None:
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


@dataclasses.dataclass(eq=False)
class _WatchedOptimizer:
    """What tells later whether an optimizer took steps. It does not hold the slots."""

    number: int
    name: str
    iterations: Any
    read_rate: Callable[[], float]
    count: int
    trained: frozenset[int] = frozenset()
    was_traced: bool = False

    def rate(self) -> float | None:
        """Returns the rate of the next step, or None."""
        with contextlib.suppress(*UNREADABLE), tf.init_scope():
            return self.read_rate()
        return None


class StepRecorder:
    """Records the steps of optimizers outside of `fit`.

    An eager step is seen when it happens. A step in a `tf.function` is seen when the
    function is traced; after that, the optimizer's count of steps shows whether it took
    more. Their rate is then read at the end of the period: before the next `fit`, at a
    save, and when `run_fn` returns.

    Args:
      numbers: Recognises variables.
    """

    def __init__(self, numbers: WeightNumbers) -> None:
        """Has seen no step yet."""
        self._numbers = numbers
        self._watched: dict[int, _WatchedOptimizer] = {}
        self._steps: dict[tuple[int, int], OwnSteps] = {}

    def add(self, period: int, optimizer: Any, variables: Iterable[Any]) -> None:
        """Records a step that is about to be taken, or that is traced.

        Args:
          period: The number of calls of `fit` before the step.
          optimizer: Takes the step.
          variables: That the step changes.
        """
        trained = self._numbers.of(variables)
        watched = self.watch(optimizer, trained, tf.inside_function())
        if watched is not None:
            self._period(period, watched).add(watched.rate(), trained)

    def watch(
        self, optimizer: Any, trained: frozenset[int], was_traced: bool
    ) -> _WatchedOptimizer | None:
        """Watches an optimizer's count of steps; returns None if it has none."""
        inner = inner_optimizer(optimizer)
        try:
            with tf.init_scope():  # also while a function is traced
                iterations = inner.iterations
                (number,) = self._numbers.of([iterations])
                if number not in self._watched:
                    self._watched[number] = _WatchedOptimizer(
                        number=number,
                        name=type(inner).__name__,
                        iterations=iterations,
                        read_rate=set_rate.rate_reader(inner),
                        count=int(tf.convert_to_tensor(iterations)),
                    )
        except UNREADABLE:
            return None
        watched = self._watched[number]
        watched.trained |= trained
        watched.was_traced |= was_traced
        return watched

    def end_of_period(self, period: int) -> None:
        """Records the traced steps since the last call, if there were any."""
        for watched in self._watched.values():
            if self._took_steps(watched) and watched.was_traced:
                self._period(period, watched).add(watched.rate(), watched.trained)

    def ignore_steps_until_now(self) -> None:
        """Leaves out the steps since the last call: `fit` took them."""
        for watched in self._watched.values():
            self._took_steps(watched)

    def all(self) -> list[OwnSteps]:
        """Returns a copy of what was recorded."""
        return [copy.copy(steps) for steps in self._steps.values()]

    def _took_steps(self, watched: _WatchedOptimizer) -> bool:
        before, watched.count = (
            watched.count,
            int(tf.convert_to_tensor(watched.iterations)),
        )
        return watched.count > before

    def _period(self, period: int, watched: _WatchedOptimizer) -> OwnSteps:
        key = period, watched.number
        return self._steps.setdefault(key, OwnSteps(period, watched.name))
