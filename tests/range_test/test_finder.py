import numpy as np
import pytest

from benchmarks.quality.junk import KINDS, JunkLoop
from tests.range_test.quadratic import QuadraticLoop, RecordedLoop
from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.finder import combine, run_range_test
from tfx_lr_finder.range_test.report import LRFinderReport, StopReason, Verdict

LENGTH = 100
PLACES = np.arange(LENGTH)


def find(loop, num_train_batches=None, previous_rate=None, **parameters):
    ticks = iter(range(100))
    config = RangeTestConfig(**parameters)
    return run_range_test(
        loop, config, lambda: next(ticks), num_train_batches, previous_rate
    )


def flat(rng):
    return 2.0 + rng.normal(0, 0.1, LENGTH)


def rising(rng):
    return 1.0 + np.exp(PLACES / 25.0) + rng.normal(0, 0.05, LENGTH)


def nan_at_any_step(rng):
    curve = flat(rng)
    curve[rng.integers(LENGTH)] = np.nan
    return curve


def all_equal(rng):
    return np.full(LENGTH, rng.normal())


def spikes(rng):
    curve = flat(rng)
    curve[rng.integers(0, LENGTH, 6)] += rng.choice([-1, 1], 6) * 5.0
    return curve


def periodic(rng):
    period = rng.uniform(4, 60)
    wave = np.sin(2 * np.pi * (PLACES / period + rng.uniform()))
    return 2.0 + wave + rng.normal(0, 0.05, LENGTH)


JUNK = [flat, rising, nan_at_any_step, all_equal, spikes, periodic]


@pytest.mark.parametrize("kind", JUNK)
@pytest.mark.parametrize("num_sweeps", [1, 3])
def test_a_curve_without_information_is_never_ok_without_confirmation(kind, num_sweeps):
    for seed in range(60):
        rng = np.random.default_rng(seed)
        loop = RecordedLoop([kind(rng) for _ in range(num_sweeps)])
        report = find(loop, confirm_steps=0, num_sweeps=num_sweeps)
        assert report.verdict is not Verdict.OK, (seed, report.reasons)
        assert report.reasons


@pytest.mark.parametrize("kind", JUNK)
def test_a_curve_without_information_is_inconclusive_if_no_candidate_learns(kind):
    num_found = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        loop = RecordedLoop(
            [kind(rng) for _ in range(30)], lambda rng=rng: rng.normal(2.0, 0.1, 16)
        )
        report = find(loop)
        assert report.verdict is not Verdict.OK
        if report.verdict is Verdict.LOW_CONFIDENCE:
            num_found += 1  # with a probability of at most 1 in 1,000
            continue
        assert report.learning_rate is None
        assert report.source == "none"
        assert report.learning_rates_by_schedule == {}
    assert num_found <= 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("max_steps", [200, 600])
def test_random_held_out_losses_are_never_ok(kind, max_steps):
    for seed in range(60):
        report = find(JunkLoop(kind, seed), max_steps=max_steps)
        assert report.verdict is not Verdict.OK, seed
        assert report.reasons


@pytest.mark.parametrize("kind", KINDS)
def test_random_held_out_losses_are_never_ok_with_a_previous_rate(kind):
    for seed in range(60):
        report = find(JunkLoop(kind, seed), previous_rate=1e-3)
        assert report.verdict is not Verdict.OK, seed


@pytest.mark.parametrize("max_steps", [200, 600])
def test_a_previous_rate_does_not_exceed_the_budget(max_steps):
    report = find(QuadraticLoop(1.0), previous_rate=0.07, max_steps=max_steps)
    assert report.steps_spent <= max_steps


def test_a_previous_rate_is_probed_at_its_short_training_counterpart():
    without = find(QuadraticLoop(1.0))
    tried = find(QuadraticLoop(1.0), previous_rate=without.learning_rate)
    usual = {item.learning_rate for item in without.probes}
    (more,) = {item.learning_rate for item in tried.probes} - usual
    assert more > without.learning_rate
    rates = [item.learning_rate for item in tried.probes]
    assert rates == sorted(rates)


@pytest.mark.parametrize("rate", [5.0, 1e-7, 1e9])
def test_a_bad_previous_rate_changes_nothing(rate):
    without = find(QuadraticLoop(1.0), max_lr=2.0)
    tried = find(QuadraticLoop(1.0), previous_rate=rate, max_lr=2.0)
    assert tried.verdict is without.verdict
    assert tried.learning_rate == pytest.approx(without.learning_rate, rel=0.2)


def test_a_loss_that_starts_as_nan_trains_no_candidate():
    report = find(RecordedLoop([np.full(LENGTH, np.nan)]))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert report.stop_reason is StopReason.NON_FINITE
    assert report.steps_spent == 3
    assert "fault in the model or the data" in report.reasons[0]


def clean(rng, centre, height, noise, explodes):
    logs = np.linspace(-7, 1, LENGTH)
    drop = 1.0 / (1.0 + np.exp((logs - centre) / 0.4))
    rise = 10.0 ** (2.0 * (logs - centre - 1.5)) if explodes else 0.0
    return height * (drop + rise) + rng.normal(0, noise * height, LENGTH)


