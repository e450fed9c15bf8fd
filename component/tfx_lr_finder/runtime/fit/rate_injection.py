"""Sets the rate at the first `fit` of `run_fn`, and says which rate was used."""

import contextlib
from typing import Any, cast

from absl import logging

from tfx_lr_finder.fn_args import PassedResult
from tfx_lr_finder.runtime.fit import set_rate
from tfx_lr_finder.runtime.fit.intercept import FitCall
from tfx_lr_finder.settings.trainer_options import OPTIMIZER, TrainerOptions


class RateInjection:
    """Handles the calls of `fit` while `run_fn` runs.

    Args:
      passed: The result of LRFinder, as `run_fn` gets it.
      options: The Trainer's options.
    """

    def __init__(self, passed: PassedResult, options: TrainerOptions) -> None:
        """Starts with no `fit`."""
        self._passed = passed
        self._rate_found = cast(float, passed.report.learning_rate)
        self._options = options
        self._fits: list[RecordedFit] = []

    def on_fit(self, call: FitCall) -> Any:
        """Runs a `fit`; sets the rate before the first one of a compiled model."""
        if getattr(call.model, "optimizer", None) is None:
            return call.proceed()  # raises Keras' own error
        setting = None
        if self._options.set_rate_on == OPTIMIZER and not self._fits:
            setting = set_rate.set_learning_rate(call, self._passed.report)
            logging.info(
                "LRFinder: fit trains with learning_rate=%r (%s) instead of %s: %s",
                setting.learning_rate,
                setting.schedule,
                setting.replaced,
                setting.how,
            )
        fit = RecordedFit(call, setting)
        self._fits.append(fit)
        if len(self._fits) > 1:
            logging.info(
                "LRFinder: call %d of fit keeps the rate of run_fn", len(self._fits)
            )
            return call.proceed()
        return call.proceed(callbacks=fit.callbacks(call))

    def rate_used(self) -> dict[str, Any]:
        """Returns what is known about the rate that `run_fn` trained with, for JSON.

        `doubt` is None if the rate found was used, or if `run_fn` read it; otherwise it
        is a sentence. Unknown values are None.
        """
        first = self._fits[0] if self._fits else None
        doubt = self._doubt(first)
        rate, how = None, "unknown"
        if first is not None and first.setting is not None:
            rate, how = first.setting.learning_rate, first.setting.how
        elif first is not None and self._starts_with_rate_found(first):
            rate, how = self._rate_found, "run_fn had set it already"
        elif self._passed.was_read:
            how = "read by run_fn"
        used = {
            "learning_rate_found": self._rate_found,
            "learning_rate_used": None if doubt else rate,
            "set_rate_on": self._options.set_rate_on,
            "read_by_run_fn": self._passed.was_read or None,
            "num_fits": len(self._fits),
            "doubt": doubt,
            "how": how,
        }
        if first is not None:
            used["learning_rate_at_first_step"] = first.rate_at_first_step
        if first is not None and first.setting is not None:
            used["schedule"] = first.setting.schedule
            used["replaced"] = first.setting.replaced
        return used

    def _starts_with_rate_found(self, fit: "RecordedFit") -> bool:
        rate = fit.rate_at_first_step
        return rate is not None and set_rate.same_rate(rate, self._rate_found)

    def _doubt(self, first: "RecordedFit | None") -> str | None:
        """Returns why the rate may not have been used; None if it was."""
        if first is not None and first.setting is not None:
            return first.doubt(first.setting)
        if self._passed.was_read:
            return None
        if first is None:
            fits = "run_fn called no fit of a Keras model"
        elif self._starts_with_rate_found(first):
            return None
        else:
            fits = f"the first fit started with {first.rate_at_first_step!r}"
        return (
            f"It is unknown whether run_fn used the rate found, {self._rate_found!r}: "
            f"{fits}, and run_fn did not call tfx_lr_finder.learning_rate(fn_args). "
            "Call it and build the optimizer with the rate that it returns."
        )


class RecordedFit:
    """One call of `fit`, and the rate of its first training step.

    Attributes:
      setting: The rate that was set for the call; None if it was left alone.
      rate_at_first_step: The optimizer's rate there, after all callbacks of `run_fn`.
        None before the first step, and for an optimizer without a rate.
    """

    def __init__(self, call: FitCall, setting: set_rate.Setting | None) -> None:
        """Reads the rate and the steps so far."""
        self.setting = setting
        self.rate_at_first_step: float | None = None
        self._optimizer = call.model.optimizer
        if setting is not None:
            self._rate_before = set_rate.current_rate(self._optimizer)
            self._steps_before = set_rate.steps_taken(self._optimizer)

    def callbacks(self, call: FitCall) -> Any:
        """Returns the callbacks of the call, and a last one that reads the rate."""
        read_rate = self._read_rate

        class ReadRate(call.keras.callbacks.Callback):  # type: ignore[name-defined]
            def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
                del batch, logs
                read_rate()

        given: Any = call.arguments.get("callbacks") or []
        if isinstance(given, list | tuple):
            return [*given, ReadRate()]
        if not hasattr(given, "append"):
            return [given, ReadRate()]
        given.append(ReadRate())  # a CallbackList
        return given

    def doubt(self, setting: set_rate.Setting) -> str | None:
        """Returns why the rate that was set may not have been used; None if it was."""
        was_set = f"The rate {setting.learning_rate!r} was set at fit, but "
        rate = self.rate_at_first_step
        if rate is None or set_rate.steps_taken(self._optimizer) == self._steps_before:
            return (
                f"{was_set}the model's optimizer took no step. If train_step uses "
                "another optimizer, build that one with the rate of "
                "tfx_lr_finder.learning_rate(fn_args)."
            )
        if not set_rate.same_rate(rate, self._rate_before):
            return (
                f"{was_set}the first step used {rate!r}, because a callback set it. "
                "Start the callback from tfx_lr_finder.learning_rate(fn_args)."
            )
        return None

    def _read_rate(self) -> None:
        """Reads the rate, at the first step only."""
        if self.rate_at_first_step is None:
            with contextlib.suppress(ValueError):
                self.rate_at_first_step = set_rate.current_rate(self._optimizer)
