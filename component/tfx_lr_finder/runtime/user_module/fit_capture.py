"""The model and the data of the user module, if need be from a `fit` of `run_fn`."""

import dataclasses
from collections.abc import Callable
from typing import Any

from absl import logging
from tfx.components.trainer import fn_args_utils

from tfx_lr_finder.fn_args import LRFinderFnResult
from tfx_lr_finder.range_test.config import INT32_LIMIT, RangeTestConfig
from tfx_lr_finder.runtime.fit.batch_size import known_batch_size, read_batch_size
from tfx_lr_finder.runtime.fit.fit_steps import FitSteps, fit_steps
from tfx_lr_finder.runtime.fit.intercept import FitCall
from tfx_lr_finder.runtime.user_module import call as user_call
from tfx_lr_finder.runtime.user_module import fit_data
from tfx_lr_finder.runtime.user_module import lr_finder_fn as user_functions
from tfx_lr_finder.runtime.user_module.hyperparameter_space import (
    recorded_hyperparameters,
)
from tfx_lr_finder.runtime.user_module.reach_fit import RunFn, reach_fit
from tfx_lr_finder.settings import keys
from tfx_lr_finder.settings.request import FinderRequest


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class UserModule:
    """What a range test needs from the user's module.

    Attributes:
      found: The model and the data, checked.
      config: The configuration, with the Trainer's steps.
      train_steps_source: Where these steps come from, for people.
      hyperparameters: The KerasTuner configuration that the module defines for itself;
        None if it defines none.
    """

    found: LRFinderFnResult
    config: RangeTestConfig
    train_steps_source: str
    hyperparameters: dict[str, Any] | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainerData:
    """The training data of the Trainer, of which LRFinder may read only a sample.

    Attributes:
      count_examples: Returns the number of training examples; None if it is unknown.
      is_sampled: Whether LRFinder reads a sample.
    """

    count_examples: Callable[[], int | None]
    is_sampled: bool


def load_user_module(
    request: FinderRequest, fn_args: fn_args_utils.FnArgs, data: TrainerData
) -> UserModule:
    """Returns the user's model and data, from `lr_finder_fn` or from `run_fn`'s fit.

    If the user does not set `train_steps`, the steps of `fit` replace those of
    TrainArgs, which a module that trains by epochs ignores.

    Args:
      request: Names the user's code and the range test.
      fn_args: The argument of either function.
      data: The Trainer's data.

    Raises:
      ValueError: If the module has neither function, `run_fn` calls no `fit`, or the
        model or the data cannot be used.
    """
    config = request.config
    with recorded_hyperparameters() as own:
        lr_finder_fn = user_functions.find_lr_finder_fn(request.exec_properties)
        if lr_finder_fn is not None:
            found = user_call.call_lr_finder_fn(lr_finder_fn, fn_args, config.seed)
            steps = _given_steps(request)
        else:
            found, call = _from_run_fn(request, fn_args)
            steps = _given_steps(request)
            if not request.train_steps_given:
                steps = _trainer_steps(call, data)
                config = _with_train_steps(config, steps.steps)
    logging.info("LRFinder: train_steps=%s, from %s", config.train_steps, steps.source)
    return UserModule(
        found=found,
        config=config,
        train_steps_source=steps.source,
        hyperparameters=own.config(request.hyperparameter_name),
    )


def _from_run_fn(
    request: FinderRequest, fn_args: fn_args_utils.FnArgs
) -> tuple[LRFinderFnResult, FitCall]:
    """Returns the model and the data of the `fit` to test, and that call."""
    logging.info(
        "LRFinder: the module has no lr_finder_fn. Running run_fn up to a fit for the "
        "model and the data (which_fit=%r).",
        request.which_fit,
    )
    properties = request.exec_properties
    run_fn: RunFn = user_functions.find_function(
        properties, keys.RUN_FN, is_loaded=not properties.get(keys.RUN_FN)
    )
    calls: list[FitCall] = []

    def from_fit(fn_args: fn_args_utils.FnArgs) -> LRFinderFnResult:
        call = reach_fit(run_fn, fn_args, request.which_fit)
        calls.append(call)
        config = request.config
        if not request.train_steps_given:
            config = _with_train_steps(config, fit_steps(call).steps)
        train, validation = fit_data.datasets(call, config)
        return LRFinderFnResult(call.model, train, validation)

    found = user_call.call_lr_finder_fn(from_fit, fn_args, request.config.seed)
    return found, calls[0]


def _given_steps(request: FinderRequest) -> FitSteps:
    """Returns the steps of the parameter `train_steps`, or else of TrainArgs."""
    steps, source = request.config.train_steps, "train_args.num_steps"
    if request.train_steps_given:
        source = "the parameter train_steps"
    return FitSteps(steps=steps, source="unknown" if steps is None else source)


def _trainer_steps(call: FitCall, data: TrainerData) -> FitSteps:
    """Returns the steps that this `fit` takes in the Trainer, on all its data."""

    def steps_of_epoch() -> int | None:
        size = known_batch_size(call) or read_batch_size(call.arguments["x"])
        num_examples = data.count_examples() if size else None
        return -(-num_examples // size) if size and num_examples else None

    return fit_steps(call, steps_of_epoch, is_sampled=data.is_sampled)


def _with_train_steps(
    config: RangeTestConfig, train_steps: int | None
) -> RangeTestConfig:
    """Returns the configuration with the steps of `fit`, or None if unknown."""
    if train_steps is not None:
        train_steps = min(train_steps, INT32_LIMIT - 1)
    return dataclasses.replace(config, train_steps=train_steps)
