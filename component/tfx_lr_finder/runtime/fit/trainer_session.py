"""One execution of LRFinderTrainer: the rate handed over, set at fit, and checked."""

import contextlib
import json
import os
from collections.abc import Iterator
from typing import Any

from absl import logging
from tfx.dsl.io import fileio

from tfx_lr_finder import fn_args as lr_fn_args
from tfx_lr_finder.fn_args import FAIL, FIT, Watched
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.runtime.fit import set_rate
from tfx_lr_finder.runtime.fit.intercept import FitCall, intercepted_fit
from tfx_lr_finder.settings import keys
from tfx_lr_finder.settings.hyperparameters import merge_learning_rate

USED_FILE = "learning_rate_used.json"


class RateAtFit:
    """Hands the rate to `run_fn`, sets it at the first `fit`, says what became of it.

    Args:
      apply: "fit", or "hyperparameters" to hand the rate over and no more.
      on_unused: "warn" or "fail", when nothing shows that the rate was used.
      name: Name of the rate among the hyperparameters.
    """

    def __init__(
        self, apply: str, on_unused: str, name: str = keys.LEARNING_RATE
    ) -> None:
        """Nothing has happened yet."""
        self._name = name
        self._apply = apply
        self._on_unused = on_unused
        self._report: LRFinderReport | None = None
        self._was_read = False
        self._num_fits = 0
        self._setting: set_rate.Setting | None = None
        self._first_step: set_rate.FirstStep | None = None

    def hand_over(self, fn_args: Any, report: LRFinderReport) -> None:
        """Puts the rate into the arguments of `run_fn`.

        `custom_config` gets it always. `hyperparameters` gets it where there are some,
        or with `apply="hyperparameters"`; else None stays None, because a module takes
        a set with nothing but a rate for a whole one.

        Args:
          fn_args: The arguments; changed.
          report: A result with a rate.
        """
        self._report = report
        lr_fn_args.attach(fn_args, report)
        config = {**(fn_args.custom_config or {}), keys.LEARNING_RATE: _rate(report)}
        fn_args.custom_config = Watched(config, {keys.LEARNING_RATE}, self._read)
        if fn_args.hyperparameters is None and self._apply == FIT:
            return
        merged = merge_learning_rate(fn_args.hyperparameters, _rate(report), self._name)
        merged["values"] = Watched(merged["values"], {self._name}, self._read)
        fn_args.hyperparameters = Watched(merged, {"space"}, self._read)

    @contextlib.contextmanager
    def during_run_fn(self) -> Iterator[None]:
        """Sets the rate at the first `fit` within."""
        if self._apply != FIT:
            yield
            return
        with intercepted_fit(self._on_fit):
            yield

    def finish(self, model_run: Any) -> str:
        """Checks that the rate was used, and writes what was.

        Args:
          model_run: The ModelRun artifact.

        Returns:
          The rate that was used, in full; empty if nothing shows that one was.

        Raises:
          ValueError: If nothing shows it and `on_unused` is "fail".
        """
        doubt = self._doubt()
        used = self._used(doubt)
        fileio.makedirs(model_run.uri)
        with fileio.open(os.path.join(model_run.uri, USED_FILE), "w") as file:
            file.write(json.dumps(used, indent=2) + "\n")
        rate = used["learning_rate_used"]
        in_full = "" if rate is None else repr(rate)
        model_run.set_string_custom_property(keys.LEARNING_RATE_USED, in_full)
        if doubt is None:
            logging.info("LRFinder: the learning rate was used: %s", json.dumps(used))
        elif self._on_unused == FAIL:
            raise ValueError(doubt)
        else:
            logging.warning("LRFinder: %s", doubt)
        return in_full

    def _read(self) -> None:
        self._was_read = True

    def _on_fit(self, call: FitCall) -> Any:
        """Sets the rate at the first `fit` of a compiled model."""
        optimizer = getattr(call.model, "optimizer", None)
        if optimizer is None or self._report is None:
            return call.proceed()
        self._num_fits += 1
        if self._num_fits > 1:
            logging.info(
                "LRFinder: fit number %d is left as run_fn wrote it", self._num_fits
            )
            return call.proceed()
        self._setting = set_rate.set_learning_rate(
            call, self._report, was_read=self._was_read
        )
        set_rate.tell(self._setting)
        self._first_step = set_rate.FirstStep(call)
        callbacks = set_rate.with_callback(call, self._first_step)
        self._first_step.expect()
        return call.proceed(callbacks=callbacks)

    def _doubt(self) -> str | None:
        """Returns why the rate may not have been used; None if it was."""
        if self._setting is None:
            return None if self._was_read else self._unread()
        step = self._first_step
        if step is None or step.learning_rate is None or not step.steps_taken:
            return (
                f"the rate {self._setting.learning_rate!r} was set at fit, but the "
                "model's optimizer has taken no step there. Does its train_step use "
                "another optimizer? Then read the rate in run_fn with "
                "tfx_lr_finder.learning_rate(fn_args)."
            )
        if not step.as_expected:
            return (
                f"the rate {self._setting.learning_rate!r} was set at fit, but the "
                f"first step was taken with {step.learning_rate!r}: a callback sets "
                "the rate itself. Let it start from tfx_lr_finder.learning_rate("
                "fn_args)."
            )
        return None

    def _unread(self) -> str:
        return (
            f"the rate found, {_rate(self._report)!r}, was not used: run_fn "
            + ("called no fit of a Keras model and " if self._apply == FIT else "")
            + "read it neither from custom_config nor from hyperparameters. Read it "
            "with tfx_lr_finder.learning_rate(fn_args) and build the optimizer with it."
        )

    def _used(self, doubt: str | None) -> dict[str, Any]:
        """Returns what is written down."""
        used: dict[str, Any] = {
            "learning_rate_found": _rate(self._report),
            "learning_rate_used": None,
            "apply": self._apply,
            "read_by_run_fn": self._was_read,
            "num_fits": self._num_fits,
            "doubt": doubt,
        }
        if self._setting is None:
            read = self._was_read
            used["how"] = "read by run_fn" if read else "nobody read it"
            return used
        first = self._first_step.learning_rate if self._first_step else None
        return {
            **used,
            "learning_rate_used": None if doubt else self._setting.learning_rate,
            "learning_rate_at_first_step": first,
            "schedule": self._setting.schedule,
            "replaced": self._setting.replaced,
            "how": self._setting.how,
        }


def _rate(report: LRFinderReport | None) -> float:
    if report is None or report.learning_rate is None:
        raise ValueError("The result has no learning rate to train with.")
    return report.learning_rate
