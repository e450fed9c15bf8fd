import dataclasses
import math

import numpy as np
import pytest

from tfx_lr_finder.range_test.candidates import Candidate
from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.confirmation import Confirmation
from tfx_lr_finder.range_test.evidence import Evidence
from tfx_lr_finder.range_test.held_out import HeldOut
from tfx_lr_finder.range_test.sweep import StopReason, Sweep
from tfx_lr_finder.range_test.verdict import Verdict, judge

UNITS = 64
UNTRAINED = np.full(UNITS, 2.0)
FALLING = 2.0 + 0.05 * np.tile([1.0, -1.0], 50) - np.linspace(0.0, 1.5, 100) ** 2
HELD_OUT = HeldOut(unit="row", num_rows=64, num_units=64, num_independent=64.0)


def training(standard_errors, rate=1e-2, mismatch_zscore=9.0, train_loss=1.95):
    """A training with a held-out gain of this many standard errors."""
    wobble = 0.1 * np.tile([1.0, -1.0], UNITS // 2)
    error = np.std(wobble, ddof=1) / math.sqrt(UNITS)
    return Candidate(
        learning_rate=rate,
        eval_losses=tuple((UNTRAINED - standard_errors * error + wobble).tolist()),
        train_loss=train_loss,
        num_steps=50,
        mismatch_zscore=mismatch_zscore,
    )


def evidence(best=9.0, final_check=9.0, held_out=HELD_OUT, ends=(), **changes):
    """Evidence without any doubt, unless the arguments make one."""
    sweeps = []
    for end in (*ends, 100, 100, 100)[:3]:
        losses = FALLING.copy()
        losses[end:] = math.nan
        sweeps.append(
            Sweep(
                learning_rates=tuple(np.geomspace(1e-7, 10, 100)[: end + 1].tolist()),
                losses=tuple(losses[: end + 1].tolist()),
                smoothed_losses=tuple(losses[:end].tolist()),
                stop_reason=StopReason.COMPLETED
                if end == 100
                else StopReason.NON_FINITE,
                num_steps=100,
            )
        )
    candidates = (
        training(-1.0, 1e-3),
        training(best, 1e-2, **changes),
        training(-1.0, 1e-1),
    )
    check = None if final_check is None else training(final_check, 4e-3, **changes)
    return Evidence(
        sweeps=tuple(sweeps),
        readings=(1e-2, 1e-2, 1e-2),
        confirmation=Confirmation(
            untrained=UNTRAINED, candidates=candidates, final_check=check
        ),
        held_out=held_out,
        rate=4e-3,
        config=RangeTestConfig(num_rates=100),
        num_train_batches=None,
    )


def verdict(*arguments, **changes):
    found, reasons = judge(evidence(*arguments, **changes))
    assert bool(reasons) is (found is not Verdict.OK)
    return found, " ".join(reasons)


@pytest.mark.parametrize(
    ("best", "final_check", "expected"),
    [
        (9.0, 9.0, Verdict.OK),
        (9.0, None, Verdict.OK),
        (9.0, 3.0, Verdict.LOW_CONFIDENCE),
        (3.9, 3.9, Verdict.INCONCLUSIVE),
        (-1.0, -1.0, Verdict.INCONCLUSIVE),
    ],
)
def test_ok_needs_a_sure_gain_of_the_best_rate_and_of_the_suggested_rate(
    best, final_check, expected
):
    assert verdict(best, final_check)[0] is expected


@pytest.mark.parametrize(
    ("gain", "expected"),
    [(9.0, Verdict.LOW_CONFIDENCE), (3.9, Verdict.INCONCLUSIVE)],
)
@pytest.mark.parametrize("where", ["probes", "candidates"])
def test_a_sure_gain_of_another_training_gives_a_rate_but_never_ok(
    where, gain, expected
):
    found = evidence(3.5, 3.5)
    clear = training(gain, 1e-4)
    clear = dataclasses.replace(
        clear,
        # the rows gain a tenth, and differ by a tenth
        eval_losses=tuple(
            (0.9 * UNTRAINED + 0.1 * np.array(clear.eval_losses)).tolist()
        ),
    )
    trainings = (clear, *getattr(found.confirmation, where))
    confirmation = dataclasses.replace(found.confirmation, **{where: trainings})
    found = dataclasses.replace(found, confirmation=confirmation)
    assert judge(found)[0] is expected


def test_a_small_gain_does_not_vouch_for_a_rate_that_gains_less():
    found = evidence(0.5, 0.5)
    confirmation = dataclasses.replace(
        found.confirmation, probes=(training(9.0, 1e-4),)
    )
    found = dataclasses.replace(found, confirmation=confirmation)
    assert judge(found)[0] is Verdict.INCONCLUSIVE


def test_fewer_rows_need_a_clearer_gain():
    few = dataclasses.replace(HELD_OUT, num_independent=21.0)
    assert verdict(6.0, 6.0)[0] is Verdict.OK
    assert verdict(6.0, 6.0, held_out=few)[0] is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("unit", "independent", "phrase"),
    [
        (
            "row",
            8.0,
            "8 rows of independent evidence. The verdict OK needs at least 20 rows",
        ),
        (
            "batch",
            3.0,
            "3 batches of independent evidence. The verdict OK needs at least 8 batche",
        ),
        ("row", 1.0, "1 row of independent evidence"),
    ],
)
def test_too_few_rows_are_never_ok_and_the_reason_says_how_many_are_enough(
    unit, independent, phrase
):
    few = dataclasses.replace(HELD_OUT, unit=unit, num_independent=independent)
    found, reasons = verdict(1e3, 1e3, held_out=few)
    assert found is not Verdict.OK
    assert phrase in reasons


