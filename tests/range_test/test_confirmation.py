import math

import numpy as np
import pytest

from tests.range_test.quadratic import QuadraticLoop, RecordedLoop
from tfx_lr_finder.range_test.candidates import (
    Candidate,
    as_good_as_best,
    best_candidate,
    gain_zscore,
    optimum,
    overfits,
    train_candidate,
)
from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.confirmation import (
    bracket,
    confirm_rate,
    num_possible_trainings,
    probe,
)
from tfx_lr_finder.range_test.ladder import horizon_factor

UNTRAINED = np.array([1.0, 1.2, 0.8, 1.0])


def candidate(rate, loss):
    return result(rate, UNTRAINED - 1.0 + loss)


def result(rate, eval_losses, train_loss=0.0):
    return Candidate(
        learning_rate=rate,
        eval_losses=tuple(eval_losses),
        train_loss=train_loss,
        num_steps=10,
    )


def candidates(losses):
    return tuple(candidate(10.0 ** (i - 5), loss) for i, loss in enumerate(losses))


def test_a_candidate_is_scored_near_its_end_as_the_closed_form_says():
    loop = QuadraticLoop(2.0)
    found = train_candidate(loop, 0.01, 100)
    factor = 1.0 - 0.02
    expected = np.mean([factor ** (2 * steps) for steps in (80, 90, 100)])
    assert found.eval_loss == pytest.approx(expected)
    assert found.num_steps == loop.num_steps == 100


def test_a_candidate_with_a_non_finite_loss_stops_early_and_cannot_win():
    loop = QuadraticLoop(2.0, chunk=1000)
    found = train_candidate(loop, 1e200, 100)
    assert found.num_steps < 10
    assert found.eval_loss == math.inf
    assert gain_zscore(found, UNTRAINED) == 0.0
    assert best_candidate([found, candidate(1e-3, 0.9)]).learning_rate == 1e-3


def test_probes_find_the_decade_and_stop_soon_below_it():
    loop = QuadraticLoop(2.0)
    loop.begin_candidate()
    probes = probe(loop, RangeTestConfig(), loop.evaluate()[0])
    rates = [item.learning_rate for item in probes]
    assert best_candidate(probes).learning_rate == pytest.approx(10**-0.5)
    assert rates == sorted(rates)
    assert min(rates) >= 1e-3
    assert {item.num_steps for item in probes if item.eval_loss < 1e9} == {20}


def test_probes_go_down_to_min_lr_while_nothing_beats_the_untrained_model():
    loop = QuadraticLoop(2e7)
    loop.begin_candidate()
    probes = probe(loop, RangeTestConfig(), loop.evaluate()[0])
    assert probes[0].learning_rate == pytest.approx(10**-6.5)


@pytest.mark.parametrize("centre", [1e-4, 1e-2, 0.3])
def test_the_bracket_grows_until_the_best_rate_is_inside(centre):
    loop = QuadraticLoop(2.0)
    tried = bracket(loop, [candidate(centre, 0.5)], 50, 10_000)
    best = best_candidate(tried)
    assert best not in (tried[0], tried[-1])
    assert 0.1 <= best.learning_rate < 1.0


def test_the_bracket_never_exceeds_its_steps():
    loop = QuadraticLoop(2.0)
    loop.begin_candidate()
    tried = bracket(loop, [candidate(1e-6, 0.5)], 50, 260)
    assert loop.num_steps == 250
    assert len(tried) == 5


def test_all_candidates_start_from_the_same_weights():
    loop = QuadraticLoop(2.0)
    again = QuadraticLoop(2.0)
    tried = bracket(loop, [candidate(0.1, 0.5)], 20, 1000)
    for item in tried:
        assert train_candidate(again, item.learning_rate, 20) == item


def test_probes_as_long_as_the_candidates_are_not_trained_again():
    loop = QuadraticLoop(2.0)
    probes = [train_candidate(loop, rate, 20) for rate in (0.01, 0.1, 1.0)]
    loop.num_steps = 0
    tried = bracket(loop, probes, 20, 1000)
    assert [item for item in tried if item in probes] == probes
    assert loop.num_steps == 20 * (len(tried) - 3)


@pytest.mark.parametrize("place", [-0.24, 0.0, 0.13])
def test_the_optimum_of_a_parabola_in_log_rate_is_exact(place):
    logs = np.array([-3.0, -2.5, -2.0])
    tried = [candidate(10.0**x, 0.1 + (x + 2.5 - place) ** 2) for x in logs]
    assert math.log10(optimum(tried)) == pytest.approx(-2.5 + place)


