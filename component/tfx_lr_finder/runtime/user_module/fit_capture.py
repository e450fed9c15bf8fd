"""The model and the data of a module without `lr_finder_fn`: those that it fits."""

import copy
import dataclasses
import os
from collections.abc import Callable
from typing import Any, TypeAlias

from absl import logging
from tfx.components.trainer import fn_args_utils
from tfx.components.util import udf_utils
from tfx.dsl.io import fileio
from tfx.utils import path_utils

from tfx_lr_finder.fn_args import LRFinderFnResult
from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.runtime.fit.intercept import FitCall, intercepted_fit
from tfx_lr_finder.runtime.user_module import fit_data, lr_finder_fn
from tfx_lr_finder.settings import keys

RunFn: TypeAlias = Callable[[fn_args_utils.FnArgs], Any]


class FitReached(BaseException):
    """Leaves `run_fn` at its first `fit`; no `except Exception` holds it up."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Captured:
    """What the first `fit` of a `run_fn` was about to train.

    Attributes:
      found: The model and the data.
      train_steps: Training steps that `fit` would have taken; None if unknown.
    """

    found: LRFinderFnResult
    train_steps: int | None


def model_and_data(
    exec_properties: dict[str, Any],
    fn_args: fn_args_utils.FnArgs,
    config: RangeTestConfig,
) -> tuple[LRFinderFnResult, RangeTestConfig]:
    """Returns the user's model and data, from `lr_finder_fn` or from `run_fn`'s fit.

    Args:
      exec_properties: Hold `module_path`, `module_file`, `lr_finder_fn` or `run_fn`.
      fn_args: The argument of either.
      config: The configuration of the range test.

    Returns:
      The result, checked, and the configuration; `fit` tells `train_steps`, which
      TrainArgs may not know of (epochs), where the user does not.

    Raises:
      ValueError: If the module has neither function, `run_fn` calls no `fit`, or what
        they give cannot be used.
    """
    hook = _hook(exec_properties)
    if hook is not None:
        return lr_finder_fn.call_hook(hook, fn_args, config.seed), config
    logging.info(
        "LRFinder: there is no lr_finder_fn; run_fn is run up to its first fit, for "
        "the model and the data."
    )
    run_fn: RunFn = lr_finder_fn.find_function(
        exec_properties,
        keys.RUN_FN,
        "defines no function lr_finder_fn, and no run_fn either",
    )
    steps: list[int | None] = []

    def captured(fn_args: fn_args_utils.FnArgs) -> LRFinderFnResult:
        result = capture(run_fn, fn_args, config.seed)
        steps.append(result.train_steps)
        return result.found

    found = lr_finder_fn.call_hook(captured, fn_args, config.seed)
    if exec_properties.get("train_steps") is None:
        config = _with_train_steps(config, steps[0])
    return found, config


def capture(run_fn: RunFn, fn_args: fn_args_utils.FnArgs, seed: int) -> Captured:
    """Returns what the first `fit` of `run_fn` was about to train.

    `run_fn` gets the arguments that the Trainer gives it; what it writes before `fit`
    lands in scratch folders. Nothing after `fit` is run.

    Args:
      run_fn: The user's function.
      fn_args: The arguments of a range test; `working_dir` is where to put the folders.
      seed: Seed of the order in which arrays are shuffled.

    Returns:
      The model, its data and the number of steps.

    Raises:
      ValueError: If `run_fn` fails before a `fit` or calls none, or trains on data
        that cannot be read again.
    """
    calls: list[FitCall] = []

    def stop(call: FitCall) -> Any:
        calls.append(call)
        raise FitReached

    try:
        with intercepted_fit(stop):
            run_fn(trainer_fn_args(fn_args))
    except FitReached:
        pass
    except Exception as error:
        if not calls:
            raise ValueError(
                "LRFinder ran run_fn up to its fit, because the module has no "
                f"lr_finder_fn, and it failed before: {type(error).__name__}: {error}. "
                "Mend that (the Trainer would meet it too), or add this to the module:"
                f"\n\n{lr_finder_fn.HOOK_TO_ADD}"
            ) from error
    if not calls:
        raise ValueError(
            "run_fn ended without a call of fit of a Keras model, so that LRFinder "
            "does not know what it trains. For a training loop of your own, add this "
            f"to the module:\n\n{lr_finder_fn.HOOK_TO_ADD}"
        )
    train, held_out = fit_data.datasets(calls[0], seed)
    return Captured(
        found=LRFinderFnResult(calls[0].model, train, held_out),
        train_steps=fit_data.num_steps(calls[0]),
    )


def trainer_fn_args(fn_args: fn_args_utils.FnArgs) -> fn_args_utils.FnArgs:
    """Returns the arguments of a range test as the Trainer would give them.

    Args:
      fn_args: What `lr_finder_fn` gets.

    Returns:
      A copy with the folders of a Trainer, inside `working_dir`, and with a rate for
      a `run_fn` that asks for one; which does not matter.
    """
    result = copy.copy(fn_args)
    model_dir = os.path.join(fn_args.working_dir, "model")
    result.working_dir = None
    result.serving_model_dir = path_utils.serving_model_dir(model_dir)
    result.eval_model_dir = path_utils.eval_model_dir(model_dir)
    result.model_run_dir = os.path.join(fn_args.working_dir, "model_run")
    for folder in (model_dir, result.model_run_dir):
        fileio.makedirs(folder)
    result.custom_config = {
        keys.LEARNING_RATE: lr_finder_fn.PLACEHOLDER_LEARNING_RATE,
        **(fn_args.custom_config or {}),
    }
    return result


def _hook(exec_properties: dict[str, Any]) -> lr_finder_fn.Hook | None:
    """Returns the user's `lr_finder_fn`, or None where there is none but a module."""
    if exec_properties.get(keys.RUN_FN):
        return None
    if exec_properties.get(keys.LR_FINDER_FN):
        return lr_finder_fn.find_hook(exec_properties)
    hook: lr_finder_fn.Hook | None = udf_utils.try_get_fn(
        exec_properties, keys.LR_FINDER_FN
    )
    return hook


def _with_train_steps(
    config: RangeTestConfig, train_steps: int | None
) -> RangeTestConfig:
    """Returns the configuration with the steps that `fit` told, if it did."""
    if train_steps is None:
        return config
    try:
        told = dataclasses.replace(config, train_steps=train_steps)
    except ValueError as error:
        logging.warning(
            "LRFinder: fit takes %d steps, which does not go with the other knobs, and "
            "is left out of account: %s",
            train_steps,
            error,
        )
        return config
    logging.info("LRFinder: train_steps=%d, from fit", train_steps)
    return told
