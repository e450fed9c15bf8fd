import numpy as np
import pytest

from tfx_lr_finder.range_test.rules import RULES

RATES = np.geomspace(1e-7, 10.0, 161)
LOGS = np.log10(RATES)


def logistic_drop(centre, width=0.3):
    return 1.0 / (1.0 + np.exp((LOGS - np.log10(centre)) / width))


def u_curve(centre=1e-3):
    """Falls around the centre and explodes two decades above it."""
    return logistic_drop(centre) + 10.0 ** (3.0 * (LOGS - np.log10(centre) - 2.0))


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_rule_suggests_a_rate_inside_a_clean_curve(name):
    rate = RULES[name](RATES, u_curve())
    assert 1e-5 < rate < 3e-2


@pytest.mark.parametrize("name", sorted(RULES))
def test_shift_and_scale_of_the_loss_change_nothing(name):
    rule = RULES[name]
    assert rule(RATES, u_curve()) == rule(RATES, 32.0 * u_curve() - 512.0)


@pytest.mark.parametrize("name", sorted(RULES))
def test_scaling_the_rates_scales_the_suggestion(name):
    rule = RULES[name]
    assert rule(RATES * 8.0, u_curve()) == pytest.approx(8.0 * rule(RATES, u_curve()))


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rising_curve_has_no_suggestion(name):
    assert RULES[name](RATES, 1.0 + LOGS - LOGS[0]) is None


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_constant_curve_has_no_suggestion(name):
    assert RULES[name](RATES, np.ones(len(RATES))) is None


@pytest.mark.parametrize("centre", [1e-5, 1e-3, 3e-2])
def test_steepest_finds_the_centre_of_a_logistic_drop(centre):
    rate = RULES["steepest"](RATES, logistic_drop(centre))
    assert abs(np.log10(rate / centre)) <= 0.5 * (LOGS[1] - LOGS[0]) + 1e-9


def test_noise_does_not_pull_steepest_to_the_smallest_rates():
    rng = np.random.default_rng(0)
    found = []
    for _ in range(100):
        losses = logistic_drop(1e-3) + rng.normal(0, 0.02, len(RATES))
        found.append(RULES["steepest"](RATES, losses))
    assert abs(np.median(np.log10(found)) + 3.0) < 0.15


def test_minimum_is_a_tenth_of_the_rate_with_the_lowest_loss():
    losses = (LOGS + 2.0) ** 2
    assert RULES["minimum"](RATES, losses) == pytest.approx(1e-3, rel=0.06)


def test_largest_drop_takes_the_rate_after_the_largest_fall():
    losses = np.array([5.0, 4.9, 4.0, 1.0, 0.9, 3.0])
    rates = np.geomspace(1e-5, 1.0, 6)
    assert RULES["largest_drop"](rates, losses) == rates[3]


def test_valley_does_not_start_in_the_noise_of_the_plateau():
    rng = np.random.default_rng(0)
    found = []
    for _ in range(100):
        losses = logistic_drop(1e-2, 0.2) + rng.normal(0, 0.05, len(RATES))
        found.append(RULES["valley"](RATES, losses))
    assert np.quantile(np.log10(found), 0.05) > -3.0


@pytest.mark.parametrize("num_rates", [30, 100, 200, 400])
def test_valley_reads_about_the_same_rate_for_any_number_of_rates(num_rates):
    rates = np.geomspace(1e-7, 10.0, num_rates)
    rng = np.random.default_rng(0)
    found = []
    for _ in range(50):
        fall = 1.0 / (1.0 + (rates / 1e-2) ** 2.0)
        rise = (rates / 0.5) ** 2.0
        losses = (fall + rise + rng.normal(0, 0.03, num_rates))[rates < 1.0]
        found.append(RULES["valley"](rates[rates < 1.0], losses))
    assert -2.7 < np.median(np.log10(found)) < -1.0


@pytest.mark.parametrize("name", sorted(RULES))
@pytest.mark.parametrize("height", [-1.0, 7.0, 1000.0])
def test_the_loss_level_does_not_decide_between_equal_slopes(name, height):
    ladder = np.geomspace(1e-7, 10.0, 4)
    losses = np.array([25.0, 25.0, 0.0, 0.0])
    assert RULES[name](ladder, losses + height) == RULES[name](ladder, losses)
