"""The user's `lr_finder_fn`: its arguments, its call, and what it may return."""

import inspect
import json
import random
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf
from tfx import types
from tfx.components.trainer import fn_args_utils
from tfx.components.util import udf_utils
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils

from tfx_lr_finder.fn_args import LRFinderFnResult
from tfx_lr_finder.runtime.examples import splits
from tfx_lr_finder.settings import keys
from tfx_lr_finder.settings.hyperparameters import (
    check_replaceable,
    merge_learning_rate,
)

Hook: TypeAlias = Callable[[fn_args_utils.FnArgs], LRFinderFnResult]

_KERAS_MODULES = ("keras.", "tf_keras.")

PLACEHOLDER_LEARNING_RATE = 1e-3
"""What a module is handed that wants a rate before there is one."""

HOOK_TO_ADD = """\
def lr_finder_fn(fn_args):
    import tfx_lr_finder

    train_dataset = input_fn(fn_args.train_files, fn_args.data_accessor, ...)
    eval_dataset = input_fn(fn_args.eval_files, fn_args.data_accessor, ...)
    model = build_model()  # the compiled model that run_fn trains
    return tfx_lr_finder.LRFinderFnResult(
        model=model, train_dataset=train_dataset, eval_dataset=eval_dataset
    )
"""


def make_fn_args(
    input_dict: dict[str, list[types.Artifact]],
    exec_properties: dict[str, Any],
    working_dir: str,
) -> fn_args_utils.FnArgs:
    """Returns what the hook gets: the same `FnArgs` that `run_fn` gets.

    Args:
      input_dict: The node's input artifacts.
      exec_properties: The node's execution properties.
      working_dir: A scratch folder.

    Returns:
      The arguments; `hyperparameters` is the KerasTuner configuration of that
      input, with some rate where it has none, or None.

    Raises:
      ValueError: If a split is missing or empty, the examples and the transform graph
        have no feature in common, or the learning rate has no place among the
        hyperparameters.
    """
    splits.check(input_dict, exec_properties)
    fn_args = fn_args_utils.get_common_fn_args(input_dict, exec_properties, working_dir)
    if fn_args.custom_config and not isinstance(fn_args.custom_config, dict):
        raise ValueError(
            f"custom_config must be a dict, got {fn_args.custom_config!r}."
        )
    fn_args.transform_output = fn_args.transform_graph_path
    fn_args.schema_file = fn_args.schema_path
    name = exec_properties.get(keys.HYPERPARAMETER_NAME) or keys.LEARNING_RATE
    fn_args.hyperparameters = _read_hyperparameters(input_dict, name)
    return fn_args


def _read_hyperparameters(
    input_dict: dict[str, list[types.Artifact]], name: str
) -> dict[str, Any] | None:
    """Returns the KerasTuner configuration of the optional input; it has a rate."""
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


def find_hook(exec_properties: dict[str, Any]) -> Hook:
    """Returns the user's `lr_finder_fn`.

    Args:
      exec_properties: Holds `module_path`, `module_file` or `lr_finder_fn`.

    Returns:
      The function.

    Raises:
      ValueError: If the module has no such function; the message shows one.
    """
    hook: Hook = find_function(
        exec_properties, keys.LR_FINDER_FN, "defines no function lr_finder_fn"
    )
    return hook


def find_function(exec_properties: dict[str, Any], name: str, lack: str) -> Any:
    """Returns a function of the user's module.

    Args:
      exec_properties: Holds `module_path`, `module_file` or the function's own path.
      name: The function's name.
      lack: What to say of a module without it.

    Raises:
      ValueError: If the module has no such function; the message shows the
        `lr_finder_fn` to add.
    """
    try:
        return udf_utils.get_fn(exec_properties, name)
    except AttributeError as error:
        places = (name, keys.MODULE_PATH, keys.MODULE_FILE)
        place = next(filter(None, map(exec_properties.get, places)), "the module")
        raise ValueError(
            f"{place} {lack} ({error}). Add one that returns the model and the data "
            f"that run_fn trains with:\n\n{HOOK_TO_ADD}"
        ) from error


