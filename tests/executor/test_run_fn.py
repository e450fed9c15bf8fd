"""Modules with nothing but a `run_fn`."""

import pathlib

import keras
import numpy as np
import pytest
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from tests.executor.user_modules import write_module
from tfx_lr_finder import read_result
from tfx_lr_finder.runtime.user_module.lr_finder_fn import LR_FINDER_FN_TO_ADD


def test_a_module_with_only_run_fn_is_searched_without_changes(
    run_finder, penguin_examples, tmp_path
):
    body = """
        def run_fn(fn_args):
            tf.io.write_file(fn_args.model_run_dir + "/before", "fit")
            model = compiled()
            model.fit(data, epochs=30, validation_data=data)
            raise SystemExit("ran on after fit")
        """
    outputs = run_finder(
        {"examples": penguin_examples},
        module_file=write_module(tmp_path, body),
        on_inconclusive="fallback",
        default_learning_rate=0.25,
    )
    report = read_result(outputs["lr_finder_result"])
    assert report.sweeps[0].losses
    assert report.config.train_steps == 300
    (written,) = run_finder.root.rglob("before")
    assert written.is_relative_to(run_finder.root / "tmp")


def test_a_run_fn_with_its_own_loop_is_refused_with_the_hook_to_add(
    run_finder, penguin_examples, tmp_path
):
    body = """
        def run_fn(fn_args):
            model = compiled()
            for x, y in data:
                model.train_on_batch(x, y)
        """
    with pytest.raises(ValueError, match="takes an optimizer step") as raised:
        run_finder(
            {"examples": penguin_examples}, module_file=write_module(tmp_path, body)
        )
    assert str(raised.value) == (
        "run_fn takes an optimizer step outside of fit, so it has a training loop of "
        "its own. LRFinder stopped it before that step, and does not know which model "
        f"and data to test. Please add this to the module:\n\n{LR_FINDER_FN_TO_ADD}"
    )


WARM_START = """
    def run_fn(fn_args):
        import os
        path = os.path.join(fn_args.base_model, "model.keras")
        model = keras.models.load_model(path)
        assert model.get_weights()[0].ravel().tolist() == [3.0, 4.0]
        model.fit(data)
    """


def test_run_fn_gets_the_base_model_and_the_search_starts_from_it(
    run_finder, penguin_examples, tmp_path
):
    base = standard_artifacts.Model()
    base.uri = str(tmp_path / "base")
    folder = pathlib.Path(path_utils.serving_model_dir(base.uri))
    folder.mkdir(parents=True)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.set_weights([np.array([[3.0], [4.0]]), np.zeros(1)])
    model.save(folder / "model.keras")
    outputs = run_finder(
        {"examples": penguin_examples, "base_model": base},
        module_file=write_module(tmp_path, WARM_START),
        on_inconclusive="fallback",
        default_learning_rate=0.25,
    )
    assert read_result(outputs["lr_finder_result"]).learning_rate == 0.25
