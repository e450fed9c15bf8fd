"""What Smith's learning-rate policies share: schedules of Keras 3 and of tf_keras.

A class that is a schedule of both Kerases, and registered in both, is taken, saved and
loaded by either, whatever `tf.keras` stands for.
"""

import math
import numbers
from typing import Any

import keras
import tensorflow as tf
import tf_keras

PACKAGE = "tfx_lr_finder"


class CycleSchedule(
    keras.optimizers.schedules.LearningRateSchedule,
    tf_keras.optimizers.schedules.LearningRateSchedule,
):
    """What both policies have in common.

    Attributes:
      kind: What the schedule is to the finder: which rate of a report is its peak.
      max_lr: The peak.
    """

    kind: str
    max_lr: float

    def position(self, step: Any) -> tf.Tensor:
        """Returns where in the cycle a step is: 0 at the lowest rate, 1 at the peak.

        Args:
          step: The step, a scalar.

        Returns:
          float32 scalar in [0, 1].
        """
        raise NotImplementedError


def registered(schedule_class: Any) -> Any:
    """Returns the class, registered for saving in both Kerases."""
    for k in (keras, tf_keras):
        k.saving.register_keras_serializable(PACKAGE)(schedule_class)
    return schedule_class


def checked_rate(name: str, value: Any) -> float:
    """Returns a rate.

    Args:
      name: The argument's name, for the error.
      value: What was passed.

    Raises:
      ValueError: If it is not positive and finite.
    """
    if not is_real(value) or not math.isfinite(value) or value <= 0:
        raise ValueError(f"{name} must be positive and finite, got {value!r}.")
    return float(value)


def checked_steps(name: str, value: Any, least: int) -> int:
    """Returns a number of steps.

    Args:
      name: The argument's name, for the error.
      value: What was passed.
      least: The smallest that makes sense.

    Raises:
      ValueError: If it is not a whole number, or too small.
    """
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not whole or value < least:
        raise ValueError(
            f"{name} must be a whole number of at least {least}, got {value!r}. In a "
            "pipeline, TrainArgs(num_steps=...) gives fn_args.train_steps."
        )
    return int(value)


def is_real(value: Any) -> bool:
    """Returns whether a value is a number, and no bool."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
