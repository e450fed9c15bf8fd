"""Properties of the pure layer, tested on inputs that hypothesis generates."""

import dataclasses
import math
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.range_test.quadratic import RecordedLoop
from tfx_lr_finder.range_test import rules
from tfx_lr_finder.range_test.candidates import Candidate
from tfx_lr_finder.range_test.config import (
    JIT_COMPILE,
    SCHEDULES,
    SPACINGS,
    RangeTestConfig,
)
from tfx_lr_finder.range_test.finder import combine, run_range_test
from tfx_lr_finder.range_test.held_out import HeldOut
from tfx_lr_finder.range_test.ladder import learning_rate_ladder
from tfx_lr_finder.range_test.report import LRFinderReport, PreviousRate
from tfx_lr_finder.range_test.smoothing import moving_average, smooth
from tfx_lr_finder.range_test.sweep import StopReason, Sweep, find_stop, run_sweep
from tfx_lr_finder.range_test.verdict import Verdict

FULL = os.environ.get("FAULTS") == "full"

pytestmark = pytest.mark.timeout(3000 if FULL else 300)


def tried(quick, full):
    """Settings for a number of inputs, the same ones in every run."""
    return settings(
        max_examples=full if FULL else quick,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


rates = st.floats(2.0**-120, 2.0**120)
betas = st.floats(0.0, 0.99)
exact = st.integers(-1000, 1000).map(float)
"""Losses whose sums, and products with powers of two, are exact."""
float32 = st.floats(width=32)
"""Losses that a device may return, including non-finite ones."""
curves = st.lists(exact, min_size=3, max_size=60).map(np.array)


@st.composite
def configs(draw, **fixed):
    """Any valid configuration."""
    low, high = sorted([draw(rates), draw(rates)])
    parameters = {
        "min_lr": low,
        "max_lr": max(high, low * (1.0 + draw(st.floats(1e-3, 100.0)))),
        "num_rates": draw(st.none() | st.integers(10, 60)),
        "num_sweeps": draw(st.integers(1, 4)),
        "steps_per_rate": draw(st.integers(1, 3)),
        "spacing": draw(st.sampled_from(SPACINGS)),
        "divergence_factor": draw(st.floats(1e-3, 1e6)),
        "rule": draw(st.sampled_from(sorted(rules.RULES))),
        "confirm_steps": draw(st.none() | st.integers(0, 40)),
        "train_steps": draw(st.none() | st.integers(800, 10**6)),
        "schedule": draw(st.sampled_from(SCHEDULES)),
        "num_eval_batches": draw(st.integers(1, 8)),
        "jit_compile": draw(st.sampled_from(JIT_COMPILE)),
        "seed": draw(st.integers(0, 2**31 - 1)),
    }
    return RangeTestConfig(**{**parameters, **fixed})


@tried(100, 1000)
@given(configs())
def test_a_ladder_rises_from_one_exact_end_to_the_other(config):
    ladder = learning_rate_ladder(config)
    assert (ladder[0], ladder[-1]) == (config.min_lr, config.max_lr)
    assert len(ladder) == config.resolved_num_rates
    assert (np.diff(ladder.astype(np.float32)) > 0).all()


@tried(100, 1000)
@given(configs(spacing="exponential"))
def test_the_gaps_of_an_exponential_ladder_are_equal_in_log_rate(config):
    logs = np.log(learning_rate_ladder(config))
    even = (logs[-1] - logs[0]) / (len(logs) - 1)
    np.testing.assert_allclose(np.diff(logs), even, rtol=1e-6, atol=1e-13)


@tried(100, 1000)
@given(exact, st.integers(1, 60), betas)
def test_smoothing_keeps_constants(constant, length, beta):
    losses = np.full(length, constant)
    ladder = np.geomspace(1e-7, 10.0, length)
    for kept in (moving_average(losses, beta), smooth(ladder, losses)):
        np.testing.assert_allclose(kept, constant, rtol=1e-9)


@tried(100, 1000)
@given(curves, betas, exact, st.floats(-100.0, 100.0))
def test_smoothing_follows_shift_and_scale(losses, beta, shift, scale):
    np.testing.assert_allclose(
        moving_average(losses * scale + shift, beta),
        moving_average(losses, beta) * scale + shift,
        rtol=1e-8,
        atol=1e-6,
    )


@tried(100, 1000)
@given(curves, betas)
def test_an_average_stays_between_the_lowest_and_the_highest_loss(losses, beta):
    average = moving_average(losses, beta)
    assert average.min() >= losses.min() - 1e-6
    assert average.max() <= losses.max() + 1e-6


@pytest.mark.parametrize("name", sorted(rules.RULES))
@tried(100, 1000)
@given(curves, configs())
def test_a_rule_returns_a_rate_of_the_sweep_or_none(name, losses, config):
    ladder = np.geomspace(config.min_lr, config.max_lr, len(losses))
    rate = rules.RULES[name](ladder, losses)
    swept = ladder / 10.0 if name == "minimum" else ladder
    assert rate is None or rate in swept.tolist()


@pytest.mark.parametrize("name", sorted(rules.RULES))
@tried(100, 1000)
@given(curves, st.integers(-20, 20), exact)
def test_shift_and_scale_of_the_losses_do_not_change_a_rule(name, losses, power, shift):
    ladder = np.geomspace(1e-7, 10.0, len(losses))
    plain = rules.RULES[name](ladder, losses)
    assert rules.RULES[name](ladder, (losses + shift) * 2.0**power) == plain


@pytest.mark.parametrize("name", sorted(rules.RULES))
@tried(100, 1000)
@given(st.lists(float32, min_size=3, max_size=60))
def test_a_rule_survives_any_losses(name, losses):
    ladder = np.geomspace(1e-7, 10.0, len(losses))
    with np.errstate(all="ignore"):
        rate = rules.RULES[name](ladder, np.array(losses))
    assert rate is None or 1e-8 <= rate <= 10.0


@tried(100, 1000)
@given(st.lists(st.none() | rates, max_size=6))
def test_the_combined_reading_lies_between_the_readings(readings):
    combined = combine(readings)
    served = [rate for rate in readings if rate is not None]
    if combined is not None:
        assert min(served) * 0.999999 <= combined <= max(served) * 1.000001


@tried(100, 1000)
@given(st.lists(float32, min_size=1, max_size=80), configs())
def test_a_sweep_ends_no_later_than_at_the_first_non_finite_loss(losses, config):
    with np.errstate(all="ignore"):
        end, reason, stop_above = find_stop(np.array(losses), config)
    finite = np.isfinite(losses)
    num_finite = len(losses) if finite.all() else int(np.argmin(finite))
    assert 0 < end <= min(num_finite + 1, len(losses))
    assert (reason is StopReason.COMPLETED) <= (end == len(losses))
    assert (reason is StopReason.NON_FINITE) == (end == num_finite + 1)
    assert not math.isnan(stop_above)


@tried(60, 600)
@given(
    st.lists(exact | float32, min_size=1, max_size=80),
    configs(),
    st.integers(1, 20),
)
def test_a_sweep_does_not_depend_on_the_chunk_size(losses, config, chunk):
    ladder = learning_rate_ladder(config)
    with np.errstate(all="ignore"):
        small = run_sweep(RecordedLoop([losses], chunk=chunk), ladder, config)
        large = run_sweep(RecordedLoop([losses], chunk=10**6), ladder, config)
    assert repr(small) == repr(large)  # NaN equals NaN


@tried(60, 600)
@given(
    st.lists(st.lists(exact | float32, min_size=1, max_size=60), min_size=1),
    st.lists(float32, min_size=1, max_size=16),
    configs(),
    st.none() | st.integers(1, 500),
    st.none() | rates,
)
def test_a_range_test_ends_within_its_budget_whatever_the_losses(
    curves, held_out, config, num_batches, previous
):
    loop = RecordedLoop(curves, lambda: np.roll(held_out, loop.position))
    with np.errstate(all="ignore"):
        report = run_range_test(loop, config, lambda: 0.0, num_batches, previous)
    assert report.steps_spent <= config.budget
    found = report.verdict is not Verdict.INCONCLUSIVE
    assert (report.learning_rate is not None) == found
    assert (report.verdict is Verdict.OK) == (not report.reasons)
    text = report.to_json()
    assert LRFinderReport.from_json(text).to_json() == text


anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**400, -(10**400), 2**31, 2**63, 1e308, 5e-324, 1e-45]),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=1),
    st.binary(max_size=2),
    st.complex_numbers(),
)
PARAMETERS = [field.name for field in dataclasses.fields(RangeTestConfig)]


