"""A `run_fn` under LRFinderTrainer, without a pipeline."""

import json
import os

import pytest
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.types import standard_artifacts

from tfx_lr_finder.fn_args import PassedResult
from tfx_lr_finder.runtime.fit.intercept import intercepted_fit
from tfx_lr_finder.runtime.fit.optimizer_steps import watched_steps
from tfx_lr_finder.runtime.fit.rate_injection import RateInjection
from tfx_lr_finder.runtime.fit.saved_models import watched_saves
from tfx_lr_finder.runtime.fit.trainer_session import (
    USED_FILE,
    with_rate,
    write_rate_used,
)
from tfx_lr_finder.settings.trainer_options import TrainerOptions

FOUND = 0.02
BY_SCHEDULE = {"constant": 0.02, "cosine": 0.06, "one_cycle": 0.06}


def brief_fit(k, model, dataset, epochs=1):
    """Calls `fit`, which ends after one step, and without a trace.

    A trace takes longer than all steps, in tf_keras by far.
    """

    class Stop(k.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = True

    model.run_eagerly = True
    model.fit(dataset, epochs=epochs, callbacks=[Stop()], verbose=0)


@pytest.fixture
def report(make_report):
    return make_report(learning_rate=FOUND, learning_rates_by_schedule=BY_SCHEDULE)


@pytest.fixture
def serving_dir(tmp_path):
    return str(tmp_path / "model" / "Format-Serving")


@pytest.fixture
def train(report, tmp_path, serving_dir):
    """Runs a `run_fn` as LRFinderTrainer does; returns learning_rate_used.json."""

    def run(run_fn, *, report=report, on_unused="fail", **options):
        options = TrainerOptions(on_unused=on_unused, **options)
        passed = PassedResult(report=report)
        injection = RateInjection(passed, options)
        with (
            intercepted_fit(injection.on_fit),
            watched_steps(injection.on_step),
            watched_saves(serving_dir, injection.on_save),
        ):
            fn_args = FnArgs(serving_model_dir=serving_dir)
            run_fn(with_rate(fn_args, passed, options))
        model_run = standard_artifacts.ModelRun()
        model_run.uri = str(tmp_path / "model_run")
        try:
            write_rate_used(injection, model_run, options)
        finally:
            with open(os.path.join(model_run.uri, USED_FILE)) as file:
                run.used = json.load(file)
        stored = model_run.get_string_custom_property("learning_rate_used")
        rate = run.used["learning_rate_used"]
        assert stored == ("" if rate is None else repr(rate))
        return run.used

    return run
