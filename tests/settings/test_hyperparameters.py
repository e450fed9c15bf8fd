import json

import keras_tuner
import pytest

from tfx_lr_finder.settings.hyperparameters import merge_learning_rate

RATE = 3.2e-7


def read_back(config):
    """The configuration as keras_tuner reads it from a file."""
    return keras_tuner.HyperParameters.from_config(json.loads(json.dumps(config)))


def only(space):
    return json.loads(json.dumps(space.get_config()))


SEARCHED_AS = {
    "a choice": lambda hp: hp.Choice("learning_rate", [1e-2, 1e-3]),
    "a log-sampled float": lambda hp: hp.Float(
        "learning_rate", 1e-5, 1e-1, sampling="log"
    ),
    "a float of whole bounds": lambda hp: hp.Float("learning_rate", 0, 1, step=0.5),
    "fixed": lambda hp: hp.Fixed("learning_rate", 0.1),
}


@pytest.mark.parametrize("way", SEARCHED_AS)
def test_a_searched_rate_becomes_fixed_and_all_other_entries_stay(way):
    space = keras_tuner.HyperParameters()
    space.Int("num_layers", 1, 3, default=2)
    SEARCHED_AS[way](space)
    space.Boolean("dropout", default=True)
    merged = read_back(merge_learning_rate(only(space), RATE))
    assert merged.values == {"num_layers": 2, "dropout": True, "learning_rate": RATE}
    entries = {entry.name: entry for entry in merged.space}
    assert type(entries["learning_rate"]).__name__ == "Fixed"
    assert (entries["num_layers"].min_value, entries["num_layers"].max_value) == (1, 3)
    assert SEARCHED_AS[way](merged) == RATE


def test_a_conditional_rate_is_set_for_all_conditions():
    space = keras_tuner.HyperParameters()
    space.Choice("optimizer", ["adam", "sgd"])
    for optimizer, rate in (("adam", 1e-3), ("sgd", 0.1)):
        with space.conditional_scope("optimizer", [optimizer]):
            space.Float("learning_rate", 1e-5, 1.0, default=rate)
    merged = read_back(merge_learning_rate(only(space), RATE))
    assert merged.get("learning_rate") == RATE
    merged.values["optimizer"] = "sgd"
    assert merged.get("learning_rate") == RATE


OTHER_TYPES = {
    "a bool": lambda hp: hp.Boolean("learning_rate"),
    "an int": lambda hp: hp.Int("learning_rate", 1, 5),
    "names": lambda hp: hp.Choice("learning_rate", ["slow", "fast"]),
    "whole numbers": lambda hp: hp.Choice("learning_rate", [1, 2]),
    "a fixed name": lambda hp: hp.Fixed("learning_rate", "slow"),
    "a fixed bool": lambda hp: hp.Fixed("learning_rate", True),
}


@pytest.mark.parametrize("way", OTHER_TYPES)
def test_an_entry_of_that_name_and_another_type_is_refused(way):
    space = keras_tuner.HyperParameters()
    OTHER_TYPES[way](space)
    message = r"'learning_rate' must be a float .* set hyperparameter_name"
    with pytest.raises(ValueError, match=message):
        merge_learning_rate(only(space), RATE)


@pytest.mark.parametrize("value", ["slow", True, 3])
def test_a_value_of_another_type_without_an_entry_is_refused(value):
    with pytest.raises(ValueError, match="must be a float"):
        merge_learning_rate({"space": [], "values": {"learning_rate": value}}, RATE)


def test_a_hyperparameter_that_depends_on_the_rate_is_refused():
    space = keras_tuner.HyperParameters()
    space.Choice("learning_rate", [0.1, 0.01])
    with space.conditional_scope("learning_rate", [0.1]):
        space.Int("warmup", 1, 5)
    with pytest.raises(ValueError, match="'warmup' exists only for certain values"):
        merge_learning_rate(only(space), RATE)


@pytest.mark.parametrize(
    "config", [{"learning_rate": 0.1}, [1], {"space": [3], "values": {}}]
)
def test_anything_but_a_keras_tuner_configuration_is_refused(config):
    with pytest.raises(ValueError, match="'space' and 'values', got"):
        merge_learning_rate(config, 0.5)


def test_merging_does_not_change_its_argument(tuner_config):
    before = json.dumps(tuner_config)
    merge_learning_rate(tuner_config, 0.5)
    assert json.dumps(tuner_config) == before


@pytest.mark.parametrize("rate", [0.0, -0.1, float("nan"), float("inf")])
def test_a_rate_that_is_not_positive_and_finite_is_refused(rate):
    with pytest.raises(ValueError, match="positive and finite"):
        merge_learning_rate(None, rate)