@pytest.mark.parametrize("explodes", [True, False])
@pytest.mark.parametrize("centre", [-4.5, -3.0, -1.5])
@pytest.mark.parametrize("noise", [0.005, 0.05])
def test_clean_curves_are_never_inconclusive(centre, noise, explodes):
    for seed in range(60):
        rng = np.random.default_rng(seed)
        height = 10.0 ** rng.uniform(-2, 2)
        curves = [clean(rng, centre, height, noise, explodes) for _ in range(3)]
        report = find(RecordedLoop(curves), confirm_steps=0)
        assert report.verdict is not Verdict.INCONCLUSIVE, (seed, report.reasons)
        assert report.learning_rate is not None


def test_the_quadratic_is_confirmed_below_its_divergence_rate():
    report = find(QuadraticLoop(2.0))
    assert report.verdict is Verdict.OK, report.reasons
    assert report.source == "confirmed"
    assert report.learning_rate < 1.0
    low, high = report.learning_rate_range
    assert low <= report.learning_rate <= high


@pytest.mark.parametrize("train_steps", [1, 29, 89])
@pytest.mark.parametrize("num_rates", [None, 101])
def test_too_few_steps_of_the_trainer_are_inconclusive_without_training(
    train_steps, num_rates
):
    loop = QuadraticLoop(2.0)
    report = find(loop, train_steps=train_steps, num_rates=num_rates)
    assert loop.num_steps == report.steps_spent == 0
    assert report.verdict is Verdict.INCONCLUSIVE
    assert report.learning_rate is None
    assert f"takes only {train_steps} steps" in report.reasons[0]
    assert repr(LRFinderReport.from_json(report.to_json())) == repr(report)


@pytest.mark.parametrize("train_steps", [90, 100, 130, 170, 300])
def test_a_test_never_spends_more_steps_than_the_trainer_takes(train_steps):
    loop = QuadraticLoop(2.0)
    report = find(loop, train_steps=train_steps)
    assert 0 < loop.num_steps <= train_steps
    assert report.steps_spent == loop.num_steps


def test_a_junk_loss_with_few_steps_names_the_steps_of_the_trainer():
    report = find(JunkLoop(next(iter(KINDS)), 0), train_steps=100)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert (
        "limited to 100 steps, because the Trainer takes only 100" in report.reasons[-1]
    )


def test_the_sweeps_alone_need_no_probes():
    loop = QuadraticLoop(2.0)
    assert find(loop, train_steps=30, confirm_steps=0).steps_spent == 30


@pytest.mark.parametrize("max_steps", [200, 600, 1000])
def test_the_steps_spent_stay_within_the_budget(max_steps):
    for curvature in (1e-6, 2.0, 1e6):
        loop = QuadraticLoop(curvature)
        report = find(loop, max_steps=max_steps)
        assert report.steps_spent == loop.num_steps <= max_steps


def test_shift_and_scale_of_the_loss_change_nothing():
    plain = find(QuadraticLoop(2.0))
    moved = find(QuadraticLoop(2.0, shift=-64.0, scale=0.25))
    assert moved.learning_rate == pytest.approx(plain.learning_rate, rel=1e-9)
    assert moved.verdict is plain.verdict


def test_a_longer_training_gets_a_smaller_rate():
    short = find(QuadraticLoop(2.0), train_steps=1000)
    long = find(QuadraticLoop(2.0), train_steps=3000)
    assert long.learning_rate == pytest.approx(short.learning_rate / 3.0**0.5)


def test_the_peak_of_a_schedule_is_above_the_constant_rate():
    constant = find(QuadraticLoop(2.0))
    cosine = find(QuadraticLoop(2.0), schedule="cosine")
    assert cosine.learning_rates_by_schedule == constant.learning_rates_by_schedule
    assert cosine.learning_rate == constant.learning_rates_by_schedule["cosine"]
    assert cosine.learning_rate > constant.learning_rate


@pytest.mark.parametrize(("num_train_batches", "count"), [(99, 1), (100, 0), (None, 0)])
def test_a_sweep_longer_than_the_data_is_a_doubt_without_confirmation(
    num_train_batches, count
):
    report = find(QuadraticLoop(2.0), num_train_batches, confirm_steps=0)
    assert sum("one pass over the 99" in reason for reason in report.reasons) == count


def test_without_confirmation_the_suggestion_is_that_of_the_rule():
    report = find(QuadraticLoop(2.0), confirm_steps=0, num_sweeps=1, rule="minimum")
    assert report.learning_rate == report.suggestions["minimum"]
    assert report.source == "rule"
    assert report.candidates == report.probes == ()


@pytest.mark.parametrize(
    ("readings", "combined"),
    [
        ([1e-4, 1e-2, 1e-3], 1e-3),
        ([1e-4, 1e-2], 1e-3),
        ([None, 1e-2, 1e-4], 1e-3),
        ([None, None, 1e-4], None),
        ([None], None),
        ([], None),
    ],
)
def test_readings_are_combined_by_their_median_in_log_rate(readings, combined):
    assert combine(readings) == (combined and pytest.approx(combined))