def test_a_gain_within_the_noise_says_how_many_rows_would_show_it():
    found, reasons = verdict(2.5, 2.5)
    assert found is Verdict.INCONCLUSIVE
    number = int(reasons.partition("About ")[2].split()[0])
    assert 64 * (4.0 / 2.5) ** 2 < number < 64 * (4.6 / 2.5) ** 2


def test_rows_that_are_also_training_rows_are_a_reason_with_their_share():
    overlapping = dataclasses.replace(HELD_OUT, overlap_fraction=0.31)
    found, reasons = verdict(held_out=overlapping)
    assert found is Verdict.LOW_CONFIDENCE
    assert "31% of the held-out rows are also training rows" in reasons


def test_held_out_rows_that_are_all_trained_on_give_no_rate():
    same = dataclasses.replace(HELD_OUT, overlap_fraction=1.0, num_independent=0.0)
    found, reasons = verdict(1e3, 1e3, held_out=same)
    assert found is Verdict.INCONCLUSIVE
    assert reasons.startswith("100% of the held-out rows are also training rows")


def test_rows_without_a_finite_loss_are_a_reason():
    broken = dataclasses.replace(HELD_OUT, num_not_finite=3)
    found, reasons = verdict(held_out=broken)
    assert found is Verdict.LOW_CONFIDENCE
    assert "The loss was not finite for 3 held-out rows" in reasons


@pytest.mark.parametrize(
    ("zscore", "expected"),
    [
        (9.0, Verdict.OK),
        (math.nan, Verdict.OK),  # unknown
        (0.3, Verdict.LOW_CONFIDENCE),
        (-9.0, Verdict.LOW_CONFIDENCE),
    ],
)
def test_predictions_that_suit_any_row_as_well_are_a_reason(zscore, expected):
    found, reasons = verdict(mismatch_zscore=zscore)
    assert found is expected
    assert ("nothing from the features" in reasons) is (found is not Verdict.OK)


@pytest.mark.parametrize(
    ("end", "expected"),
    [(95, Verdict.OK), (40, Verdict.LOW_CONFIDENCE)],
)
def test_a_loss_that_explodes_above_the_best_rate_is_no_fault(end, expected):
    found, reasons = verdict(ends=(end, end))
    assert found is expected
    assert ("In 2 of 3 sweeps the loss became non-finite" in reasons) is (end == 40)


def test_the_training_loss_is_no_evidence():
    judged = [verdict(3.0, 3.0, train_loss=loss)[0] for loss in (1.9, 1e-9)]
    assert judged == [Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE]
