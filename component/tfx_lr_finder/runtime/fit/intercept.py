"""Calls a handler instead of Keras' `fit`, in the whole process, for a while."""

import contextlib
import dataclasses
import functools
import importlib
import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any, TypeAlias

import tensorflow as tf

KERASES = ("keras", "tf_keras")
DEFAULT_BATCH_SIZE = 32


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class FitCall:
    """One call of `fit`, before it runs.

    Attributes:
      model: The model that `fit` was called on.
      arguments: Every argument by name, with Keras' defaults for missing ones.
      keras: The Keras of the model: `keras` or `tf_keras`.
      original: Keras' own `fit`.
    """

    model: Any
    arguments: dict[str, Any]
    keras: ModuleType
    original: Callable[..., Any]

    def proceed(self, **changes: Any) -> Any:
        """Runs Keras' own `fit`, with some arguments replaced."""
        return self.original(self.model, **{**self.arguments, **changes})

    @property
    def num_steps(self) -> int | None:
        """Training steps of the call; None if unknown."""
        given = self.arguments
        epochs = (given["epochs"] or 1) - (given["initial_epoch"] or 0)
        steps = given.get("steps_per_epoch")
        if not steps or steps < 0:
            steps = self._steps_per_epoch()
        return int(steps) * epochs if steps > 0 and epochs > 0 else None

    def _steps_per_epoch(self) -> int:
        """Returns the batches of one pass over the data; 0 or less if unknown."""
        given = self.arguments
        x = getattr(given["x"], "_original_dataset", given["x"])
        if isinstance(x, tf.data.Dataset):
            return int(x.cardinality())
        first = tf.nest.flatten(x)[0] if isinstance(x, Mapping | list | tuple) else x
        if not hasattr(first, "shape"):
            return 0
        has_validation = given.get("validation_data") is not None
        held_out = 0.0 if has_validation else given.get("validation_split") or 0.0
        num_rows = math.floor(int(first.shape[0]) * (1 - held_out))
        return math.ceil(num_rows / (given["batch_size"] or DEFAULT_BATCH_SIZE))


Handler: TypeAlias = Callable[[FitCall], Any]


@contextlib.contextmanager
def intercepted_fit(handler: Handler) -> Iterator[None]:
    """Calls a handler instead of every `fit` of Keras 3 and tf_keras.

    This covers Sequential, functional and subclassed models in the whole process. In a
    subclass that overrides `fit`, its call of `super().fit` reaches the handler.

    Args:
      handler: Takes the call and returns the value that `fit` returns.

    Yields:
      None. Keras' own `fit` is restored afterwards.
    """
    with contextlib.ExitStack() as stack:
        for keras in _installed_kerases():
            stack.enter_context(_patched(keras, handler))
        yield


def _installed_kerases() -> list[ModuleType]:
    """Returns the installed Keras packages."""
    found = []
    for name in KERASES:
        with contextlib.suppress(ImportError):
            found.append(importlib.import_module(name))
    return found


@contextlib.contextmanager
def _patched(keras: ModuleType, handler: Handler) -> Iterator[None]:
    """Replaces the `fit` of one Keras' `Model` class."""
    model_class = keras.Model
    original = model_class.fit
    was_own = "fit" in vars(model_class)
    signature = inspect.signature(original)

    @functools.wraps(original)
    def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(self, *args, **kwargs)
        except TypeError:
            return original(self, *args, **kwargs)  # raises Keras' own error
        bound.apply_defaults()
        _, *arguments = bound.arguments.items()
        return handler(
            FitCall(
                model=self, arguments=dict(arguments), keras=keras, original=original
            )
        )

    model_class.fit = fit
    try:
        yield
    finally:
        if was_own:
            model_class.fit = original
        else:
            del model_class.fit
