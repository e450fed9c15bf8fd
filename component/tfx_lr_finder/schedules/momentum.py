"""Momentum that falls while the learning rate rises, as a callback of both Kerases."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfx_lr_finder.schedules.base import KERASES, CycleSchedule


class MomentumCycle(*(k.callbacks.Callback for k in KERASES)):  # type: ignore[misc]
    """Cycles the momentum of an optimizer against its learning rate during one `fit`.

    The momentum of SGD, or the `beta_1` of Adam and AdamW, is `max_momentum` at the
    lowest rate of the schedule and `min_momentum` at its peak. The device computes it
    from the optimizer's step counter. After `fit` the optimizer has its original
    momentum::

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
          max_momentum: The momentum at the lowest rate, above `min_momentum` and
            below 1.

        Raises:
          ValueError: If `schedule` is another schedule, or a number is out of its
            range.
        """
        super().__init__()
        self._chief_worker_only = None  # tf_keras reads this and the next
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
        self._original: float | None = None

    def momentum(self, step: Any) -> tf.Tensor:
        """Returns the momentum at a step, a float32 scalar."""
        fall = self._highest - self._lowest
        return self._highest - fall * self._schedule.position(step)

    def on_train_begin(self, logs: Any = None) -> None:
        """Replaces the optimizer's momentum by the cycling one."""
        del logs
        optimizer = self._optimizer()
        self._original = float(getattr(optimizer, _field(optimizer)))
        self._set(
            _DeviceFloat(self._original, lambda: self.momentum(optimizer.iterations))
        )

    def on_train_end(self, logs: Any = None) -> None:
        """Restores the optimizer's momentum."""
        del logs
        self._set(self._original)

    def _optimizer(self) -> Any:
        """Returns the model's optimizer, without a LossScaleOptimizer around it."""
        optimizer = self.model.optimizer
        return getattr(optimizer, "inner_optimizer", optimizer)

    def _set(self, momentum: Any) -> None:
        optimizer = self._optimizer()
        setattr(optimizer, _field(optimizer), momentum)
        self.model.make_train_function(force=True)  # a graph may hold the old one


def _field(optimizer: Any) -> str:
    """Returns the name of the attribute with the momentum; raises if there is none."""
    for k in KERASES:
        optimizers = k.optimizers
        if isinstance(optimizer, optimizers.Adam | optimizers.AdamW):
            return "beta_1"
        if isinstance(optimizer, optimizers.SGD) and float(optimizer.momentum) > 0:
            return "momentum"
    raise ValueError(
        "MomentumCycle needs SGD with a momentum above 0, Adam or AdamW, got "
        f"{type(optimizer).__module__}.{type(optimizer).__name__}. Compile the model "
        "with one of those, or leave MomentumCycle out."
    )


class _DeviceFloat(float):
    """A float that TensorFlow recomputes at every use.

    Python sees the optimizer's original momentum, which the optimizer can compare and
    serialise. A graph sees a tensor.
    """

    _compute: Callable[[], tf.Tensor]

    def __new__(cls, value: float, compute: Callable[[], tf.Tensor]) -> "_DeviceFloat":
        """Makes the float, with the original value."""
        number = super().__new__(cls, value)
        number._compute = compute
        return number

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> tf.Tensor:
        """Returns the current value."""
        del name
        return tf.cast(self._compute(), dtype or tf.float32)

    def __rsub__(self, other: Any) -> Any:
        """Returns `other - self`, as Adam computes `1 - beta_1`."""
        return other - self._compute()

    def __reduce__(self) -> Any:
        """Copies and pickles as the original float."""
        return float, (float(self),)
