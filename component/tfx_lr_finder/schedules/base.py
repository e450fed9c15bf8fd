"""The base class of Smith's learning-rate schedules, for Keras 3 and tf_keras.

Each schedule extends the schedule class of both Kerases and is registered in both. So
either one accepts, saves and loads it, whichever of them `tf.keras` is.
"""

import importlib
import importlib.util
import math
import numbers
from typing import Any

import tensorflow as tf

PACKAGE = "tfx_lr_finder"
KERASES = tuple(
    importlib.import_module(name)
    for name in ("keras", "tf_keras")
    if importlib.util.find_spec(name)
)
"""The Kerases that are installed. TFX brings both."""


class CycleSchedule(*(k.optimizers.schedules.LearningRateSchedule for k in KERASES)):  # type: ignore[misc]
    """A schedule that rises from a low rate to a peak and falls again.

    Attributes:
      kind: Names the rate of a report that is the peak; see `fn_args.rate_for`.
      max_lr: The peak.
    """

    kind: str
    max_lr: float

    def position(self, step: Any) -> tf.Tensor:
        """Returns 0 for a step at the lowest rate and 1 at the peak, float32."""
        raise NotImplementedError


def registered(schedule_class: Any) -> Any:
    """Returns the class, registered for saving in both Kerases."""
    for k in KERASES:
        k.saving.register_keras_serializable(PACKAGE)(schedule_class)
    return schedule_class


def checked_rate(name: str, value: Any) -> float:
    """Returns the value of an argument if it is a positive, finite number."""
    if not is_real(value) or not math.isfinite(value) or value <= 0:
        raise ValueError(f"{name} must be positive and finite, got {value!r}.")
    return float(value)


def checked_steps(name: str, value: Any, minimum: int) -> int:
    """Returns the value of an argument if it is an integer of at least `minimum`."""
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not whole or value < minimum:
        raise ValueError(
            f"{name} must be an integer of at least {minimum}, got {value!r}. In a "
            "pipeline, TrainArgs(num_steps=...) sets fn_args.train_steps."
        )
    return int(value)


def is_real(value: Any) -> bool:
    """Returns whether a value is a number other than a bool."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
