import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfx_lr_finder.range_test.smoothing import moving_average, noise_scale, smooth

BETAS = [0.0, 0.5, 0.9, 0.98]
finite = st.floats(-1e6, 1e6)


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("average", [moving_average, smooth])
def test_a_constant_stays_constant(average, beta):
    np.testing.assert_allclose(average(np.full(60, 2.5), beta), 2.5, rtol=1e-12)


@given(st.lists(finite, min_size=3, max_size=40), finite, st.floats(0.1, 100.0))
def test_smoothing_follows_shift_and_scale(losses, shift, scale):
    losses = np.array(losses)
    moved = smooth(losses * scale + shift, 0.7)
    np.testing.assert_allclose(
        moved, smooth(losses, 0.7) * scale + shift, rtol=1e-6, atol=1e-3
    )


@given(st.lists(finite, min_size=3, max_size=40))
def test_smoothing_is_symmetric(losses):
    losses = np.array(losses)
    np.testing.assert_allclose(
        smooth(losses[::-1], 0.8)[::-1], smooth(losses, 0.8), rtol=1e-9, atol=1e-6
    )


def test_smoothing_keeps_a_fall_at_its_rate():
    rates = np.arange(101)
    drop = 1.0 / (1.0 + np.exp((rates - 50) / 3.0))
    assert smooth(drop, 0.9)[50] == pytest.approx(0.5, abs=1e-9)
    assert moving_average(drop, 0.9)[50] > 0.7


def test_the_moving_average_does_not_depend_on_later_losses():
    losses = np.random.default_rng(0).normal(size=30)
    np.testing.assert_array_equal(
        moving_average(losses, 0.9)[:20], moving_average(losses[:20], 0.9)
    )


def test_a_trend_and_spikes_do_not_count_as_noise():
    rng = np.random.default_rng(1)
    losses = rng.normal(0.0, 0.2, 2000) - np.linspace(0, 30, 2000)
    losses[::100] += 50.0
    assert noise_scale(losses) == pytest.approx(0.2, rel=0.1)


def test_a_constant_has_no_noise():
    assert noise_scale(np.ones(10)) == 0.0
    assert noise_scale(np.ones(2)) == 0.0


@pytest.mark.parametrize("beta", BETAS)
def test_smoothing_is_the_documented_weighted_mean(beta):
    losses = np.random.default_rng(0).normal(size=40)
    distance = np.abs(np.arange(40)[:, None] - np.arange(40)[None, :])
    weights = beta**distance
    expected = weights @ losses / weights.sum(axis=1)
    np.testing.assert_allclose(smooth(losses, beta), expected, rtol=1e-10)
