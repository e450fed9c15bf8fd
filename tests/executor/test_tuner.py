"""A Tuner's hyperparameters as an input."""

import json
import pathlib

import keras_tuner
import pytest
from tfx.types import standard_artifacts

from tests.executor.user_modules import write_module
from tfx_lr_finder import read_result


@pytest.fixture
def tuned(tmp_path):
    """Writes the output of a Tuner."""

    def write(text):
        given = standard_artifacts.HyperParameters()
        given.uri = str(tmp_path / "tuned")
        pathlib.Path(given.uri).mkdir()
        (pathlib.Path(given.uri) / "best_hyperparameters.txt").write_text(text)
        return given

    return write


def test_run_fn_finds_a_rate_in_a_tuners_hyperparameters(
    run_finder, penguin_examples, tmp_path, tuned
):
    searched = keras_tuner.HyperParameters()
    searched.Int("units", 1, 5, default=3)
    body = """
        def run_fn(fn_args):
            from keras_tuner import HyperParameters
            found = HyperParameters.from_config(fn_args.hyperparameters)
            model = compiled()
            model.optimizer.learning_rate = found.get("rate")
            model.fit(data, epochs=found.get("units"))
        """
    outputs = run_finder(
        {
            "examples": penguin_examples,
            "hyperparameters": tuned(json.dumps(searched.get_config())),
        },
        module_file=write_module(tmp_path, body),
        hyperparameter_name="rate",
        on_inconclusive="fallback",
        default_learning_rate=0.25,
    )
    assert read_result(outputs["lr_finder_result"]).config.train_steps == 30
    (file,) = pathlib.Path(outputs["best_hyperparameters"].uri).iterdir()
    assert json.loads(file.read_text())["values"] == {"units": 3, "rate": 0.25}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"space": [], "val', "best_hyperparameters.txt, from `hyperparameters`: "),
        ('{"space": [], "values": {"learning_rate": "slow"}}', "must be a float"),
    ],
    ids=["truncated", "another type"],
)
def test_hyperparameters_without_a_place_for_the_rate_are_refused_before_any_training(
    text, message, run_finder, penguin_examples, tmp_path, tuned
):
    body = "def run_fn(fn_args): raise AssertionError('was run')"
    with pytest.raises(ValueError, match=message):
        run_finder(
            {"examples": penguin_examples, "hyperparameters": tuned(text)},
            module_file=write_module(tmp_path, body),
        )


def test_a_tuners_other_hyperparameters_are_passed_to_the_hook_and_the_output(
    run_finder, penguin_examples, tmp_path, tuned
):
    searched = keras_tuner.HyperParameters()
    searched.Int("units", 1, 5, default=3)
    searched.Choice("lr", [1.0, 2.0])
    given = tuned(json.dumps(searched.get_config()))
    body = """
        def lr_finder_fn(fn_args):
            assert fn_args.hyperparameters["values"]["units"] == 3
            return LRFinderFnResult(compiled(), data)
        """
    outputs = run_finder(
        {"examples": penguin_examples, "hyperparameters": given},
        module_file=write_module(tmp_path, body),
        hyperparameter_name="lr",
        on_inconclusive="fallback",
        default_learning_rate=0.25,
    )
    (file,) = pathlib.Path(outputs["best_hyperparameters"].uri).iterdir()
    assert json.loads(file.read_text())["values"] == {"units": 3, "lr": 0.25}
