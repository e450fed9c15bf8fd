"""The optimizer's learning rate as one variable that the sweep can set.

Works on the user's optimizer as it is: Keras 3, tf_keras, tf_keras' legacy ones, and
any of them inside a LossScaleOptimizer.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf


@dataclasses.dataclass(frozen=True, kw_only=True)
class SweptRate:
    """Sets the optimizer's rate during a range test.

    Attributes:
      assign: Sets the rate; takes a float32 scalar tensor, in a graph or outside.
      replaced: The rate before the test: "constant 0.001", or the class name of a
        schedule.
    """

    assign: Callable[[tf.Tensor], Any]
    replaced: str


@contextlib.contextmanager
def swept_learning_rate(optimizer: Any, strategy: Any) -> Iterator[SweptRate]:
    """Gives the optimizer a rate that can be set, and restores the old one.

    A plain rate is a variable of the optimizer already. A schedule (or a callable) is
    replaced by one that reads a variable. Nothing else about the optimizer changes.
    Decoupled weight decay is multiplied by the rate under test, as in the Trainer.

    Args:
      optimizer: A Keras optimizer, built.
      strategy: The tf.distribute strategy to create a variable under.

    Yields:
      The handle.

    Raises:
      ValueError: The optimizer has no learning rate that can be set.
    """
    inner = inner_optimizer(optimizer)
    schedule = schedule_of(inner)
    with _without_legacy_decay(inner):
        if schedule is None:
            variable = inner.learning_rate
            if not hasattr(variable, "assign"):
                raise ValueError(
                    f"The learning rate of the optimizer is a {type(variable)}, "
                    "expected a variable or a schedule. Create the optimizer with a "
                    "float: Adam(learning_rate=1e-3)."
                )
            before = float(tf.convert_to_tensor(variable))
            try:
                yield SweptRate(assign=variable.assign, replaced=f"constant {before}")
            finally:
                variable.assign(before)
        else:
            with strategy.scope():
                rate = tf.Variable(0.0, trainable=False, dtype=tf.float32)
            inner.learning_rate = _reading(rate, schedule)
            try:
                yield SweptRate(assign=rate.assign, replaced=type(schedule).__name__)
            finally:
                inner.learning_rate = schedule


def inner_optimizer(optimizer: Any) -> Any:
    """Returns the optimizer inside any wrappers such as LossScaleOptimizer."""
    while getattr(optimizer, "inner_optimizer", None) is not None:
        optimizer = optimizer.inner_optimizer
    return optimizer


def refuse_several_optimizers(model: Any) -> None:
    """Raises if the model trains with more than one optimizer.

    Args:
      model: A compiled Keras model.

    Raises:
      ValueError: It holds an optimizer besides `model.optimizer`.
    """
    own = {id(model.optimizer), id(inner_optimizer(model.optimizer))}
    others = {
        type(item).__name__
        for item in tf.train.TrackableView(model).descendants()
        if hasattr(item, "apply_gradients") and id(item) not in own
    }
    if others:
        raise ValueError(
            f"The model trains with several optimizers (also {sorted(others)}), and "
            "one learning rate does not fit them all. Run LRFinder on a model compiled "
            "with one optimizer at a time."
        )


def build_optimizer(optimizer: Any, variables: list[Any]) -> None:
    """Creates the optimizer's slots, so that a snapshot can copy their start values.

    Args:
      optimizer: A Keras optimizer, built or not.
      variables: The model's trainable variables.
    """
    if hasattr(optimizer, "build"):
        if not getattr(optimizer, "built", False):
            optimizer.build(variables)
        return
    inner = inner_optimizer(optimizer)
    inner._create_all_weights(variables)  # legacy optimizers have no other way


def optimizer_variables(optimizer: Any) -> list[Any]:
    """Returns every variable of the optimizer: slots, counters, loss scale, rate."""
    variables = optimizer.variables
    return list(variables() if callable(variables) else variables)


def schedule_of(optimizer: Any) -> Any | None:
    """Returns the schedule or callable that gives the rate; None for a plain rate.

    Args:
      optimizer: A Keras optimizer, without wrappers.

    Raises:
      ValueError: It has no learning rate.
    """
    hyper = getattr(optimizer, "_hyper", None)  # a legacy optimizer
    rate = hyper["learning_rate"] if hyper else vars(optimizer).get("_learning_rate")
    if rate is None:
        raise ValueError(
            f"{type(optimizer).__name__} has no learning rate that LRFinder can set. "
            "Use a Keras optimizer that takes learning_rate."
        )
    return rate if callable(rate) and not hasattr(rate, "assign") else None


def _reading(rate: tf.Variable, schedule: Any) -> Any:
    """Returns a schedule of the same family that reads the variable."""
    bases = schedule_bases(schedule)
    if not bases:
        return lambda: rate

    def call(self: Any, step: Any) -> tf.Tensor:
        del self, step
        return tf.convert_to_tensor(rate)

    members = {"__call__": call, "get_config": lambda self: {}}
    return type("SweptSchedule", bases, members)()


def schedule_bases(schedule: Any) -> tuple[type, ...]:
    """Returns the `LearningRateSchedule` classes of any Keras that a schedule extends.

    Args:
      schedule: A schedule; a plain function gives an empty tuple.
    """
    bases = type(schedule).__mro__
    return tuple(base for base in bases if base.__name__ == "LearningRateSchedule")


@contextlib.contextmanager
def _without_legacy_decay(optimizer: Any) -> Iterator[None]:
    """Turns off the `decay` of a legacy optimizer, which would change the rates."""
    decay = getattr(optimizer, "_initial_decay", 0.0)
    if decay:
        optimizer._initial_decay = 0.0
    try:
        yield
    finally:
        if decay:
            optimizer._initial_decay = decay
