import copy
import types

import pytest

from tfx_lr_finder import Cyclical, OneCycle, learning_rate
from tfx_lr_finder.fn_args import PassedResult
from tfx_lr_finder.settings.trainer_options import TrainerOptions

RATE = 0.02


@pytest.fixture
def passed(make_report):
    return PassedResult(report=make_report(learning_rate=RATE))


@pytest.fixture
def fn_args(passed):
    """The arguments of `run_fn` under LRFinderTrainer."""
    return types.SimpleNamespace(
        custom_config={"learning_rate": RATE},
        hyperparameters=None,
        train_steps=40,
        lr_finder=passed,
    )


READS = {
    "learning_rate": learning_rate,
    "one cycle": OneCycle.from_fn_args,
    "cyclical": lambda args: Cyclical.from_fn_args(args, 7),
    "in a copy of fn_args": lambda args: learning_rate(copy.copy(args)),
}


@pytest.mark.parametrize("name", READS)
def test_every_public_reader_of_the_rate_is_recorded(name, fn_args, passed):
    assert not passed.was_read
    READS[name](fn_args)
    assert passed.was_read


def test_a_read_of_the_raw_custom_config_is_not_recorded(fn_args, passed):
    assert fn_args.custom_config["learning_rate"] == RATE
    assert not passed.was_read


def place(**values):
    arguments = {"custom_config": None, "hyperparameters": None, **values}
    return types.SimpleNamespace(**arguments)


@pytest.mark.parametrize(
    "values",
    [
        {"custom_config": {"learning_rate": 0.5}},
        {"hyperparameters": {"values": {"learning_rate": 0.5}}},
    ],
)
def test_learning_rate_reads_custom_config_and_hyperparameters(values):
    assert learning_rate(place(**values)) == 0.5


@pytest.mark.parametrize("value", ["adam", True, 0.0, -1e-3, float("nan")])
def test_learning_rate_refuses_a_value_that_is_not_a_positive_number(value):
    fn_args = place(hyperparameters={"values": {"lr": value}})
    with pytest.raises(ValueError, match="'lr' in fn_args must be a positive"):
        learning_rate(fn_args, name="lr")


def test_learning_rate_without_a_rate_returns_the_default_or_says_what_to_do():
    assert learning_rate(place(), default=0.1) == 0.1
    with pytest.raises(ValueError, match="Train with LRFinderTrainer"):
        learning_rate(place())


@pytest.mark.parametrize(
    ("option", "choices"),
    [
        ("set_rate_on", "'optimizer', 'hyperparameters'"),
        ("on_unused", "'warn', 'fail'"),
    ],
)
def test_an_unknown_trainer_option_value_is_refused(option, choices):
    with pytest.raises(ValueError, match=f"{option} must be one of {choices}, got 'x'"):
        TrainerOptions.from_properties({option: "x"})


def test_missing_trainer_options_have_their_defaults():
    assert TrainerOptions.from_properties({"on_unused": None}) == TrainerOptions()
