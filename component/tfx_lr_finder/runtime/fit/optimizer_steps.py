"""Calls a handler before every step of a Keras optimizer, for a while."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from tfx_lr_finder.runtime.fit.intercept import (
    Function,
    installed_kerases,
    replaced,
)

STEPS = ("apply", "apply_gradients", "minimize")
"""The methods that take a step. Keras 3 has all three, tf_keras the last two."""


@contextlib.contextmanager
def watched_steps(on_step: Callable[[], None]) -> Iterator[None]:
    """Calls a function before every optimizer step in the whole process.

    Inside a `tf.function` this happens when the function is traced.

    Args:
      on_step: May raise to prevent the step.

    Yields:
      None. The optimizers are restored afterwards.
    """

    def wrap(original: Function) -> Function:
        def step(self: Any, *args: Any, **kwargs: Any) -> Any:
            on_step()
            return original(self, *args, **kwargs)

        return step

    with contextlib.ExitStack() as stack:
        for optimizer in _optimizer_classes():
            for name in STEPS:
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
