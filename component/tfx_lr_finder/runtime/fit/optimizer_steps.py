"""Calls a handler before every step of a Keras optimizer, for a while."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tfx_lr_finder.runtime.fit.intercept import (
    Function,
    installed_kerases,
    replaced,
)

OnStep = Callable[[Any, Sequence[Any]], None]
"""Takes the optimizer and the variables that it is about to change."""


@contextlib.contextmanager
def watched_steps(on_step: OnStep) -> Iterator[None]:
    """Calls a function before every optimizer step in the whole process.

    Inside a `tf.function` this happens when the function is traced. A step may call it
    twice, because Keras 3's `apply_gradients` calls `apply`, and `minimize` calls them.

    Args:
      on_step: May raise to prevent the step.

    Yields:
      None. The optimizers are restored afterwards.
    """

    def wrap_apply_gradients(original: Function) -> Function:
        def apply_gradients(
            self: Any, grads_and_vars: Any, *args: Any, **kwargs: Any
        ) -> Any:
            pairs = list(grads_and_vars)
            on_step(self, [variable for _, variable in pairs])
            return original(self, pairs, *args, **kwargs)

        return apply_gradients

    def wrap_apply(original: Function) -> Function:
        def apply(self: Any, grads: Any, trainable_variables: Any = None) -> Any:
            if trainable_variables is not None:
                trainable_variables = list(trainable_variables)
            built_for = getattr(self, "_trainable_variables", ())
            on_step(self, trainable_variables or built_for)
            return original(self, grads, trainable_variables)

        return apply

    wraps = {"apply_gradients": wrap_apply_gradients, "apply": wrap_apply}
    with contextlib.ExitStack() as stack:
        for optimizer in _optimizer_classes():
            for name, wrap in wraps.items():
                if hasattr(optimizer, name):
                    stack.enter_context(replaced(optimizer, name, wrap))
        yield


def _optimizer_classes() -> list[Any]:
    """Returns the base classes of all Keras optimizers."""
    found = []
    for keras in installed_kerases():
        found.append(keras.optimizers.Optimizer)
        legacy = getattr(keras.optimizers, "legacy", None)
        if keras.__name__ == "tf_keras" and legacy is not None:
            found.append(legacy.Optimizer)
    return found
