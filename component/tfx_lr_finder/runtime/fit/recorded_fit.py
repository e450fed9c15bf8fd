"""One call of `fit`: the rates that its optimizer used, and the weights it trained."""

import contextlib
import itertools
from typing import Any

import tensorflow as tf

from tfx_lr_finder.runtime.fit import set_rate
from tfx_lr_finder.runtime.fit.batch_size import known_batch_size
from tfx_lr_finder.runtime.fit.intercept import FitCall
from tfx_lr_finder.runtime.fit.own_steps import UNREADABLE, OwnSteps
from tfx_lr_finder.runtime.fit.weights import WeightNumbers
from tfx_lr_finder.runtime.loop.optimizers import inner_optimizer, schedule_of

ROUNDING = 1e-3
"""Relative error of a schedule that computes in float32."""


class RecordedFit:
    """One call of `fit`. It keeps neither the model nor its optimizer.

    Attributes:
      number: Its number, from 1 up.
      setting: The rate that was set for the call; None if it was left alone.
      optimizer: Class name of the optimizer.
      rates: The optimizer's rate at the first step of each epoch, after all callbacks
        of `run_fn`, at a step where a callback raises it above all before, and at the
        end. Empty for an optimizer without a rate.
      num_steps: Steps of the optimizer.
      trained: Numbers of the variables that the call trained.
      weights: Numbers of all variables of the model.
      batch_size: The global batch size, or None.
      data: The training data if their batch size is not known yet, or None.
      beside: The rates of optimizers that `train_step` uses beside the model's own.
      beside: The steps of optimizers other than the model's, by their number.
    """

    def __init__(
        self, number: int, call: FitCall, setting: set_rate.Setting | None
    ) -> None:
        """Reads the rate and the steps before the call."""
        optimizer = call.model.optimizer
        self.number = number
        self.setting = setting
        self.optimizer = type(inner_optimizer(optimizer)).__name__
        self.rates: list[float] = []
        self.num_steps = 0
        self.trained: frozenset[int] = frozenset()
        self.weights: frozenset[int] = frozenset()
        self.batch_size = known_batch_size(call)
        self.data = call.arguments["x"] if self.batch_size is None else None
        self.beside: dict[int, OwnSteps] = {}
        self._rate_before: float | None = None
        if setting is not None:
            self._rate_before = set_rate.current_rate(optimizer)

    def run(self, call: FitCall, numbers: WeightNumbers) -> Any:
        """Runs the call; returns what Keras returns."""
        optimizer = call.model.optimizer
        before = set_rate.steps_taken(optimizer)
        try:
            return call.proceed(callbacks=self._callbacks(call))
        finally:
            self.num_steps = set_rate.steps_taken(optimizer) - before
            if self.rates:
                self._read_rate(optimizer)
            with contextlib.suppress(ValueError):  # the call failed before building
                self.trained = numbers.of(call.model.trainable_variables)
                self.weights = numbers.of(call.model.weights)

    @property
    def first_rate(self) -> float | None:
        """The rate of the first step, or None."""
        return self.rates[0] if self.rates else None

    def add_beside(self, optimizer: Any, trained: frozenset[int]) -> None:
        """Records a step, or its trace, by an optimizer beside the model's own."""
        steps = self.beside.setdefault(
            id(optimizer), OwnSteps(self.number, type(optimizer).__name__)
        )
        rate = None
        with contextlib.suppress(*UNREADABLE), tf.init_scope():
            rate = set_rate.current_rate(optimizer)
        steps.add(rate, trained)

    def continues(self, other: "RecordedFit") -> bool:
        """Returns whether the call trained nothing but weights of another call."""
        return self.trained <= other.weights

    def exceeds(self, rate: float) -> float | None:
        """Returns a rate of the call above the given one, or None."""
        above = [used for used in self.rates if used > rate * (1 + ROUNDING)]
        return max(above, default=None)

    def doubt_beside(self, rate: float) -> str | None:
        """Returns which optimizer beside the model's own used another rate, or None."""
        for steps in self.beside.values():
            if steps.trained & self.weights and not steps.used(rate):
                return (
                    f"Fit {self.number} also trained weights of the model with "
                    f"{steps.optimizer} and {steps.rate_in_words()}. Build that "
                    "optimizer with tfx_lr_finder.learning_rate(fn_args)."
                )
        return None

    def doubt(self) -> str | None:
        """Returns why the rate that was set may not have been used; None if it was."""
        if self.setting is None:
            return None
        rate = self.setting.learning_rate
        was_set = f"The rate {rate!r} was set at fit, but "
        first = self.first_rate
        if first is None or self.num_steps == 0:
            return (
                f"{was_set}the model's optimizer took no step. If train_step uses "
                "another optimizer, build that one with the rate of "
                "tfx_lr_finder.learning_rate(fn_args)."
            )
        if self._rate_before is None or not set_rate.same_rate(
            first, self._rate_before
        ):
            return (
                f"{was_set}the first step used {first!r}, because a callback set it. "
                "Start the callback from tfx_lr_finder.learning_rate(fn_args)."
            )
        above = self.exceeds(rate)
        if above is not None:
            return (
                f"{was_set}a later step used {above!r}, because a callback raised it. "
                "Start the callback from tfx_lr_finder.learning_rate(fn_args)."
            )
        return None

    def _callbacks(self, call: FitCall) -> Any:
        """Returns the callbacks of the call, and a last one that reads the rate."""
        given: Any = call.arguments.get("callbacks") or []
        read_rate = self._read_rate
        read_higher_rate = self._read_higher_rate if given else None

        class ReadRate(call.keras.callbacks.Callback):  # type: ignore[name-defined]
            def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
                del epoch, logs
                self.is_first_step = True

            def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
                del batch, logs
                if self.is_first_step:
                    read_rate(self.model.optimizer)
                elif read_higher_rate is not None:
                    read_higher_rate(self.model.optimizer)
                self.is_first_step = False

        if isinstance(given, list | tuple):
            return [*given, ReadRate()]
        if not hasattr(given, "append"):
            return [given, ReadRate()]
        given.append(ReadRate())  # a CallbackList
        return given

    def _read_rate(self, optimizer: Any) -> None:
        with contextlib.suppress(ValueError):
            self.rates.append(set_rate.current_rate(optimizer))

    def _read_higher_rate(self, optimizer: Any) -> None:
        """Reads a rate that a callback raised; none changes that of a schedule."""
        if not self.rates or schedule_of(inner_optimizer(optimizer)) is not None:
            return
        rate = set_rate.current_rate(optimizer)
        if rate > max(self.rates):
            self.rates.append(rate)


def chain(fits: list[RecordedFit], last: RecordedFit) -> list[RecordedFit]:
    """Returns the calls up to the last one that trained its weights, in order."""
    until = itertools.takewhile(lambda fit: fit.number <= last.number, fits)
    return [fit for fit in until if last.continues(fit)]
