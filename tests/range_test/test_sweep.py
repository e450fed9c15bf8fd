import numpy as np
import pytest

from tests.range_test.quadratic import QuadraticLoop, RecordedLoop
from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.ladder import learning_rate_ladder
from tfx_lr_finder.range_test.sweep import (
    StopReason,
    find_stop,
    run_sweep,
    without_explosion,
)


def sweep_of(loop, **parameters):
    config = RangeTestConfig(**{"num_rates": 100, "num_sweeps": 1, **parameters})
    return run_sweep(loop, learning_rate_ladder(config), config)


@pytest.mark.parametrize("curvature", [0.5, 2.0, 40.0])
def test_the_quadratic_has_its_lowest_loss_at_the_first_rate_above_two_over_h(
    curvature,
):
    sweep = sweep_of(QuadraticLoop(curvature), divergence_factor=1e6)
    rates = np.array(sweep.learning_rates)
    lowest = rates[int(np.argmin(sweep.losses))]
    assert lowest == rates[rates > 2.0 / curvature][0]


def test_one_update_is_made_at_each_rate():
    loop = QuadraticLoop(1e-9)
    sweep = sweep_of(loop, num_rates=25)
    assert loop.rates == list(sweep.learning_rates)
    assert sweep.num_steps == 25


def test_losses_are_those_before_the_update():
    sweep = sweep_of(QuadraticLoop(2.0, start=3.0))
    assert sweep.losses[0] == 9.0


@pytest.mark.parametrize("shift", [0.0, -1e3, 50.0])
@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e4])
def test_the_stop_does_not_depend_on_shift_or_scale_of_the_loss(shift, scale):
    plain = sweep_of(QuadraticLoop(2.0))
    moved = sweep_of(QuadraticLoop(2.0, shift=shift * scale, scale=scale))
    assert plain.stop_reason is moved.stop_reason is StopReason.DIVERGED
    assert len(plain.losses) == len(moved.losses)


@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_the_sweep_does_not_depend_on_the_chunk_size(chunk):
    whole = sweep_of(QuadraticLoop(2.0, chunk=10**6))
    assert whole.stop_reason is StopReason.DIVERGED
    assert sweep_of(QuadraticLoop(2.0, chunk=chunk)) == whole


def test_a_sweep_that_never_diverges_completes():
    sweep = sweep_of(QuadraticLoop(1e-3))
    assert sweep.stop_reason is StopReason.COMPLETED
    assert len(sweep.losses) == 100


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [0, 1, 7, 99])
def test_a_non_finite_loss_ends_the_sweep_at_its_rate(bad, at):
    curve = np.linspace(2.0, 1.0, 100)
    curve[at] = bad
    sweep = sweep_of(RecordedLoop([curve]))
    assert sweep.stop_reason is StopReason.NON_FINITE
    assert len(sweep.losses) == at + 1
    assert len(sweep.smoothed_losses) == at
    assert not np.isfinite(sweep.losses[-1])


@pytest.mark.parametrize("steps_per_rate", [1, 2, 5])
def test_a_non_finite_loss_within_the_first_rate_ends_the_sweep(
    steps_per_rate,
):
    sweep = sweep_of(RecordedLoop([[np.nan]]), steps_per_rate=steps_per_rate)
    assert sweep.stop_reason is StopReason.NON_FINITE
    assert len(sweep.losses) == 1
    assert sweep.smoothed_losses == ()


def test_one_lucky_batch_does_not_end_the_sweep():
    rng = np.random.default_rng(0)
    curve = 2.0 + rng.normal(0, 0.05, 100)
    curve[40] = 0.1
    assert sweep_of(RecordedLoop([curve])).stop_reason is StopReason.COMPLETED


def test_one_spike_does_not_end_the_sweep():
    rng = np.random.default_rng(0)
    curve = np.linspace(2.0, 1.0, 100) + rng.normal(0, 0.05, 100)
    curve[60] = 4.0
    assert sweep_of(RecordedLoop([curve])).stop_reason is StopReason.COMPLETED


@pytest.mark.parametrize("seed", range(60))
def test_flat_noise_does_not_end_a_sweep(seed):
    curve = np.random.default_rng(seed).normal(0.0, 1.0, 100)
    assert sweep_of(RecordedLoop([curve])).stop_reason is StopReason.COMPLETED


def test_the_loss_at_a_rate_is_the_mean_of_its_batches():
    curve = np.arange(40, dtype=float)
    sweep = sweep_of(
        RecordedLoop([curve]), num_rates=10, steps_per_rate=4, divergence_factor=1e9
    )
    # A rising curve diverges early; the losses kept are still means of four.
    expected = curve.reshape(10, 4).mean(axis=1)[: len(sweep.losses)]
    np.testing.assert_allclose(sweep.losses, expected)


def test_later_losses_do_not_change_the_stop():
    config = RangeTestConfig(num_rates=100)
    losses = np.concatenate([np.linspace(2, 1, 50), np.linspace(1, 90, 50)])
    end, reason, _ = find_stop(losses, config)
    assert reason is StopReason.DIVERGED
    assert find_stop(losses[:end], config)[:2] == (end, reason)
    assert find_stop(losses[: end - 1], config)[1] is StopReason.COMPLETED


def test_an_explosion_at_the_end_is_clipped():
    curve = np.concatenate([np.full(20, 2.0), np.linspace(2.0, 1.0, 20), [1e6]])
    cut = without_explosion(curve)
    np.testing.assert_array_equal(cut[:-1], curve[:-1])
    assert cut[-1] == 3.0
    np.testing.assert_array_equal(without_explosion(5 * curve - 7), 5 * cut - 7)


def test_one_odd_batch_among_losses_without_noise_does_not_end_the_sweep():
    curve = 0.7 + np.random.default_rng(0).normal(0, 1e-3, 100)
    curve[31] = 5.0
    assert sweep_of(RecordedLoop([curve])).stop_reason is StopReason.COMPLETED
