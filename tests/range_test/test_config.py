import math

import pytest

from tfx_lr_finder.range_test.config import RangeTestConfig

BAD = [
    ({"min_lr": 0.0}, "min_lr must be a positive, finite number, got min_lr=0.0"),
    ({"min_lr": -1e-3}, "min_lr must be a positive"),
    ({"max_lr": math.inf}, "max_lr must be a positive, finite number"),
    ({"max_lr": math.nan}, "max_lr must be a positive, finite number"),
    ({"min_lr": "1e-3"}, "got min_lr='1e-3'"),
    ({"min_lr": True}, "got min_lr=True"),
    ({"min_lr": 1.0, "max_lr": 1.0}, "min_lr must be below max_lr"),
    ({"min_lr": 1.0, "max_lr": 0.1}, "Swap them or widen the range"),
    ({"num_steps": 9}, "num_steps must be a whole number of at least 10"),
    ({"num_steps": 20.0}, "num_steps must be a whole number"),
    ({"num_sweeps": 0}, "num_sweeps must be a whole number of at least 1"),
    ({"steps_per_rung": 0}, "steps_per_rung must be"),
    ({"smoothing": 1.0}, "smoothing must be below 1"),
    ({"smoothing": -0.1}, "smoothing must be a number from 0.0 to 1.0"),
    ({"smoothing": math.nan}, "smoothing must be a number"),
    ({"divergence_factor": 0.0}, "divergence_factor must be"),
    ({"rule": "steep"}, "rule must be one of valley, steepest, slide, minimum, art"),
    ({"spacing": "log"}, "spacing must be one of exponential, linear"),
    ({"schedule": "cos"}, "schedule must be one of constant, cosine, one_cycle"),
    ({"confirm_steps": -1}, "confirm_steps must be a whole number of at least 0"),
    ({"train_steps": 0}, "train_steps must be a whole number of at least 1"),
    ({"max_share": 0.0}, "max_share must be"),
    ({"seed": -1}, "seed must be a whole number of at least 0"),
    ({"seed": 2**31}, "seed must be below 2\\*\\*31"),
    ({"max_steps": 100, "num_steps": 50, "num_sweeps": 3}, "more than the budget"),
    ({"train_steps": 100, "num_steps": 101}, "train_steps=100"),
]


@pytest.mark.parametrize(("knobs", "message"), BAD)
def test_a_bad_knob_is_refused_by_name_and_value(knobs, message):
    with pytest.raises(ValueError, match=message):
        RangeTestConfig(**knobs)


def test_defaults_are_a_valid_test():
    config = RangeTestConfig()
    assert config.sweep_steps < config.budget <= config.max_steps


def test_the_budget_is_capped_by_the_trainers_steps():
    config = RangeTestConfig(
        train_steps=1000, max_share=0.2, num_steps=10, num_sweeps=3
    )
    assert config.budget == 200


def test_a_config_cannot_be_changed():
    with pytest.raises(AttributeError):
        RangeTestConfig().min_lr = 1.0
