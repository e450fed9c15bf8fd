"""Calls a handler whenever a model is saved into a folder, for a while."""

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from tfx_lr_finder.runtime.fit.intercept import (
    Function,
    installed_kerases,
    replaced,
)


@contextlib.contextmanager
def watched_saves(folder: str, on_save: Callable[[Any], None]) -> Iterator[None]:
    """Calls a function with each object that is saved into a folder.

    This covers `save` and `export` of Keras models and `tf.saved_model.save`.

    Args:
      folder: The folder; a save into one of its subfolders counts too.
      on_save: Takes the model, or the object that holds it.

    Yields:
      None. The functions are restored afterwards.
    """

    def wrap(original: Function) -> Function:
        def save(item: Any, *args: Any, **kwargs: Any) -> Any:
            paths = [value for value in (*args, *kwargs.values()) if _is_path(value)]
            if any(_is_inside(os.fspath(path), folder) for path in paths):
                on_save(item)
            return original(item, *args, **kwargs)

        return save

    with contextlib.ExitStack() as stack:
        stack.enter_context(replaced(tf.saved_model, "save", wrap))
        for keras in installed_kerases():
            for name in ("save", "export"):
                if not hasattr(keras.Model, name):
                    continue  # an old tf_keras
                stack.enter_context(replaced(keras.Model, name, wrap))
        yield


def _is_path(value: Any) -> bool:
    return isinstance(value, str | os.PathLike)


def _is_inside(path: str, folder: str) -> bool:
    return f"{path}/".startswith(f"{folder.rstrip('/')}/")
