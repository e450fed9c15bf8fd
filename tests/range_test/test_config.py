import math

import pytest

from tfx_lr_finder.range_test.config import RangeTestConfig

BAD = [
    (
        {"min_lr": 0.0},
        "min_lr must be a positive, finite number from .*, got min_lr=0.0",
    ),
    ({"min_lr": -1e-3}, "min_lr must be a positive"),
    ({"max_lr": math.inf}, "max_lr must be a positive, finite number"),
    ({"max_lr": math.nan}, "max_lr must be a positive, finite number"),
    ({"min_lr": "1e-3"}, "got min_lr='1e-3'"),
    ({"min_lr": 1e-40}, "from 1.2e-38 to 1.7e.38, got min_lr=1e-40"),
    ({"max_lr": 10**400}, "max_lr must be a positive, finite number"),
    ({"min_lr": 1.0, "max_lr": 1.000001}, "too close for 28 different float32 rates"),
    ({"num_sweeps": 10**400}, "num_sweeps must be below"),
    ({"min_lr": True}, "got min_lr=True"),
    ({"min_lr": 1.0, "max_lr": 1.0}, "min_lr must be below max_lr"),
    ({"min_lr": 1.0, "max_lr": 0.1}, "Swap them or widen the range"),
    ({"num_rates": 0}, "num_rates must be a whole"),
    ({"num_rates": 9}, "num_rates must be a whole number of at least 10"),
    ({"num_rates": 20.0}, "num_rates must be a whole number"),
    ({"num_sweeps": 0}, "num_sweeps must be a whole number of at least 1"),
    ({"steps_per_rate": 0}, "steps_per_rate must be"),
    ({"max_fraction": -0.1}, "max_fraction must be a number from 1e-06 to 1.0"),
    ({"max_fraction": math.nan}, "max_fraction must be a number"),
    ({"divergence_factor": 0.0}, "divergence_factor must be"),
    (
        {"rule": "steep"},
        "rule must be one of valley, steepest, slide, minimum, largest",
    ),
    ({"spacing": "log"}, "spacing must be one of exponential, linear"),
    ({"schedule": "cos"}, "schedule must be one of constant, cosine, one_cycle"),
    ({"confirm_steps": -1}, "confirm_steps must be a whole number of at least 0"),
    ({"train_steps": 0}, "train_steps must be a whole number of at least 1"),
    ({"max_fraction": 0.0}, "max_fraction must be"),
    ({"seed": -1}, "seed must be a whole number of at least 0"),
    ({"seed": 2**31}, "seed must be below 2\\*\\*31"),
    ({"max_steps": 100, "num_rates": 50, "num_sweeps": 3}, "more than max_steps=100"),
]


@pytest.mark.parametrize(("parameters", "message"), BAD)
def test_a_bad_parameter_is_refused_by_name_and_value(parameters, message):
    with pytest.raises(ValueError, match=message):
        RangeTestConfig(**parameters)


def test_the_default_sweeps_fit_in_the_default_budget():
    config = RangeTestConfig()
    assert config.sweep_steps < config.budget == 600


def test_the_budget_is_capped_by_the_trainers_steps():
    assert RangeTestConfig(train_steps=1000, max_fraction=0.3).budget == 300
    assert RangeTestConfig(train_steps=1000, max_fraction=0.1).budget == 200
    assert RangeTestConfig(train_steps=150, max_fraction=0.1).budget == 150
    assert RangeTestConfig(train_steps=50).budget == 50


@pytest.mark.parametrize(
    ("train_steps", "budget"),
    [(3000, 600), (6000, 600), (10_000, 1000), (20_000, 2000), (10**6, 2000)],
)
def test_the_default_budget_is_a_tenth_of_the_training_within_limits(
    train_steps, budget
):
    assert RangeTestConfig(train_steps=train_steps).budget == budget
    assert RangeTestConfig(train_steps=train_steps, max_steps=700).budget == 700


def test_a_config_cannot_be_changed():
    with pytest.raises(AttributeError, match="cannot assign to field"):
        RangeTestConfig().min_lr = 1.0


@pytest.mark.parametrize("max_steps", [200, 300, 600, 2000])
@pytest.mark.parametrize("num_sweeps", [1, 3, 5])
def test_sweeps_leave_most_of_the_budget_to_the_candidates(max_steps, num_sweeps):
    config = RangeTestConfig(max_steps=max_steps, num_sweeps=num_sweeps)
    assert config.sweep_steps <= max(config.budget // 5, 10 * num_sweeps)


def test_explicit_sweeps_raise_a_default_budget_but_not_an_explicit_one():
    config = RangeTestConfig(num_rates=3000, num_sweeps=1, confirm_steps=0)
    assert config.budget == config.sweep_steps == 3000
    assert RangeTestConfig(num_rates=500).budget > 1500
    with pytest.raises(ValueError, match="more than max_steps=1000"):
        RangeTestConfig(num_rates=500, max_steps=1000)
