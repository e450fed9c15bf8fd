"""Every Keras `fit` of the process, handed to a function of ours for a while."""

import contextlib
import dataclasses
import functools
import importlib
import inspect
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, TypeAlias

KERASES = ("keras", "tf_keras")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class FitCall:
    """One call of `fit` that has not happened yet.

    Attributes:
      model: The model it was called on.
      arguments: Every argument by name, with Keras' defaults for those left out.
      keras: The Keras of the model: `keras` or `tf_keras`.
      original: Keras' own `fit`.
    """

    model: Any
    arguments: dict[str, Any]
    keras: ModuleType
    original: Callable[..., Any]

    def proceed(self, **changes: Any) -> Any:
        """Returns what Keras' own `fit` returns.

        Args:
          **changes: Arguments to pass instead of those of the call.
        """
        return self.original(self.model, **{**self.arguments, **changes})


Handler: TypeAlias = Callable[[FitCall], Any]


@contextlib.contextmanager
def intercepted_fit(handler: Handler) -> Iterator[None]:
    """Calls the handler in the place of every `fit` of Keras 3 and of tf_keras.

    It holds for Sequential, functional and subclassed models, wherever in the process
    `fit` is called; a subclass with a `fit` of its own is met at `super().fit`.

    Args:
      handler: Gets the call, and returns what `fit` is to return.

    Yields:
      None; Keras' own `fit` is back afterwards.
    """
    with contextlib.ExitStack() as stack:
        for keras in _installed_kerases():
            stack.enter_context(_patched(keras, handler))
        yield


def _installed_kerases() -> list[ModuleType]:
    """Returns the Keras packages that can be imported, each once."""
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
            return original(self, *args, **kwargs)  # which says what is wrong
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
