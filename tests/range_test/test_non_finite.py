import dataclasses
import math

import numpy as np

from tests.range_test.quadratic import QuadraticLoop
from tfx_lr_finder.range_test.candidates import Candidate
from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.finder import run_range_test
from tfx_lr_finder.range_test.non_finite import count_non_finite, data_doubts
from tfx_lr_finder.range_test.sweep import StopReason, Sweep
from tfx_lr_finder.range_test.verdict import Verdict


def sweep(rates, losses):
    return Sweep(
        learning_rates=rates,
        losses=losses,
        smoothed_losses=tuple(loss for loss in losses if math.isfinite(loss)),
        stop_reason=StopReason.COMPLETED,
        num_steps=len(rates),
    )


def training(rate, *eval_losses, num_steps=20, train_loss=1.0):
    return Candidate(
        learning_rate=rate,
        eval_losses=eval_losses,
        train_loss=train_loss,
        num_steps=num_steps,
    )


def broken(rate, num_steps):
    return training(rate, math.nan, num_steps=num_steps, train_loss=math.nan)


FINE = sweep((1e-4, 1e-2, 1.0), (3.0, 2.0, 4.0))


def test_finite_losses_are_not_mentioned():
    found = count_non_finite([FINE], [training(0.1, 1.0, 2.0)])
    assert str(found) == ""
    assert data_doubts(found) == []


def test_a_loss_that_large_rates_make_infinite_is_counted_and_not_blamed_on_the_data():
    exploded = sweep((1e-2, 1.0, 3.0), (2.0, 4.0, math.inf))
    trainings = [training(0.1, 1.0), broken(1.0, 7), broken(10.0, 3)]
    found = count_non_finite([FINE, exploded], trainings)
    assert str(found) == "3 training batches at learning rates from 1 up"
    assert data_doubts(found) == []


def test_a_sweep_that_breaks_at_a_rate_far_below_others_points_to_the_data():
    found = count_non_finite([FINE, sweep((1e-4, 1e-3), (3.0, math.nan))], [])
    assert str(found) == "1 training batch at learning rates from 0.001 up"
    (reason,) = data_doubts(found)
    assert str(found) in reason


def test_trainings_at_all_rates_that_end_at_the_same_batch_point_to_the_data():
    rates = (0.001, 0.01, 0.1)
    found = count_non_finite([FINE], [broken(rate, 31) for rate in rates])
    assert found.points_to_data
    longer = training(0.03, 1.0, num_steps=40)
    found = count_non_finite([FINE], [*(broken(rate, 31) for rate in rates), longer])
    assert not found.points_to_data


def test_a_held_out_batch_without_any_finite_loss_points_to_the_data():
    trainings = [
        training(0.1, 1.0, math.nan, math.nan),
        training(1.0, 1.0, 2.0, math.nan),
    ]
    found = count_non_finite([FINE], trainings)
    assert str(found) == "1 of 3 held-out losses"
    assert found.points_to_data


class HeldOutFault(QuadraticLoop):
    """One held-out batch has a missing value."""

    def evaluate(self):
        return np.append(super().evaluate(), [[np.nan]], axis=1)


def test_a_fault_in_the_data_is_the_first_reason_of_the_verdict():
    report = run_range_test(HeldOutFault(2.0), RangeTestConfig(), lambda: 0.0)
    assert report.verdict is not Verdict.OK
    assert report.reasons[0].startswith("The loss was not finite for 1 of ")
    assert report.reasons[0] == data_doubts(report.non_finite)[0]


def test_the_quadratic_diverges_without_a_doubt_about_its_data():
    report = run_range_test(QuadraticLoop(2.0), RangeTestConfig(), lambda: 0.0)
    assert not report.non_finite.points_to_data
    assert report == dataclasses.replace(report)
