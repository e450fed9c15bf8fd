"""How far a suggestion can be trusted, and why."""

import enum
import math

import numpy as np

from tfx_lr_finder.range_test.candidates import (
    SIGNIFICANT,
    beats,
    best_candidate,
    gain,
    overfits,
)
from tfx_lr_finder.range_test.curve_shape import curve_shape
from tfx_lr_finder.range_test.evidence import Evidence
from tfx_lr_finder.range_test.ladder import ASSUMED_TRAIN_STEPS
from tfx_lr_finder.range_test.smoothing import noise_scale
from tfx_lr_finder.range_test.sweep import StopReason

MAX_SPREAD = 1.0
MIN_RATES = 8
MIN_SIGNS = 3


class Verdict(enum.Enum):
    """How far a suggestion can be trusted; the value says what that means."""

    OK = "the learning rate can be used"
    LOW_CONFIDENCE = "the learning rate can be used, but read the reasons first"
    INCONCLUSIVE = "no learning rate could be found"


def judge(evidence: Evidence) -> tuple[Verdict, list[str]]:
    """Returns the verdict and its reasons, sentences a person can act on.

    INCONCLUSIVE where there is no answer at all, LOW_CONFIDENCE where there is one
    with a doubt, OK (with no reasons) otherwise.
    """
    reasons = _no_answer(evidence)
    if reasons:
        return Verdict.INCONCLUSIVE, reasons
    confirmed = bool(evidence.candidates)
    reasons = _curve_doubts(evidence)
    reasons += _candidate_doubts(evidence) if confirmed else _rule_doubts(evidence)
    return (Verdict.LOW_CONFIDENCE if reasons else Verdict.OK), reasons


def _no_answer(evidence: Evidence) -> list[str]:
    sweeps = evidence.sweeps
    if evidence.candidates and evidence.learns():
        return []
    num_finite = max(len(sweep.smoothed_losses) for sweep in sweeps)
    if num_finite < MIN_RATES:
        return [
            f"The loss was finite and not diverged at {num_finite} learning rates from "
            f"{sweeps[0].learning_rates[0]:.3g} on, fewer than the {MIN_RATES} that a "
            "curve needs. Lower min_lr; if it is low already, look for a fault in the "
            "model or the data (log of 0, division by 0, missing values)."
        ]
    if evidence.candidates:
        return [
            "No rate that was tried brings the held-out loss below the untrained "
            f"model's {float(np.mean(evidence.untrained)):.4g} by more than its noise. "
            "Check the labels, the loss and the preprocessing; or raise max_steps."
        ]
    if not evidence.shape.falls:
        return [
            "The loss does not fall beyond its noise at any rate. Check the labels and "
            "the loss, raise steps_per_rate against noise, or widen the range."
        ]
    if evidence.rate is None:
        return ["The rule finds no rate on these curves. Choose another rule."]
    return []


def _curve_doubts(evidence: Evidence) -> list[str]:
    sweeps = evidence.sweeps
    reasons = []
    shape = evidence.shape
    if shape.falls and shape.wavy:
        reasons.append(
            "The loss goes up and down more than once, so it follows the order of the "
            "data rather than the rate. Shuffle the training data or raise "
            "steps_per_rate."
        )
    if shape.falls and shape.falls_at_once:
        reasons.append(
            "The loss falls already at the smallest rates, from "
            f"{sweeps[0].learning_rates[0]:.3g} on, so the curve has no level start. "
            "Lower min_lr, or shuffle the training data."
        )
    broken = sum(
        sweep.stop_reason is StopReason.NON_FINITE
        and not curve_shape([sweep], evidence.num_rates).rises_at_end
        for sweep in sweeps
    )
    if broken:
        reasons.append(
            f"In {broken} of {len(sweeps)} sweeps the loss stopped being finite "
            "without rising first, which points to a fault in the model, the data or "
            "the precision rather than to a large rate."
        )
    return reasons


