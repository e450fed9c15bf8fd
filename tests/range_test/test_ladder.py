import numpy as np
import pytest

from tfx_lr_finder.range_test.config import SCHEDULES, RangeTestConfig
from tfx_lr_finder.range_test.ladder import (
    horizon_factor,
    learning_rate_ladder,
    rates_by_schedule,
)

RANGES = [(1e-7, 10.0, 50), (1e-8, 1.0, 100), (3e-4, 0.7, 13), (1e-5, 2e-5, 10)]


@pytest.mark.parametrize(("low", "high", "num"), RANGES)
@pytest.mark.parametrize("spacing", ["exponential", "linear"])
def test_the_first_and_last_rate_are_exact(low, high, num, spacing):
    ladder = learning_rate_ladder(
        RangeTestConfig(min_lr=low, max_lr=high, num_rates=num, spacing=spacing)
    )
    assert (ladder[0], ladder[-1], len(ladder)) == (low, high, num)


@pytest.mark.parametrize(("low", "high", "num"), RANGES)
def test_exponential_gaps_are_equal_in_log_rate(low, high, num):
    config = RangeTestConfig(min_lr=low, max_lr=high, num_rates=num)
    gaps = np.diff(np.log10(learning_rate_ladder(config)))
    np.testing.assert_allclose(gaps, np.log10(high / low) / (num - 1), rtol=1e-9)


def test_linear_gaps_are_equal_in_rate():
    config = RangeTestConfig(min_lr=1e-3, max_lr=1.0, num_rates=20, spacing="linear")
    gaps = np.diff(learning_rate_ladder(config))
    np.testing.assert_allclose(gaps, (1.0 - 1e-3) / 19, rtol=1e-9)


def test_ten_rates_over_nine_decades_are_powers_of_ten():
    config = RangeTestConfig(min_lr=1e-9, max_lr=1.0, num_rates=10)
    np.testing.assert_allclose(
        learning_rate_ladder(config), [10.0**k for k in range(-9, 1)], rtol=1e-12
    )


def test_every_schedule_has_a_rate_and_constant_keeps_the_given_one():
    rates = rates_by_schedule(0.02)
    assert set(rates) == set(SCHEDULES)
    assert rates["constant"] == 0.02
    assert rates["cosine"] > 0.02


@pytest.mark.parametrize(
    ("short", "long", "ratio"),
    [
        (30, 3000, 0.01),
        (100, 10**4, 0.01),
        (100, 10**9, 0.01),
        (90, 90, 1.0),
        (500, 100, 1.0),
        (10, None, 0.01),
    ],
)
def test_a_longer_training_scales_the_rate_by_the_root_of_the_ratio(short, long, ratio):
    assert horizon_factor(short, long) == pytest.approx(ratio**0.5)
    assert horizon_factor(short, long, overfits=True) == pytest.approx(ratio)
