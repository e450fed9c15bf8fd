import math

import numpy as np
import pytest

from tfx_lr_finder.range_test.candidates import Candidate
from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.confirmation import Confirmation
from tfx_lr_finder.range_test.evidence import Evidence
from tfx_lr_finder.range_test.sweep import StopReason, Sweep

UNTRAINED = np.full(16, 2.0)
FLAT = 2.0 + 0.1 * np.tile([1.0, -1.0], 50)
FALLING = FLAT - np.linspace(0.0, 1.5, 100)


def training(standard_errors, train_loss=2.0, rate=1e-2):
    """A training with a held-out gain of this many standard errors."""
    wobble = 0.1 * np.tile([1.0, -1.0], 8)
    error = np.std(wobble, ddof=1) / 4.0
    return Candidate(
        learning_rate=rate,
        eval_losses=tuple((UNTRAINED - standard_errors * error + wobble).tolist()),
        train_loss=train_loss,
        num_steps=50,
    )


def evidence(losses, best, final_check):
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
        confirmation=Confirmation(
            untrained=UNTRAINED, candidates=(best,), final_check=final_check
        ),
        rate=1e-2,
        config=RangeTestConfig(num_rates=100),
        num_train_batches=None,
    )


@pytest.mark.parametrize(
    ("best", "final_check", "learns"),
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
    best, final_check, learns
):
    judged = evidence(FLAT, training(best), training(final_check))
    assert judged.learns() is learns


@pytest.mark.parametrize(
    ("losses", "best", "final_check", "train_loss", "signs"),
    [
        (FALLING, 6.0, 6.0, 0.5, (True, True, True, True)),
        (FLAT, 6.0, 6.0, 0.5, (False, True, True, True)),
        (FALLING, 4.0, 6.0, 0.5, (True, False, True, True)),
        (FALLING, 6.0, 4.0, 0.5, (True, True, False, True)),
        (FALLING, 6.0, 6.0, 1.95, (True, True, True, False)),
        (FALLING, 6.0, 6.0, math.nan, (True, True, True, False)),
    ],
)
def test_each_sign_depends_on_its_own_evidence(
    losses, best, final_check, train_loss, signs
):
    judged = evidence(losses, training(best, train_loss), training(final_check))
    assert tuple(judged.signs().values()) == signs


def test_without_a_final_check_its_sign_is_missing():
    assert list(evidence(FALLING, training(6.0, 0.5), None).signs().values()) == [
        True,
        True,
        False,
        True,
    ]
