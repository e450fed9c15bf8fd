"""The modules of the tfx wheel, unchanged, through LRFinder and LRFinderTrainer."""

import json
import os
import pathlib
import subprocess
import sys

import keras_tuner
import numpy as np
import pytest
import tensorflow as tf

from tfx_lr_finder import read_result

SCRIPT = pathlib.Path(__file__).with_name("hands_free_pipeline.py")
KERAS = {"keras": "0", "tf_keras": "1"}


@pytest.fixture(
    scope="module",
    params=[("penguin", "keras"), ("penguin", "tf_keras"), ("taxi", "tf_keras")],
    ids="-".join,
)
def finished(request, tmp_path_factory):
    """The Keras that was asked for, and the folder of the pipeline's artifacts."""
    name, keras = request.param
    return keras, _run(name, keras, tmp_path_factory.mktemp(f"{name}_{keras}"))


def _run(name, keras, folder):
    """Runs the pipeline in a process of its own; returns its artifacts' folder."""
    root = folder / "artifacts"
    done = subprocess.run(
        [sys.executable, str(SCRIPT), name, str(root)],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_USE_LEGACY_KERAS": KERAS[keras]},
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return root


def _report(root):
    (folder,) = root.glob("LRFinder/lr_finder_result/*")
    return read_result(str(folder))


def _used(root):
    (file,) = root.glob("LRFinderTrainer/model_run/*/learning_rate_used.json")
    return json.loads(file.read_text())


def _trained_rate(root, trainer):
    """The rate of the optimizer in the model that a node saved."""
    (model,) = root.glob(f"{trainer}/model/*/Format-Serving")
    variables = tf.train.load_checkpoint(str(model / "variables" / "variables"))
    (rate,) = (
        variables.get_tensor(name)
        for name in variables.get_variable_to_shape_map()
        if "learning_rate" in name
    )
    return rate


def _hyperparameters(root, node):
    (file,) = root.glob(f"{node}/best_hyperparameters/*/best_hyperparameters.txt")
    return keras_tuner.HyperParameters.from_config(json.loads(file.read_text()))


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """The folder of Tuner, LRFinder, LRFinderTrainer and the stock Trainer."""
    return _run("tuned", "keras", tmp_path_factory.mktemp("tuned"))


@pytest.mark.long
def test_a_tuners_set_comes_out_of_the_finder_with_the_rate_replaced(tuned):
    before, after = (
        _hyperparameters(tuned, "Tuner"),
        _hyperparameters(tuned, "LRFinder"),
    )
    assert set(before.values) == {"learning_rate", "num_layers"}
    assert after.values == {
        "num_layers": before.get("num_layers"),
        "learning_rate": _report(tuned).learning_rate,
    }
    (depth,) = (entry for entry in after.space if entry.name == "num_layers")
    assert (depth.min_value, depth.max_value) == (1, 3)


@pytest.mark.long
@pytest.mark.parametrize("trainer", ["LRFinderTrainer", "Trainer"])
def test_after_a_tuner_either_trainer_trains_its_model_with_the_rate(tuned, trainer):
    found = np.float32(_report(tuned).learning_rate)
    assert _trained_rate(tuned, trainer) == found
    (model,) = tuned.glob(f"{trainer}/model/*/Format-Serving")
    variables = tf.train.load_checkpoint(str(model / "variables" / "variables"))
    slots = [
        shape
        for name, shape in variables.get_variable_to_shape_map().items()
        if "optimizer" in name and len(shape) == 2
    ]
    num_layers = _hyperparameters(tuned, "Tuner").get("num_layers")
    assert len(slots) == 2 * (num_layers + 1)  # two slots of Adam for each matrix


@pytest.mark.long
def test_the_trained_optimizer_has_the_rate_that_was_found(finished):
    keras, root = finished
    report = _report(root)
    assert _trained_rate(root, "LRFinderTrainer") == np.float32(report.learning_rate)
    assert report.environment["keras"].split()[0] == keras


@pytest.mark.long
def test_a_stock_trainer_trains_a_module_that_defines_its_hyperparameters(finished):
    _, root = finished
    if not (root / "Trainer").exists():
        pytest.skip("the taxi module has no hyperparameters")
    report = _report(root)
    assert _hyperparameters(root, "LRFinder").values == {
        "num_layers": 2,
        "learning_rate": report.learning_rate,
    }
    assert _trained_rate(root, "Trainer") == np.float32(report.learning_rate)


@pytest.mark.long
def test_the_rate_that_was_used_is_in_the_model_run(finished):
    report, used = _report(finished[1]), _used(finished[1])
    assert used["learning_rate_found"] == report.learning_rate
    assert used["learning_rate_used"] == report.learning_rate
    assert used["replaced"] in ("constant 0.01", "constant 0.001")
    assert used["how"] == "set at fit"
    assert used["doubt"] is None


@pytest.mark.long
def test_the_finder_left_nothing_of_run_fn_behind(finished):
    folders = {path.name for path in (finished[1] / "LRFinder").iterdir()}
    assert folders <= {
        "lr_finder_result",
        "lr_finder_page",
        "lr_finder_scalars",
        "best_hyperparameters",
        ".system",
    }
    assert _report(finished[1]).config.train_steps == 100
