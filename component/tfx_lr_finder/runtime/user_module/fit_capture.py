"""The model and the data of the user module, if need be from its first `fit`."""

import copy
import dataclasses
import os
from collections.abc import Callable
from typing import Any, TypeAlias

from absl import logging
from tfx.components.trainer import fn_args_utils
from tfx.dsl.io import fileio
from tfx.utils import path_utils

from tfx_lr_finder.fn_args import LRFinderFnResult
from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.runtime.fit.intercept import FitCall, intercepted_fit
from tfx_lr_finder.runtime.user_module import call, fit_data
from tfx_lr_finder.runtime.user_module import lr_finder_fn as user_functions
from tfx_lr_finder.settings import keys
from tfx_lr_finder.settings.request import FinderRequest

RunFn: TypeAlias = Callable[[fn_args_utils.FnArgs], Any]


class FitReached(BaseException):
    """Leaves `run_fn` at its first `fit`; `except Exception` does not catch it."""


def model_and_data(
    request: FinderRequest, fn_args: fn_args_utils.FnArgs
) -> tuple[LRFinderFnResult, RangeTestConfig]:
    """Returns the user's model and data, from `lr_finder_fn` or from `run_fn`'s fit.

    Args:
      request: Names the user's code and the range test.
      fn_args: The argument of either function.

    Returns:
      The model and the data, checked, and the configuration. If the user does not set
      `train_steps`, the steps of `fit` do: TrainArgs may not know them (epochs).

    Raises:
      ValueError: If the module has neither function, `run_fn` calls no `fit`, or the
        model or the data cannot be used.
    """
    config = request.config
    lr_finder_fn = user_functions.find_lr_finder_fn(request.exec_properties)
    if lr_finder_fn is not None:
        found = call.call_lr_finder_fn(lr_finder_fn, fn_args, config.seed)
        return found, config
    logging.info(
        "LRFinder: the module has no lr_finder_fn. Running run_fn up to its first fit "
        "for the model and the data."
    )
    run_fn: RunFn = user_functions.find_function(request.exec_properties, keys.RUN_FN)
    calls: list[FitCall] = []

    def from_fit(fn_args: fn_args_utils.FnArgs) -> LRFinderFnResult:
        calls.append(first_fit(run_fn, fn_args))
        train, validation = fit_data.datasets(calls[0], config.seed)
        return LRFinderFnResult(calls[0].model, train, validation)

    found = call.call_lr_finder_fn(from_fit, fn_args, config.seed)
    if not request.train_steps_given:
        config = _with_train_steps(config, calls[0].num_steps)
    return found, config


def first_fit(run_fn: RunFn, fn_args: fn_args_utils.FnArgs) -> FitCall:
    """Returns the first call of `fit` in `run_fn`, which does not run.

    `run_fn` gets the arguments that the Trainer passes. Files that it writes before
    `fit` go to scratch folders. Nothing after `fit` runs.

    Args:
      run_fn: The user's function.
      fn_args: The arguments of a range test. The folders are in its `working_dir`.

    Raises:
      ValueError: If `run_fn` fails before `fit` or calls none.
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
                "LRFinder runs run_fn up to fit, because the module has no "
                f"lr_finder_fn, and run_fn raised {type(error).__name__}: {error}. "
                "Fix this first (the Trainer would fail too), or add this to the "
                f"module:\n\n{call.LR_FINDER_FN_TO_ADD}"
            ) from error
    if not calls:
        raise ValueError(
            "run_fn never calls fit of a Keras model, so LRFinder does not know which "
            "model it trains. If run_fn has a training loop of its own, add this to "
            f"the module:\n\n{call.LR_FINDER_FN_TO_ADD}"
        )
    return calls[0]


def trainer_fn_args(fn_args: fn_args_utils.FnArgs) -> fn_args_utils.FnArgs:
    """Returns the arguments of a range test as the Trainer would pass them.

    Args:
      fn_args: The argument of `lr_finder_fn`.

    Returns:
      A copy with the Trainer's folders inside `working_dir`, and with a placeholder
      rate for a `run_fn` that reads one.
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
        keys.LEARNING_RATE: user_functions.PLACEHOLDER_LEARNING_RATE,
        **(fn_args.custom_config or {}),
    }
    return result


def _with_train_steps(
    config: RangeTestConfig, train_steps: int | None
) -> RangeTestConfig:
    """Returns the configuration with the steps of `fit`, if they are known."""
    if train_steps is None:
        return config
    try:
        changed = dataclasses.replace(config, train_steps=train_steps)
    except ValueError as error:
        logging.warning(
            "LRFinder: ignoring the %d steps of fit, because they conflict with other "
            "parameters: %s",
            train_steps,
            error,
        )
        return config
    logging.info("LRFinder: train_steps=%d, from fit", train_steps)
    return changed
