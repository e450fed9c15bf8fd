import math

import numpy as np
import pytest

from tfx_lr_finder.range_test.candidates import Candidate
from tfx_lr_finder.range_test.evidence import Evidence
from tfx_lr_finder.range_test.sweep import StopReason, Sweep

UNTRAINED = np.full(16, 2.0)
FLAT = 2.0 + 0.1 * np.tile([1.0, -1.0], 50)
FALLING = FLAT - np.linspace(0.0, 1.5, 100)


def training(standard_errors, train_loss=2.0, rate=1e-2):
    """A training that gained so many standard errors on the held-out batches."""
    wobble = 0.1 * np.tile([1.0, -1.0], 8)
    error = np.std(wobble, ddof=1) / 4.0
    return Candidate(
        learning_rate=rate,
        eval_losses=tuple((UNTRAINED - standard_errors * error + wobble).tolist()),
        train_loss=train_loss,
        num_steps=50,
    )


def evidence(losses, best, checked):
    sweep = Sweep(
        learning_rates=tuple(np.geomspace(1e-7, 10, 100).tolist()),
        losses=tuple(losses.tolist()),
        smoothed_losses=tuple(losses.tolist()),
        stop_reason=StopReason.COMPLETED,
        num_steps=100,
    )
    return Evidence(
        sweeps=(sweep, sweep, sweep),
        readings=(1e-2, 1e-2, 1e-2),
        probes=(),
        candidates=(best,),
        untrained=UNTRAINED,
        checked=checked,
        rate=1e-2,
        num_rates=100,
        steps_per_sweep=100,
        num_train_batches=None,
        train_steps=None,
    )


@pytest.mark.parametrize(
    ("best", "checked", "learns"),
    [
        (6.0, 0.0, True),
        (1.0, 6.0, True),
        (4.0, 4.0, True),
        (4.0, 2.0, False),
        (2.0, 4.0, False),
        (-1.0, 6.0, False),
    ],
)
def test_a_model_learns_by_five_standard_errors_or_twice_by_three(
    best, checked, learns
):
    judged = evidence(FLAT, training(best), training(checked))
    assert judged.learns() is learns


@pytest.mark.parametrize(
    ("losses", "best", "checked", "train_loss", "signs"),
    [
        (FALLING, 6.0, 6.0, 0.5, (True, True, True, True)),
        (FLAT, 6.0, 6.0, 0.5, (False, True, True, True)),
        (FALLING, 4.0, 6.0, 0.5, (True, False, True, True)),
        (FALLING, 6.0, 4.0, 0.5, (True, True, False, True)),
        (FALLING, 6.0, 6.0, 1.95, (True, True, True, False)),
        (FALLING, 6.0, 6.0, math.nan, (True, True, True, False)),
    ],
)
def test_each_sign_stands_for_itself(losses, best, checked, train_loss, signs):
    judged = evidence(losses, training(best, train_loss), training(checked))
    assert tuple(judged.signs().values()) == signs


def test_no_check_is_a_missing_sign():
    assert list(evidence(FALLING, training(6.0, 0.5), None).signs().values()) == [
        True,
        True,
        False,
        True,
    ]
