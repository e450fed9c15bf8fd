"""Runs `run_fn` up to one of its calls of `fit`."""

import copy
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from absl import logging
from tfx.components.trainer import fn_args_utils
from tfx.dsl.io import fileio
from tfx.utils import path_utils

from tfx_lr_finder.runtime.fit.fit_steps import fit_steps
from tfx_lr_finder.runtime.fit.intercept import FitCall, intercepted_fit
from tfx_lr_finder.runtime.fit.optimizer_steps import watched_steps
from tfx_lr_finder.runtime.user_module import call as user_call
from tfx_lr_finder.runtime.user_module import lr_finder_fn as user_functions
from tfx_lr_finder.settings import keys
from tfx_lr_finder.settings.which_fit import FIRST, fit_number

RunFn: TypeAlias = Callable[[fn_args_utils.FnArgs], Any]


class FitReached(BaseException):
    """Leaves `run_fn` at the `fit` to test; `except Exception` does not catch it."""


class OwnLoopReached(BaseException):
    """Leaves `run_fn` at its first optimizer step outside of `fit`."""


def reach_fit(
    run_fn: RunFn, fn_args: fn_args_utils.FnArgs, which_fit: str = FIRST
) -> FitCall:
    """Returns a call of `fit` in `run_fn`, which does not run.

    `run_fn` gets the arguments that the Trainer passes. Files that it writes before
    this `fit` go to scratch folders. Nothing after it runs. Previous calls of `fit` do
    run. `run_fn` also stops at the first optimizer step outside of `fit`.

    Args:
      run_fn: The user's function.
      fn_args: The arguments of a range test. The folders are in its `working_dir`.
      which_fit: See `settings.which_fit`; "every" returns the first.

    Raises:
      ValueError: If `run_fn` fails before this `fit`, never calls it, or trains with a
        loop of its own.
    """
    search = _FitSearch(fit_number(which_fit) or 1)
    try:
        with intercepted_fit(search.on_fit), watched_steps(search.on_step):
            run_fn(trainer_fn_args(fn_args))
    except (FitReached, OwnLoopReached):
        pass
    except Exception as error:
        if search.found is None and not search.has_own_loop:
            raise ValueError(
                "LRFinder runs run_fn up to fit, because the module has no "
                f"lr_finder_fn, and run_fn raised {type(error).__name__}: {error}. "
                "Fix this first (the Trainer would fail too), or add this to the "
                f"module:\n\n{user_call.LR_FINDER_FN_TO_ADD}"
            ) from error
    if search.found is None:
        raise ValueError(search.why_not_found())
    return search.found


class _FitSearch:
    """Watches `run_fn` until its `number`-th `fit` of a compiled model."""

    def __init__(self, number: int) -> None:
        self.found: FitCall | None = None
        self.has_own_loop = False
        self._number = number
        self._num_fits = 0
        self._is_training = False

    def on_fit(self, call: FitCall) -> Any:
        if self._is_training or getattr(call.model, "optimizer", None) is None:
            return call.proceed()  # a fit inside a fit, or Keras' own error
        if self.found is not None or self.has_own_loop:
            raise FitReached  # run_fn caught it and went on
        self._num_fits += 1
        if self._num_fits == self._number:
            self.found = call
            _warn_of_tuner()
            raise FitReached
        logging.info(
            "LRFinder: fit %d of run_fn trains for real, for %s steps, because "
            "which_fit is %d.",
            self._num_fits,
            fit_steps(call).steps or "an unknown number of",
            self._number,
        )
        self._is_training = True
        try:
            return call.proceed()
        finally:
            self._is_training = False

    def on_step(self, optimizer: Any, variables: Sequence[Any]) -> None:
        del optimizer, variables
        if not self._is_training:
            self.has_own_loop = self.found is None
            raise OwnLoopReached

    def why_not_found(self) -> str:
        to_add = f"add this to the module:\n\n{user_call.LR_FINDER_FN_TO_ADD}"
        if self.has_own_loop:
            return (
                "run_fn takes an optimizer step outside of fit, so it has a training "
                "loop of its own. LRFinder stopped it before that step, and does not "
                f"know which model and data to test. Please {to_add}"
            )
        if self._num_fits:
            return (
                f"run_fn called fit {self._num_fits} time(s), and which_fit asks for "
                f"number {self._number}. Lower which_fit."
            )
        return (
            "run_fn never calls fit of a Keras model, so LRFinder does not know which "
            f"model it trains. If run_fn has a training loop of its own, {to_add}"
        )


def _warn_of_tuner() -> None:
    """Warns if the current `fit` is a trial of a KerasTuner search."""
    frame = sys._getframe()
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith("keras_tuner."):
            logging.warning(
                "LRFinder: the fit under test is a trial of a KerasTuner search, whose "
                "model is thrown away. Set which_fit to the number of the fit after "
                "the search (LRFinder then runs the whole search), or search in a "
                "Tuner component."
            )
            return
        frame = frame.f_back  # type: ignore[assignment]


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