def call_hook(hook: Hook, fn_args: fn_args_utils.FnArgs, seed: int) -> LRFinderFnResult:
    """Returns what the hook returned, checked.

    Python, NumPy and TensorFlow are seeded first, so that the initial weights and
    the shuffling of the hook's datasets are the same in every run.

    Args:
      hook: The user's function.
      fn_args: Its argument.
      seed: The seed.

    Returns:
      The hook's result.

    Raises:
      ValueError: If it is not an `LRFinderFnResult` of a compiled Keras model and
        `tf.data` datasets that can be read.
    """
    random.seed(seed)
    np.random.seed(seed)
    tf.random.set_seed(seed)
    found = hook(fn_args)
    if not isinstance(found, LRFinderFnResult):
        raise ValueError(
            "lr_finder_fn must return an LRFinderFnResult, got "
            f"{_kind(found)}. For example:\n\n{HOOK_TO_ADD}"
        )
    _check_model(found.model)
    _check_dataset("train_dataset", found.train_dataset)
    if found.eval_dataset is not None:
        _check_dataset("eval_dataset", found.eval_dataset)
    _check_labels(found.model, found.train_dataset)
    _check_number(found.num_train_examples)
    return found


def _check_model(model: Any) -> None:
    """Refuses what is neither a compiled model nor a function that builds one."""
    if inspect.isroutine(model):
        return
    if not all(hasattr(model, name) for name in ("compile", "fit", "get_weights")):
        raise ValueError(
            "lr_finder_fn must return a Keras model (Keras 3 or tf_keras) or a "
            f"function without arguments that builds one, got {_kind(model)}."
        )
    if getattr(model, "optimizer", None) is None:
        raise ValueError(
            f"The model {model.name!r} of lr_finder_fn is not compiled. Call "
            "model.compile(optimizer=..., loss=...) before returning it; the "
            "optimizer's own learning rate does not matter."
        )


def _check_dataset(name: str, dataset: Any) -> None:
    """Refuses what is no dataset, and a dataset whose first batch cannot be read."""
    if not isinstance(dataset, tf.data.Dataset):
        raise ValueError(
            f"The {name} of lr_finder_fn must be a tf.data.Dataset, got "
            f"{_kind(dataset)}. Wrap arrays in "
            "tf.data.Dataset.from_tensor_slices((features, labels)).batch(32)."
        )
    try:
        num_batches = sum(1 for _ in dataset.take(1))
    except (tf.errors.OpError, ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"The first batch of the {name} of lr_finder_fn cannot be read: {error}. "
            "Do the examples match the transform graph or schema that the module "
            "parses them with? Raw examples need the raw schema and the transform, "
            "transformed examples the transformed schema."
        ) from error
    if not num_batches:
        raise ValueError(
            f"The {name} of lr_finder_fn is empty. Does a filter drop every example, "
            "or drop_remainder=True with a batch size above their number?"
        )


def _check_labels(model: Any, dataset: tf.data.Dataset) -> None:
    """Refuses batches without labels for a model whose loss compares with labels."""
    spec = dataset.element_spec
    labelled = isinstance(spec, tuple) and len(spec) > 1
    train_step = getattr(type(model), "train_step", None)
    own_step = not getattr(train_step, "__module__", "").startswith(_KERAS_MODULES)
    if labelled or own_step or not getattr(model, "loss", None):
        return
    raise ValueError(
        "The labels are missing: the train_dataset of lr_finder_fn gives "
        f"{spec}, and the model's loss needs (features, labels). Set label_key in "
        "TensorFlowDatasetOptions, or map the batches to such pairs."
    )


def _check_number(num_train_examples: Any) -> None:
    """Refuses a number of examples that is none."""
    if num_train_examples is None:
        return
    if not isinstance(num_train_examples, int) or num_train_examples < 1:
        raise ValueError(
            "The num_train_examples of lr_finder_fn must be a whole number of at "
            f"least 1, got {num_train_examples!r}. Leave it out to have the train "
            "split counted."
        )


def _kind(value: Any) -> str:
    """Returns a value's type for an error message."""
    return f"{type(value).__module__}.{type(value).__qualname__}"
