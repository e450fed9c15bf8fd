"""Calls a handler instead of Keras' `fit`, in the whole process, for a while."""

import contextlib
import dataclasses
import functools
import importlib
import inspect
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, TypeAlias

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


Handler: TypeAlias = Callable[[FitCall], Any]
Function: TypeAlias = Callable[..., Any]
Wrapper: TypeAlias = Callable[[Function], Function]


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
        for keras in installed_kerases():
            wrap = functools.partial(_calling, handler, keras)
            stack.enter_context(replaced(keras.Model, "fit", wrap))
        yield


def installed_kerases() -> list[ModuleType]:
    """Returns the installed Keras packages."""
    found = []
    for name in KERASES:
        with contextlib.suppress(ImportError):
            found.append(importlib.import_module(name))
    return found


@contextlib.contextmanager
def replaced(owner: Any, name: str, wrap: Wrapper) -> Iterator[None]:
    """Replaces a function of a class or module, and restores it afterwards.

    Args:
      owner: The class or module.
      name: Name of the function.
      wrap: Takes the original function and returns its replacement.

    Yields:
      None.
    """
    original = getattr(owner, name)
    was_own = name in vars(owner)
    setattr(owner, name, functools.wraps(original)(wrap(original)))
    try:
        yield
    finally:
        if was_own:
            setattr(owner, name, original)
        else:
            delattr(owner, name)


def _calling(handler: Handler, keras: ModuleType, original: Function) -> Function:
    """Returns a `fit` that calls the handler."""
    signature = inspect.signature(original)

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

    return fit
