"""A copy of the variables from which every sweep and candidate starts."""

import contextlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from tfx_lr_finder.runtime.loop.optimizers import optimizer_variables

MIN_ZEROS = 2**16
"""Elements of a variable from which on zeros are not copied."""


def state_variables(model: Any) -> list[tf.Variable]:
    """Returns every variable that a training step can change, each once.

    Weights, batch-norm statistics, seed generators, optimizer slots, iteration
    counter, loss scale, metrics, and any tf.Variable that a layer or the model holds
    as an attribute.

    Args:
      model: A compiled Keras model. What is not built yet has no variables.
    """
    found = [*_weights(model), *optimizer_variables(model.optimizer)]
    for metric in model.metrics:
        found.extend(metric.variables)
    for root in (model, model.optimizer):
        found.extend(tf.train.TrackableView(root).descendants())
    unique = {id(variable): variable for variable in map(_tf_variable, found)}
    return [variable for variable in unique.values() if variable is not None]


def _weights(model: Any) -> list[Any]:
    try:
        return list(model.variables)
    except ValueError:  # an unbuilt model of tf_keras
        return []


def _tf_variable(item: Any) -> tf.Variable | None:
    """Returns an item or the tf.Variable in a Keras 3 variable; None for others."""
    if isinstance(item, tf.Variable):
        return item
    value = getattr(item, "value", None)  # Keras 3 keeps the tf.Variable here
    return value if isinstance(value, tf.Variable) else None


class Snapshot:
    """A copy of variables in host memory. One that is zero is not copied.

    On a CPU a variable and its copy share memory until a step changes the variable.

    Args:
      variables: The variables to copy.
    """

    def __init__(self, variables: list[tf.Variable]) -> None:
        """Copies the values."""
        self._variables = variables
        copied = [not _is_large_zero(variable) for variable in variables]
        with tf.device("CPU:0"):
            self._values = [
                tf.identity(variable) if copy else None
                for variable, copy in zip(variables, copied, strict=True)
            ]

    @property
    def values(self) -> Iterator[tf.Tensor]:
        """The copied values, in the order of the variables."""
        for variable, value in zip(self._variables, self._values, strict=True):
            zero = value is None
            yield tf.zeros(variable.shape, variable.dtype) if zero else value

    def restore(self) -> None:
        """Sets every variable to its copied value."""
        for variable, value in zip(self._variables, self.values, strict=True):
            variable.assign(value, read_value=False)


def _is_large_zero(variable: tf.Variable) -> bool:
    large = (variable.shape.num_elements() or 0) >= MIN_ZEROS
    is_number = variable.dtype.is_floating
    return large and is_number and not tf.reduce_any(tf.not_equal(variable, 0))


@contextlib.contextmanager
def undone(model: Any) -> Iterator[None]:
    """Undoes what a block does to the variables of a model, also if it raises.

    Variables that the block creates go back to their initial values.

    Args:
      model: A compiled Keras model, built or not.
    """
    copies = [Snapshot(state_variables(model))]

    def create(next_creator: Any, **arguments: Any) -> tf.Variable:
        variable = next_creator(**arguments)
        if tf.executing_eagerly():
            copies.append(Snapshot([variable]))
        return variable

    try:
        with tf.variable_creator_scope(create):
            yield
    finally:
        for copy in copies:
            copy.restore()