def test_the_optimum_of_probes_at_uneven_distances_is_exact():
    logs = np.array([-4.0, -3.0, -2.7, -2.0])
    tried = [candidate(10.0**x, (x + 2.9) ** 2) for x in logs]
    assert math.log10(optimum(tried)) == pytest.approx(-2.9)


@pytest.mark.parametrize(
    "losses",
    [[0.1, 0.2, 0.3], [0.3, 0.2, 0.1], [0.2, 0.1, math.inf], [0.1], [0.1, 0.1, 0.1]],
    ids=["lowest", "highest", "a neighbor diverged", "one", "all equal"],
)
def test_the_optimum_is_the_best_candidate_without_two_worse_neighbors(losses):
    tried = candidates(losses)
    assert optimum(tried) == best_candidate(tried).learning_rate


def test_one_very_bad_neighbor_moves_the_optimum_by_at_most_half_the_way():
    tried = candidates([0.11, 0.1, 1e30])
    assert math.log10(optimum(tried)) == pytest.approx(-4.5)


def test_the_range_holds_the_rates_about_as_good_as_the_best():
    tried = candidates([0.5, 0.034, 0.02, 0.0, 0.03, 0.9])
    assert as_good_as_best(tried, UNTRAINED) == (
        tried[1].learning_rate,
        tried[4].learning_rate,
    )


def test_a_rate_beyond_a_worse_one_is_outside_the_range():
    tried = candidates([0.01, 0.5, 0.0, 0.9, 0.01])
    assert as_good_as_best(tried, UNTRAINED) == (tried[2].learning_rate,) * 2


def test_the_smaller_rate_wins_a_tie():
    assert best_candidate(candidates([0.3, 0.3, 0.3])).learning_rate == 1e-5


def test_the_gain_is_measured_in_standard_errors():
    untrained = np.array([1.0, 1.0, 1.0, 1.0])
    better = result(1.0, [0.0, 0.2, 0.0, 0.2])
    error = np.std([1.0, 0.8, 1.0, 0.8], ddof=1) / 2
    assert gain_zscore(better, untrained) == pytest.approx(0.9 / error)


@pytest.mark.parametrize("losses", [[0.5] * 4, [math.nan], [0.1, math.inf, 0.2, 0.1]])
def test_equal_gains_one_unit_and_broken_losses_are_no_evidence(losses):
    assert gain_zscore(result(1.0, losses), np.ones(len(losses))) == 0.0


def test_the_correction_covers_every_training_that_could_run():
    config = RangeTestConfig(min_lr=1e-7, max_lr=10.0)
    probes, candidates, checks = 9, 17, 17
    assert num_possible_trainings(config) >= probes + candidates + checks


@pytest.mark.parametrize(
    ("train_loss", "num_batches", "expected"),
    [
        (0.5, 5, False),  # no gap
        (0.2, 5, False),  # a gap of 0.3 after a gain of 0.5
        (-0.1, 5, True),  # a gap of 0.6, two passes
        (-0.1, 20, False),  # half a pass
        (-0.1, None, True),  # unknown passes
    ],
)
def test_overfitting_is_a_gap_after_more_than_one_pass(
    train_loss, num_batches, expected
):
    trained = result(0.1, UNTRAINED - 0.5, train_loss)
    assert overfits(trained, UNTRAINED, num_batches) is expected


def test_candidates_start_from_a_previous_rate_that_does_better_than_the_probes():
    """0.55 solves this problem in one step; no probe or half decade reaches it."""
    config = RangeTestConfig(confirm_steps=60)
    previous = 0.55 * horizon_factor(60, None)
    without = confirm_rate(QuadraticLoop(1 / 0.55), config, 400, None)
    tried = confirm_rate(QuadraticLoop(1 / 0.55), config, 400, None, previous)
    expected = pytest.approx(0.55)
    assert expected not in [item.learning_rate for item in without.candidates]
    assert expected in [item.learning_rate for item in tried.candidates]


@pytest.mark.parametrize(
    ("num_batches", "safer"), [(None, False), (120, False), (119, True)]
)
def test_candidates_of_more_than_half_a_pass_take_the_lowest_good_rate(
    num_batches, safer
):
    """Between 0.1 and 1 this problem converges in a few steps at every rate."""
    config = RangeTestConfig(confirm_steps=60, train_steps=1000)
    found = confirm_rate(QuadraticLoop(1.0), config, 600, num_batches)
    low, high = found.rate_range
    assert low < high
    assert (found.rate == low) is safer


def test_without_a_finite_probe_there_are_no_candidates():
    def diverging():
        return np.full(4, np.nan)

    loop = RecordedLoop([np.ones(100)], diverging)
    found = confirm_rate(loop, RangeTestConfig(), 400, None)
    assert found.candidates == found.probes != ()
    assert found.rate is None
    assert found.steps_by_phase["candidates"] == 0
