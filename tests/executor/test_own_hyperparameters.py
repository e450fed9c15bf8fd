"""Modules that define their hyperparameters themselves, without a Tuner."""

import json
import pathlib

import keras_tuner
import pytest

from tests.executor.user_modules import write_module

# Like the module of TFX's penguin example: it needs all of its hyperparameters or none.
ALL_OR_NONE = """
    import keras_tuner

    def own():
        space = keras_tuner.HyperParameters()
        space.Choice("learning_rate", [1e-2, 1e-3], default=1e-2)
        space.Int("num_layers", 1, 3, default=2)
        return space

    def run_fn(fn_args):
        if fn_args.hyperparameters:
            space = keras_tuner.HyperParameters.from_config(fn_args.hyperparameters)
        else:
            space = own()
        model = compiled()
        model.optimizer.learning_rate = space.get("learning_rate")
        model.fit(data, epochs=15 * space.get("num_layers"))
    """

TWO_SETS = """
    import keras_tuner

    def run_fn(fn_args):
        for num_layers in (1, 2):
            keras_tuner.HyperParameters().Fixed("num_layers", num_layers)
        compiled().fit(data, epochs=30)
    """


@pytest.fixture
def written(run_finder, penguin_examples, tmp_path):
    """Runs LRFinder on a module; returns its path and the hyperparameters."""

    def run(body):
        module = write_module(tmp_path, body)
        outputs = run_finder(
            {"examples": penguin_examples},
            module_file=module,
            on_inconclusive="fallback",
            default_learning_rate=0.25,
        )
        (file,) = pathlib.Path(outputs["best_hyperparameters"].uri).iterdir()
        return module, json.loads(file.read_text())

    return run


def test_the_modules_own_hyperparameters_are_merged_so_that_a_stock_trainer_works(
    written,
):
    _, config = written(ALL_OR_NONE)
    space = keras_tuner.HyperParameters.from_config(config)
    assert space.get("num_layers") == 2
    assert space.get("learning_rate") == 0.25
    assert space.Choice("learning_rate", [1e-2, 1e-3]) == 0.25


def test_of_several_sets_none_is_chosen(written):
    _, config = written(TWO_SETS)
    assert config["values"] == {"learning_rate": 0.25}
