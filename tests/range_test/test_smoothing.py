import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfx_lr_finder.range_test.smoothing import (
    local_linear,
    moving_average,
    noise_scale,
    smooth,
    without_outliers,
)

RATES = np.geomspace(1e-7, 10.0, 101)
LOGS = np.log10(RATES)
finite = st.floats(-1e6, 1e6)


def drop(centre=-3.0, width=0.2):
    return 1.0 / (1.0 + np.exp((LOGS - centre) / width))


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.98])
def test_the_average_of_a_constant_is_that_constant(beta):
    np.testing.assert_allclose(moving_average(np.full(60, 2.5), beta), 2.5, rtol=1e-12)


def test_the_moving_average_does_not_depend_on_later_losses():
    losses = np.random.default_rng(0).normal(size=30)
    np.testing.assert_array_equal(
        moving_average(losses, 0.9)[:20], moving_average(losses[:20], 0.9)
    )


def test_a_constant_curve_stays_constant():
    np.testing.assert_allclose(smooth(RATES, np.full(101, 2.5)), 2.5, rtol=1e-12)


@given(st.lists(finite, min_size=101, max_size=101), finite)
def test_a_shift_of_the_losses_shifts_the_regression(losses, shift):
    losses = np.array(losses)
    np.testing.assert_allclose(
        local_linear(RATES, losses + shift, 0.5),
        local_linear(RATES, losses, 0.5) + shift,
        rtol=1e-6,
        atol=1e-3,
    )


@pytest.mark.parametrize("width", [0.05, 0.5, 3.0])
def test_the_regression_keeps_a_straight_line_up_to_its_ends(width):
    line = 3.0 - 0.25 * LOGS
    np.testing.assert_allclose(local_linear(RATES, line, width), line, atol=1e-6)


def test_smoothing_keeps_a_fall_at_its_rate_and_an_average_does_not():
    noise = np.random.default_rng(0).normal(0, 0.02, 101)
    middle = int(np.argmin(np.abs(LOGS + 3.0)))
    assert smooth(RATES, drop() + noise)[middle] == pytest.approx(0.5, abs=0.05)
    assert moving_average(drop() + noise, 0.9)[middle] > 0.7


def test_the_line_goes_through_the_points_of_a_quiet_curve():
    noise = np.random.default_rng(0).normal(0, 1e-3, 101)
    valley = drop(-3.0) + 2.0 * (1.0 - drop(-1.0))
    assert np.max(np.abs(smooth(RATES, valley + noise) - valley)) < 0.01


def test_the_line_is_flat_where_there_is_only_noise():
    noise = np.random.default_rng(0).normal(0, 1.0, 101)
    assert np.std(smooth(RATES, noise)) < 0.5


def test_a_single_explosion_does_not_move_its_neighbours():
    losses = drop() + np.random.default_rng(0).normal(0, 0.02, 101)
    quiet = smooth(RATES, losses)
    losses[40] += 1e6
    assert np.max(np.abs(smooth(RATES, losses) - quiet)) < 0.1


def test_losses_near_their_neighbours_are_no_outliers():
    losses = drop() + np.random.default_rng(0).normal(0, 0.02, 101)
    np.testing.assert_array_equal(without_outliers(losses), losses)


def test_a_curve_with_gaps_of_decades_is_not_smoothed():
    losses = np.array([3.0, 2.0, 4.0, 1.0])
    np.testing.assert_allclose(smooth(np.geomspace(1e-30, 1.0, 4), losses), losses)


@pytest.mark.parametrize("length", [0, 1, 2, 3, 5])
def test_a_curve_may_have_any_length(length):
    losses = np.arange(length, dtype=float)
    assert smooth(RATES[:length], losses).shape == (length,)


def test_the_memory_does_not_grow_with_the_square_of_the_number_of_rates():
    rates = np.geomspace(1e-7, 10.0, 3000)  # one square matrix: 69 MiB
    losses = np.random.default_rng(0).normal(size=3000)
    tracemalloc.start()
    local_linear(rates, losses, 0.5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * 2**20


def test_a_trend_and_spikes_do_not_count_as_noise():
    rng = np.random.default_rng(1)
    losses = rng.normal(0.0, 0.2, 2000) - np.linspace(0, 30, 2000)
    losses[::100] += 50.0
    assert noise_scale(losses) == pytest.approx(0.2, rel=0.1)


def test_a_constant_has_no_noise():
    assert noise_scale(np.ones(10)) == 0.0
    assert noise_scale(np.ones(2)) == 0.0
