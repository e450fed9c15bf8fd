"""The start of a training, kept so that each replicate begins exactly there."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfx_lr_finder.runtime.loop.optimizers import optimizer_variables

_NO_NUMBERS = (tf.resource, tf.string, tf.variant)


def state_variables(model: Any) -> list[tf.Variable]:
    """Returns every variable that a training step can change, each once.

    Weights, batch-norm statistics, seed generators, optimizer slots, iteration
    counter, loss scale, metrics, and any tf.Variable a layer or the model holds as an
    attribute.

    Args:
      model: A built and compiled Keras model with a built optimizer.
    """
    found = [*model.variables, *optimizer_variables(model.optimizer)]
    for metric in model.metrics:
        found.extend(metric.variables)
    for root in (model, model.optimizer):
        found.extend(tf.train.TrackableView(root).descendants())
    unique = {id(variable): variable for variable in map(_tf_variable, found)}
    return [variable for variable in unique.values() if variable is not None]


def _tf_variable(item: Any) -> tf.Variable | None:
    """Returns the tf.Variable of a Keras 3 variable, or of itself; else None."""
    if isinstance(item, tf.Variable):
        return item
    value = getattr(item, "value", None)  # Keras 3 keeps the tf.Variable here
    return value if isinstance(value, tf.Variable) else None


class Snapshot:
    """A copy of variables, kept on their device, that can be put back.

    Args:
      variables: What to copy.
    """

    def __init__(self, variables: list[tf.Variable]) -> None:
        """Copies the values."""
        self._variables = variables
        self._values = [tf.identity(variable) for variable in variables]

    @property
    def values(self) -> list[tf.Tensor]:
        """The values that were copied."""
        return list(self._values)

    @property
    def num_bytes(self) -> int:
        """Size of all of them together."""
        return sum(value.dtype.size * int(tf.size(value)) for value in self._values)

    def current(self) -> list[bytes] | None:
        """Returns the variables' values of now, each as its bytes.

        None where one of them has no numbers.
        """
        if any(value.dtype in _NO_NUMBERS for value in self._values):
            return None
        return [variable.numpy().tobytes() for variable in self._variables]

    def set(self, state: list[bytes]) -> None:
        """Sets every variable to what `current` returned.

        Raises:
          ValueError: It is the state of other variables.
        """
        sizes = [value.dtype.size * int(tf.size(value)) for value in self._values]
        if sizes != [len(part) for part in state]:
            raise ValueError("The state is not one of these variables.")
        for variable, value, part in zip(
            self._variables, self._values, state, strict=True
        ):
            numbers = np.frombuffer(part, value.dtype.as_numpy_dtype)
            variable.assign(numbers.reshape(value.shape))

    def restore(self) -> None:
        """Sets every variable to its value at the time of the copy."""
        for variable, value in zip(self._variables, self._values, strict=True):
            variable.assign(value)
