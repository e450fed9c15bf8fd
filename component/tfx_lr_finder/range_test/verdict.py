"""How far a suggestion can be trusted, and why."""

import enum
import math

import numpy as np

from tfx_lr_finder.range_test.candidates import overfits
from tfx_lr_finder.range_test.curve_shape import curve_shape
from tfx_lr_finder.range_test.evidence import MIN_INDEPENDENT, Evidence
from tfx_lr_finder.range_test.held_out import MAX_OVERLAP
from tfx_lr_finder.range_test.ladder import ASSUMED_TRAIN_STEPS
from tfx_lr_finder.range_test.sweep import StopReason

MAX_SPREAD = 1.0
MIN_RATES = 8


class Verdict(enum.Enum):
    """How far a suggestion can be trusted; the value says what that means."""

    OK = "the learning rate can be used"
    LOW_CONFIDENCE = "the learning rate can be used, but read the reasons first"
    INCONCLUSIVE = "no learning rate could be found"


def judge(evidence: Evidence) -> tuple[Verdict, list[str]]:
    """Returns the verdict and its reasons, sentences that say what to do.

    INCONCLUSIVE if there is no rate, LOW_CONFIDENCE if there is a rate with a doubt,
    otherwise OK, without reasons.
    """
    reasons = _why_no_rate(evidence)
    if reasons:
        return Verdict.INCONCLUSIVE, reasons
    reasons = _curve_doubts(evidence)
    if evidence.confirmation.candidates:
        reasons += _candidate_doubts(evidence)
    else:
        reasons += _rule_doubts(evidence)
    return (Verdict.LOW_CONFIDENCE if reasons else Verdict.OK), reasons


def _why_no_rate(evidence: Evidence) -> list[str]:
    sweeps, confirmation = evidence.sweeps, evidence.confirmation
    if confirmation.candidates and evidence.learns():
        return []
    num_finite = max(len(sweep.smoothed_losses) for sweep in sweeps)
    if num_finite < MIN_RATES:
        return [
            f"The loss was finite at only {num_finite} learning rates, from "
            f"{sweeps[0].learning_rates[0]:.3g} up. A curve needs at least "
            f"{MIN_RATES}. Lower min_lr. If it is already low, look for a fault in "
            "the model or the data (log of 0, division by 0, missing values)."
        ]
    if confirmation.candidates:
        return [*_held_out_doubts(evidence), _why_nothing_gains(evidence)]
    if not evidence.shape.falls:
        return [
            "The loss does not fall by more than its noise at any rate. Check the "
            "labels and the loss, raise steps_per_rate to reduce the noise, or widen "
            "the range."
        ]
    if evidence.rate is None:
        return ["The rule finds no rate on these curves. Choose another rule."]
    return []


def _why_nothing_gains(evidence: Evidence) -> str:
    needed = evidence.num_needed()
    enough = ""
    if evidence.held_out is not None and needed is not None:
        enough = (
            f" About {_count(needed, evidence.held_out.unit)} would be enough to "
            "confirm the largest gain."
        )
    return (
        "No rate that was tried lowers the held-out loss below the untrained model's "
        f"{evidence.confirmation.untrained_loss:.4g} by more than its noise.{enough} "
        "Check the labels, the loss and the preprocessing, or raise max_steps."
    )


def _curve_doubts(evidence: Evidence) -> list[str]:
    sweeps, shape = evidence.sweeps, evidence.shape
    reasons = []
    if shape.falls and shape.wavy:
        reasons.append(
            "The loss rises and falls more than once, so it follows the order of the "
            "data rather than the rate. Shuffle the training data or raise "
            "steps_per_rate."
        )
    if shape.falls and shape.falls_at_once:
        reasons.append(
            "The loss already falls at the smallest rates, from "
            f"{sweeps[0].learning_rates[0]:.3g} up, so the curve has no flat start. "
            "Lower min_lr, or shuffle the training data."
        )
    num_rates = evidence.config.resolved_num_rates
    num_broken = sum(
        sweep.stop_reason is StopReason.NON_FINITE
        and not curve_shape([sweep], num_rates).rises_at_end
        and sweep.learning_rates[-1] <= _highest_sound_rate(evidence)
        for sweep in sweeps
    )
    if num_broken:
        reasons.append(
            f"In {num_broken} of {len(sweeps)} sweeps the loss became non-finite "
            "without rising first. That points to a fault in the model, the data or "
            "the precision rather than to a large rate."
        )
    return reasons


def _highest_sound_rate(evidence: Evidence) -> float:
    """Returns the rate up to which a loss that is not finite points to a fault.

    Above the best candidate's rate, a loss may explode in one step: `exp` does.
    """
    if not evidence.confirmation.candidates:
        return math.inf
    return evidence.best.learning_rate


