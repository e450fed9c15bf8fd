"""A learning-rate schedule multiplied by a factor, for Keras 3 and tf_keras."""

import contextlib
import importlib
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_lr_finder.schedules.base import CycleSchedule

# The names of rates in the configurations of both Kerases' schedules.
RATE_FIELDS = (
    "initial_learning_rate",
    "end_learning_rate",
    "warmup_target",
    "values",
    "min_lr",  # from here on, those of OneCycle and Cyclical
    "max_lr",
    "final_lr",
)


def _make_class(keras: Any) -> Any:
    """Returns the schedule class of one Keras, registered for saving."""

    class ScaledSchedule(keras.optimizers.schedules.LearningRateSchedule):
        """Another schedule's rate, times a factor."""

        def __init__(self, schedule: Any, factor: float) -> None:
            super().__init__()
            self.schedule = schedule
            self.factor = factor

        def __call__(self, step: Any) -> Any:
            return self.schedule(step) * self.factor

        def get_config(self) -> dict[str, Any]:
            serialize = keras.saving.serialize_keras_object
            return {"schedule": serialize(self.schedule), "factor": self.factor}

        @classmethod
        def from_config(cls, config: dict[str, Any]) -> Any:
            inner = config["schedule"]
            if isinstance(inner, dict):
                inner = keras.saving.deserialize_keras_object(inner)
            return cls(inner, config["factor"])

    register = keras.saving.register_keras_serializable(package="tfx_lr_finder")
    return register(ScaledSchedule)


SCALED_SCHEDULES: dict[str, Any] = {}
for _name in ("keras", "tf_keras"):
    with contextlib.suppress(ImportError):
        SCALED_SCHEDULES[_name] = _make_class(importlib.import_module(_name))


def scaled(schedule: Any, factor: float, keras: Any, steps: list[int]) -> Any:
    """Returns a schedule with every rate multiplied by a factor.

    A schedule of Keras keeps its class and gets other numbers, so that a saved model
    loads without this package. `OneCycle` and `Cyclical` keep their class too. Any
    other schedule is wrapped in `ScaledSchedule`, a registered class.

    Args:
      schedule: A schedule, or a function without arguments.
      factor: A positive number.
      keras: The schedule's Keras.
      steps: The steps at which to check that the new numbers have this effect.

    Returns:
      The new schedule.
    """
    if not isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        return lambda: schedule() * factor
    ours = isinstance(schedule, CycleSchedule)
    if ours or type(schedule).__module__.split(".")[0] == keras.__name__:
        changed = _with_scaled_config(schedule, factor)
        if np.allclose(
            rates(changed, steps), factor * rates(schedule, steps), rtol=1e-5, atol=0
        ):
            return changed
    return SCALED_SCHEDULES[keras.__name__](schedule, factor)


def _with_scaled_config(schedule: Any, factor: float) -> Any:
    """Returns a schedule of the same class with the rates of its config scaled."""
    config = schedule.get_config()
    for name in RATE_FIELDS:
        value = config.get(name)
        if isinstance(value, list | tuple):
            config[name] = [item * factor for item in value]
        elif value is not None:
            config[name] = value * factor
    return type(schedule).from_config(config)


def rates(schedule: Any, steps: list[int]) -> Any:
    """Returns the rates of a schedule, float64 of the length of `steps`."""

    @tf.function
    def compute(steps: tf.Tensor) -> tf.Tensor:
        return tf.map_fn(
            lambda step: tf.cast(schedule(step), tf.float32),
            steps,
            fn_output_signature=tf.float32,
        )

    return np.asarray(compute(tf.constant(steps, tf.int64)), np.float64)