def _rule_doubts(evidence: Evidence) -> list[str]:
    logs = [math.log10(rate) for rate in evidence.readings if rate is not None]
    num = len(evidence.readings)
    rates = evidence.sweeps[0].learning_rates
    reasons = []
    if len(logs) < num:
        reasons.append(f"The rule finds no rate on {num - len(logs)} of {num} sweeps.")
    elif max(logs) - min(logs) > MAX_SPREAD:
        reasons.append(
            f"The sweeps disagree by {max(logs) - min(logs):.1f} decades. Raise "
            "num_sweeps or steps_per_rate, or shuffle the training data."
        )
    rate = evidence.rate or 0.0
    if not rates[0] * 1.001 < rate < rates[-1] / 1.001:
        reasons.append(
            f"The suggestion {rate:.3g} lies at an edge of the swept range. Widen "
            "min_lr or max_lr."
        )
    steps, batches = evidence.steps_per_sweep, evidence.num_train_batches
    if batches is not None and steps > batches:
        reasons.append(
            f"A sweep of {steps} steps is longer than one pass over the {batches} "
            "training batches, so the loss falls on data seen before. Lower num_rates, "
            "or leave confirm_steps unset, which compares rates on held-out data."
        )
    return reasons


def _candidate_doubts(evidence: Evidence) -> list[str]:
    candidates, untrained = evidence.candidates, evidence.untrained
    best = best_candidate(candidates)
    tried = [item.learning_rate for item in (*evidence.probes, *candidates)]
    reasons = []
    if not min(tried) < best.learning_rate < max(tried):
        reasons.append(
            f"The best of the rates tried, {best.learning_rate:.3g}, is at the edge of "
            "those tried: a better one may lie beyond. Raise max_steps or widen the "
            "range."
        )
    diverged = [
        sweep.learning_rates[-1]
        for sweep in evidence.sweeps
        if sweep.stop_reason is not StopReason.COMPLETED
    ]
    rate = evidence.rate or 0.0
    sure = evidence.checked and beats(evidence.checked, untrained)
    most = 2 * len(diverged) > len(evidence.sweeps)
    if not sure and most and rate > np.median(diverged):
        reasons.append(
            f"The rate that the candidates favour, {rate:.3g}, lies above "
            f"{np.median(diverged):.3g}, where the sweeps diverged. Look at the curve."
        )
    if len(untrained) < 2 and not _exceeds_batch_noise(evidence):
        reasons.append(
            "The candidates were compared on one held-out batch, and the gain is no "
            "larger than the noise of training batches. Give more held-out data or a "
            "smaller evaluation batch."
        )
    return [
        *reasons,
        *_sign_doubts(evidence),
        *_data_doubts(evidence),
        *_check_doubts(evidence),
    ]


def _sign_doubts(evidence: Evidence) -> list[str]:
    signs = evidence.signs()
    missing = [name for name, there in signs.items() if not there]
    if len(signs) - len(missing) >= MIN_SIGNS:
        return []
    return [
        f"Of {len(signs)} signs that the model learns, these are missing or within the "
        f"noise: {'; '.join(missing)}. Raise max_steps, num_eval_batches or "
        "steps_per_rate, and check the labels."
    ]


def _exceeds_batch_noise(evidence: Evidence) -> bool:
    """Returns whether the gain exceeds how far two training batches differ."""
    finite = [sweep.losses[: len(sweep.smoothed_losses)] for sweep in evidence.sweeps]
    noise = np.median([noise_scale(np.array(losses)) for losses in finite])
    best = best_candidate(evidence.candidates)
    fall = float(np.mean(evidence.untrained)) - best.eval_loss
    return fall > SIGNIFICANT * math.sqrt(2.0) * float(noise)


def _data_doubts(evidence: Evidence) -> list[str]:
    best = best_candidate(evidence.candidates)
    if not overfits(best, evidence.untrained, evidence.num_train_batches):
        return []
    passes = ""
    if evidence.num_train_batches:
        later = evidence.train_steps or ASSUMED_TRAIN_STEPS
        passes = (
            f", after {best.num_steps / evidence.num_train_batches:.1f} passes over "
            f"the training data; {later} steps make "
            f"{later / evidence.num_train_batches:.0f}"
        )
    return [
        "The best candidate overfits already: its training loss is "
        f"{best.train_loss:.4g} and its held-out loss {best.eval_loss:.4g}{passes}. "
        "The rate was lowered for that; stop the training early, or give more data."
    ]


def _check_doubts(evidence: Evidence) -> list[str]:
    checked = evidence.checked
    if checked is None or gain(checked, evidence.untrained) > 0.0:
        return []
    return [
        f"A training of {checked.num_steps} steps at the suggested rate itself, "
        f"{checked.learning_rate:.3g}, does not beat the untrained model. "
        "Raise max_steps to check it for longer."
    ]