def _rule_doubts(evidence: Evidence) -> list[str]:
    config, num_sweeps = evidence.config, len(evidence.readings)
    logs = [math.log10(rate) for rate in evidence.readings if rate is not None]
    rates = evidence.sweeps[0].learning_rates
    reasons = []
    if len(logs) < num_sweeps:
        num_missing = num_sweeps - len(logs)
        reasons.append(
            f"The rule finds no rate on {num_missing} of {num_sweeps} sweeps."
        )
    elif max(logs) - min(logs) > MAX_SPREAD:
        reasons.append(
            f"The sweeps disagree by {max(logs) - min(logs):.1f} decades. Raise "
            "num_sweeps or steps_per_rate, or shuffle the training data."
        )
    rate = evidence.rate or 0.0
    if not rates[0] * 1.001 < rate < rates[-1] / 1.001:
        reasons.append(
            f"The suggestion {rate:.3g} lies at an edge of the range of the sweep. "
            "Widen min_lr or max_lr."
        )
    num_steps = config.resolved_num_rates * config.steps_per_rate
    num_batches = evidence.num_train_batches
    if num_batches is not None and num_steps > num_batches:
        reasons.append(
            f"A sweep of {num_steps} steps is longer than one pass over the "
            f"{num_batches} training batches, so the loss also falls on repeated data. "
            "Lower num_rates, or leave confirm_steps unset to compare rates on "
            "held-out data."
        )
    return reasons


def _candidate_doubts(evidence: Evidence) -> list[str]:
    confirmation, best, rate = (
        evidence.confirmation,
        evidence.best,
        evidence.rate or 0.0,
    )
    trainings = (*confirmation.probes, *confirmation.candidates)
    tried = [item.learning_rate for item in trainings]
    reasons = []
    if not min(tried) < best.learning_rate < max(tried):
        reasons.append(
            f"The best rate tried, {best.learning_rate:.3g}, is at the edge of those "
            "tried, so a better one may lie beyond. Raise max_steps or widen the range."
        )
    diverged = [
        sweep.learning_rates[-1]
        for sweep in evidence.sweeps
        if sweep.stop_reason is not StopReason.COMPLETED
    ]
    final_check = confirmation.final_check
    sure = final_check and evidence.is_sure(final_check)
    most_diverged = 2 * len(diverged) > len(evidence.sweeps)
    if not sure and most_diverged and rate > np.median(diverged):
        reasons.append(
            f"The rate that the candidates favour, {rate:.3g}, lies above "
            f"{np.median(diverged):.3g}, where the sweeps diverged. Look at the curve."
        )
    return [
        *reasons,
        *_held_out_doubts(evidence),
        *_gain_doubts(evidence),
        *_data_doubts(evidence),
    ]


def _held_out_doubts(evidence: Evidence) -> list[str]:
    held_out = evidence.held_out
    if held_out is None:
        return []
    reasons = []
    if held_out.overlap_fraction > MAX_OVERLAP:
        reasons.append(
            f"{held_out.overlap_fraction:.0%} of the held-out rows are also training "
            "rows, and a gain on those is no evidence. Evaluate on rows that the model "
            "does not train on."
        )
    least = MIN_INDEPENDENT[held_out.unit]
    if 0 < held_out.num_independent < least:
        copies = ""
        if held_out.duplicate_fraction > MAX_OVERLAP:
            copies = f" {held_out.duplicate_fraction:.0%} of the rows are copies."
        independent = _count(round(held_out.num_independent), held_out.unit)
        reasons.append(
            f"The held-out data count as {independent} of independent evidence."
            f"{copies} The verdict OK needs at least "
            f"{_count(least, held_out.unit)}. Provide more held-out data"
            + ("." if held_out.unit == "row" else ", or in smaller batches.")
        )
    if held_out.num_not_finite:
        reasons.append(
            "The loss was not finite for "
            f"{_count(held_out.num_not_finite, 'held-out row')} before any training. "
            "They do not count. Look for missing or infinite values in the features "
            "and the labels."
        )
    return reasons


def _count(number: int, unit: str) -> str:
    plural = "es" if unit == "batch" else "s"
    return f"{number} {unit}{'' if number == 1 else plural}"


def _gain_doubts(evidence: Evidence) -> list[str]:
    check, best = evidence.confirmation.final_check, evidence.best
    reasons = []
    if not evidence.repeats():
        gain = f"The held-out gain at the best rate {best.learning_rate:.3g}"
        within = "is within the noise."
        if check is not None:
            gain += f" or at the suggested rate {check.learning_rate:.3g}"
            within = "is within the noise, so one does not confirm the other."
        reasons.append(
            f"{gain} {within} Raise max_steps for longer trainings, or provide more "
            "held-out data."
        )
    if not evidence.uses_features():
        reasons.append(
            "The held-out loss falls, but just as much if the predictions are shuffled "
            "among the rows of a batch. The model has learned nothing from the "
            "features so far. Check the labels, shuffle the evaluation data if they "
            "are sorted, or raise max_steps."
        )
    return reasons


def _data_doubts(evidence: Evidence) -> list[str]:
    best, num_batches = evidence.best, evidence.num_train_batches
    if not overfits(best, evidence.confirmation.untrained, num_batches):
        return []
    passes = ""
    if num_batches:
        train_steps = evidence.config.train_steps or ASSUMED_TRAIN_STEPS
        passes = (
            f", after {best.num_steps / num_batches:.1f} passes over the training "
            f"data; {train_steps} steps are {train_steps / num_batches:.0f} passes"
        )
    return [
        "The best candidate already overfits: its training loss is "
        f"{best.train_loss:.4g} and its held-out loss {best.eval_loss:.4g}{passes}. "
        "The suggested rate is lower for this reason. Stop the training early, or "
        "provide more data."
    ]
