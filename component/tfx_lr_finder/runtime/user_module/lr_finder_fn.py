"""Finds the user's `lr_finder_fn`, and makes its argument."""

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

from absl import logging
from tfx import types
from tfx.components.trainer import fn_args_utils
from tfx.components.util import udf_utils
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils

from tfx_lr_finder.runtime.examples import splits
from tfx_lr_finder.runtime.user_module.call import LR_FINDER_FN_TO_ADD, LRFinderFn
from tfx_lr_finder.settings import keys
from tfx_lr_finder.settings.hyperparameters import (
    check_replaceable,
    merge_learning_rate,
)
from tfx_lr_finder.settings.request import FinderRequest

PLACEHOLDER_LEARNING_RATE = 1e-3
"""The rate that a module gets before LRFinder has found one."""


def make_fn_args(
    input_dict: dict[str, list[types.Artifact]],
    request: FinderRequest,
    working_dir: str,
) -> fn_args_utils.FnArgs:
    """Returns the argument of `lr_finder_fn`: the `FnArgs` that `run_fn` gets.

    Args:
      input_dict: The node's input artifacts.
      request: What the node does.
      working_dir: A scratch folder.

    Returns:
      The arguments. `hyperparameters` is the KerasTuner configuration of that input,
      or None. If it has no learning rate, a placeholder is added.

    Raises:
      ValueError: If a split is missing or empty, the examples and the transform graph
        have no feature in common, or the learning rate cannot be set among the
        hyperparameters.
    """
    splits.check(input_dict, request.train_splits, request.eval_splits)
    fn_args = fn_args_utils.get_common_fn_args(
        input_dict, request.exec_properties, working_dir
    )
    fn_args.transform_output = fn_args.transform_graph_path
    fn_args.schema_file = fn_args.schema_path
    fn_args.hyperparameters = _read_hyperparameters(
        input_dict, request.hyperparameter_name
    )
    return fn_args


def _read_hyperparameters(
    input_dict: dict[str, list[types.Artifact]], name: str
) -> dict[str, Any] | None:
    """Returns the KerasTuner configuration of the input, with a rate; None without."""
    artifacts = input_dict.get(keys.HYPERPARAMETERS)
    if not artifacts:
        return None
    uri = artifact_utils.get_single_uri(artifacts)
    path = io_utils.get_only_uri_in_dir(uri)
    with fileio.open(path, "r") as file:
        text = file.read()
    try:
        config: dict[str, Any] = json.loads(text)
        check_replaceable(config, name)
    except ValueError as error:
        raise ValueError(f"{path}, from `hyperparameters`: {error}") from error
    if config["values"].get(name) is not None:
        return config
    return merge_learning_rate(config, PLACEHOLDER_LEARNING_RATE, name)


def find_lr_finder_fn(exec_properties: dict[str, Any]) -> LRFinderFn | None:
    """Returns the user's `lr_finder_fn`; None if LRFinder has to run `run_fn`.

    Args:
      exec_properties: Holds `module_path`, `module_file`, `lr_finder_fn` or `run_fn`.

    Raises:
      ValueError: If the dotted path `lr_finder_fn` names no function.
    """
    if exec_properties.get(keys.RUN_FN):
        return None
    find = udf_utils.try_get_fn
    if exec_properties.get(keys.LR_FINDER_FN):
        find = find_function
    with _logged_seconds():
        function: LRFinderFn | None = find(exec_properties, keys.LR_FINDER_FN)
    return function


@contextlib.contextmanager
def _logged_seconds() -> Iterator[None]:
    began = time.monotonic()
    yield
    logging.info(
        "LRFinder: installed and imported the user's code in %.1f seconds",
        time.monotonic() - began,
    )


def find_function(
    exec_properties: dict[str, Any], name: str, *, is_loaded: bool = False
) -> Any:
    """Returns a function of the user's module.

    Args:
      exec_properties: Holds `module_path`, `module_file` or the function's own path.
      name: The function's name, "lr_finder_fn" or "run_fn".
      is_loaded: Whether `find_lr_finder_fn` has just loaded the module. Its wheel is
        then not installed again.

    Raises:
      ValueError: If the module has no such function; the message shows the
        `lr_finder_fn` to add.
    """
    module, _, wheel = (exec_properties.get(keys.MODULE_PATH) or "").partition("@")
    try:
        if is_loaded and wheel and module in sys.modules:
            return getattr(sys.modules[module], name)
        with _logged_seconds():
            return udf_utils.get_fn(exec_properties, name)
    except AttributeError as error:
        places = (name, keys.MODULE_PATH, keys.MODULE_FILE)
        place = next(filter(None, map(exec_properties.get, places)), "the module")
        missing = "function lr_finder_fn"
        if name == keys.RUN_FN:
            missing += " and no function run_fn"
        raise ValueError(
            f"{place} defines no {missing} ({error}). Add an lr_finder_fn that returns "
            "the model and the data that run_fn trains with:\n\n"
            f"{LR_FINDER_FN_TO_ADD}"
        ) from error
