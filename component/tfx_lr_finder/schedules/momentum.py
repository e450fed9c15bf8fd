"""Momentum that falls while the learning rate rises, as a callback of both Kerases."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
import tf_keras

from tfx_lr_finder.runtime.loop.optimizers import inner_optimizer
from tfx_lr_finder.schedules.base import CycleSchedule


class MomentumCycle(keras.callbacks.Callback, tf_keras.callbacks.Callback):
    """Cycles an optimizer's momentum against the learning rate, during one `fit`.

    The momentum of SGD, or the `beta_1` of Adam and AdamW, is `max_momentum` at the
    lowest rate of the schedule and `min_momentum` at its peak; it is computed on the
    device, from the optimizer's own count of steps. Afterwards the optimizer has its
    own number back::

        schedule = tfx_lr_finder.OneCycle(0.3, total_steps)
        model.compile(keras.optimizers.SGD(schedule, momentum=0.95), ...)
        model.fit(..., callbacks=[tfx_lr_finder.MomentumCycle(schedule)])

    References:
      L. N. Smith, arXiv:1803.09820, section 4.3: cyclical momentum, from 0.95 down to
      0.85 and back.
    """

    def __init__(
        self,
        schedule: CycleSchedule,
        min_momentum: float = 0.85,
        max_momentum: float = 0.95,
    ) -> None:
        """Checks the numbers.

        Args:
          schedule: The `OneCycle` or `Cyclical` of the learning rate.
          min_momentum: The momentum at the peak of the rate, in [0, 1).
          max_momentum: The momentum at the lowest rate, above it and below 1.

        Raises:
          ValueError: If the schedule is another, or a number is out of its range.
        """
        super().__init__()
        self._chief_worker_only = None  # these two are tf_keras' own
        self._supports_tf_logs = True
        if not isinstance(schedule, CycleSchedule):
            raise ValueError(
                "MomentumCycle needs the OneCycle or Cyclical of the learning rate, "
                f"got {type(schedule).__name__}."
            )
        if not 0 <= min_momentum < max_momentum < 1:
            raise ValueError(
                "MomentumCycle needs 0 <= min_momentum < max_momentum < 1, got "
                f"{min_momentum} and {max_momentum}. From 0.85 to 0.95 is usual."
            )
        self._schedule = schedule
        self._lowest, self._highest = float(min_momentum), float(max_momentum)
        self._own: float | None = None

    def momentum(self, step: Any) -> tf.Tensor:
        """Returns the momentum at a step, a float32 scalar.

        Args:
          step: The step, a scalar.
        """
        fall = self._highest - self._lowest
        return self._highest - fall * self._schedule.position(step)

    def on_train_begin(self, logs: Any = None) -> None:
        """Puts the cycling momentum in the place of the optimizer's own.

        Raises:
          ValueError: If the optimizer has no momentum that can be cycled.
        """
        del logs
        optimizer = inner_optimizer(self.model.optimizer)
        self._own = float(getattr(optimizer, _field(optimizer)))
        self._set(_Live(self._own, lambda: self.momentum(optimizer.iterations)))

    def on_train_end(self, logs: Any = None) -> None:
        """Puts the optimizer's own momentum back."""
        del logs
        self._set(self._own)

    def _set(self, momentum: Any) -> None:
        optimizer = inner_optimizer(self.model.optimizer)
        setattr(optimizer, _field(optimizer), momentum)
        self.model.make_train_function(force=True)  # a graph may hold the former one


def _field(optimizer: Any) -> str:
    """Returns the name of the momentum of an optimizer.

    Raises:
      ValueError: If it has none that can be cycled.
    """
    for k in (keras, tf_keras):
        optimizers = k.optimizers
        if isinstance(optimizer, optimizers.Adam | optimizers.AdamW):
            return "beta_1"
        if isinstance(optimizer, optimizers.SGD) and float(optimizer.momentum) > 0:
            return "momentum"
    raise ValueError(
        "MomentumCycle cycles the momentum of SGD(momentum=...), where it is above 0, "
        f"and the beta_1 of Adam and AdamW; the model was compiled with "
        f"{type(optimizer).__module__}.{type(optimizer).__name__}. Use one of those, "
        "or leave MomentumCycle out."
    )


class _Live(float):
    """A number whose value is computed anew wherever TensorFlow uses it.

    To Python it is the plain number that stood there before, so that an optimizer can
    compare and serialise it; in a graph it is a tensor.
    """

    _compute: Callable[[], tf.Tensor]

    def __new__(cls, value: float, compute: Callable[[], tf.Tensor]) -> "_Live":
        """Returns the number."""
        number = super().__new__(cls, value)
        number._compute = compute
        return number

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> tf.Tensor:
        """Returns the value of now."""
        del name
        return tf.cast(self._compute(), dtype or tf.float32)

    def __rsub__(self, other: Any) -> Any:
        """Returns `other - self`, which Adam computes with a plain 1."""
        return other - self._compute()

    def __reduce__(self) -> Any:
        """Copies and pickles as the plain number."""
        return float, (float(self),)
