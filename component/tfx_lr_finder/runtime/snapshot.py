"""The start of a training, kept so that each replicate begins exactly there."""

from typing import Any

import tensorflow as tf

from tfx_lr_finder.runtime.optimizers import optimizer_variables


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

    def restore(self) -> None:
        """Sets every variable to its value at the time of the copy."""
        for variable, value in zip(self._variables, self._values, strict=True):
            variable.assign(value)
