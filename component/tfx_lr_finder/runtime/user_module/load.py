"""Loads the user's `lr_finder_fn` by its dotted path or from a file, without TFX."""

import importlib
import importlib.machinery
import importlib.util
import sys
from typing import Any

from tfx_lr_finder.runtime.user_module.call import LRFinderFn
from tfx_lr_finder.settings import keys

_MODULE_NAME = "lr_finder_user_module"


def load(lr_finder_fn: str | None, module_file: str | None) -> LRFinderFn:
    """Returns the user's function.

    Args:
      lr_finder_fn: Its dotted path, or None.
      module_file: The Python file that defines `lr_finder_fn`, or None. Its name needs
        no `.py`.

    Raises:
      ValueError: The module cannot be imported, or has no such function.
    """
    if lr_finder_fn:
        place, _, name = lr_finder_fn.rpartition(".")
        module = _import(place, lr_finder_fn)
    else:
        place, name = str(module_file), keys.LR_FINDER_FN
        module = _run_file(place)
    function: LRFinderFn | None = getattr(module, name, None)
    if not callable(function):
        raise ValueError(
            f"{place} defines no function {name}. It must define a function that takes "
            "fn_args and returns an LRFinderFnResult."
        )
    return function


def _import(place: str, path: str) -> Any:
    if not place:
        raise ValueError(
            f"lr_finder_fn must be a dotted path such as my_module.lr_finder_fn, got "
            f"{path!r}."
        )
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if not f"{place}.".startswith(f"{error.name}."):
            raise  # the module exists and imports another one that does not
        raise ValueError(
            f"lr_finder_fn={path!r}: there is no module {error.name!r} in this image. "
            "Add the module to the image, in a folder of PYTHONPATH, or pass it as "
            "module_file."
        ) from error


def _run_file(path: str) -> Any:
    loader = importlib.machinery.SourceFileLoader(_MODULE_NAME, path)
    spec = importlib.util.spec_from_loader(_MODULE_NAME, loader)
    if spec is None:  # not for this loader
        raise ValueError(f"module_file cannot be loaded: {path}.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MODULE_NAME] = module
    try:
        loader.exec_module(module)
    except (SyntaxError, UnicodeDecodeError) as error:
        raise ValueError(
            f"module_file is not a Python file ({type(error).__name__}: {error}). Pass "
            "a .py file that defines lr_finder_fn."
        ) from error
    return module