@tried(600, 10000)
@given(st.dictionaries(st.sampled_from(PARAMETERS), anything, min_size=1, max_size=3))
def test_parameters_are_refused_or_make_a_valid_test(parameters):
    try:
        config = RangeTestConfig(**parameters)
    except ValueError:
        return
    assert config.resolved_num_rates >= 10
    assert config.sweep_steps <= config.budget
    if config.resolved_num_rates < 10**5:
        ladder = learning_rate_ladder(config)
        assert (np.diff(ladder.astype(np.float32)) > 0).all()
    with pytest.raises(dataclasses.FrozenInstanceError, match="seed"):
        config.seed = 1
    assert RangeTestConfig(**dataclasses.asdict(config)) == config


finite = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(0, 10**9)
names = st.text(max_size=8)
candidates = st.builds(
    Candidate,
    learning_rate=rates,
    eval_losses=st.lists(finite, min_size=1, max_size=5).map(tuple),
    train_loss=finite,
    num_steps=counts,
    mismatch_zscore=finite,
)
held_out = st.builds(
    HeldOut,
    unit=names,
    num_rows=counts,
    num_units=counts,
    num_independent=finite,
    overlap_fraction=finite,
    duplicate_fraction=finite,
    num_not_finite=counts,
)


def sweep_of(points, stop_reason, num_steps):
    """A sweep of `(rate, loss)` points, of which the first half is smoothed."""
    ladder = dict(sorted(points))
    return Sweep(
        learning_rates=tuple(ladder),
        losses=tuple(ladder.values()),
        smoothed_losses=tuple(ladder.values())[: len(ladder) // 2],
        stop_reason=stop_reason,
        num_steps=num_steps,
    )


def without_contradiction(report, rate):
    """The same report with fields that agree; a rate of None is inconclusive."""
    trained = sum(sweep.num_steps for sweep in report.sweeps)
    rates_found = {} if rate is None else {"constant": rate, "cosine": 3 * rate}
    return dataclasses.replace(
        report,
        learning_rate=rates_found.get("constant"),
        learning_rate_range=None if rate is None else (rate, 2 * rate),
        learning_rates_by_schedule=rates_found,
        verdict=Verdict.INCONCLUSIVE if rate is None else Verdict.OK,
        source="none" if rate is None else "confirmed",
        steps_by_phase={**report.steps_by_phase, "sweeps": trained},
        config=dataclasses.replace(report.config, schedule="constant"),
    )


found_rates = st.none() | st.floats(1e-30, 1e30)
any_reports = st.builds(
    LRFinderReport,
    learning_rate=st.none(),
    learning_rate_range=st.none(),
    learning_rates_by_schedule=st.just({}),
    verdict=st.just(Verdict.INCONCLUSIVE),
    reasons=st.lists(names, max_size=3).map(tuple),
    source=st.just("none"),
    rule=names,
    suggestions=st.dictionaries(names, st.none() | finite, max_size=3),
    stop_reason=st.sampled_from(StopReason),
    sweeps=st.lists(
        st.builds(
            sweep_of,
            st.lists(st.tuples(rates, finite), min_size=1, max_size=5),
            st.sampled_from(StopReason),
            counts,
        ),
        min_size=1,
        max_size=2,
    ).map(tuple),
    probes=st.lists(candidates, max_size=2).map(tuple),
    candidates=st.lists(candidates, max_size=2).map(tuple),
    final_check=st.none() | candidates,
    untrained_loss=st.none() | finite,
    held_out=st.none() | held_out,
    steps_by_phase=st.dictionaries(names, counts, max_size=3),
    seconds=st.dictionaries(names, finite, max_size=3),
    environment=st.dictionaries(
        names, st.none() | names | counts | finite | st.booleans(), max_size=3
    ),
    config=configs(),
    previous=st.lists(
        st.builds(
            PreviousRate,
            learning_rate=st.none() | rates,
            verdict=st.sampled_from(Verdict),
            when=names,
            name=names,
        ),
        max_size=2,
    ).map(tuple),
)
reports = st.builds(without_contradiction, any_reports, found_rates)


@tried(60, 600)
@given(reports)
def test_any_report_survives_json(report):
    assert repr(LRFinderReport.from_json(report.to_json())) == repr(report)


@tried(60, 600)
@given(reports, st.data())
def test_no_report_is_read_from_a_part_of_its_file(report, data):
    text = report.to_json()
    cut = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(ValueError, match=r"learning-rate report"):
        LRFinderReport.from_json(text[:cut])
