"""How far a suggestion can be trusted, and why."""

import enum
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tfx_lr_finder.range_test.confirm import Candidate, beats, best_candidate
from tfx_lr_finder.range_test.shape import CurveShape
from tfx_lr_finder.range_test.sweep import StopReason, Sweep

FloatArray = npt.NDArray[np.float64]

MAX_SPREAD = 1.0
MAX_DISTANCE = 1.5
MIN_RUNGS = 8
MANY_PASSES = 2.0


class Verdict(enum.Enum):
    """How far a suggestion can be trusted; the value says what that means."""

    OK = "the learning rate can be used"
    LOW_CONFIDENCE = "the learning rate can be used, but read the reasons first"
    INCONCLUSIVE = "no learning rate could be found"


def no_answer(
    sweeps: Sequence[Sweep],
    shapes: Sequence[CurveShape],
    suggestion: float | None,
    candidates: Sequence[Candidate],
    untrained: FloatArray,
) -> list[str]:
    """Returns why there can be no suggestion at all; empty if there can.

    Args:
      sweeps: Each sweep, at least one.
      shapes: The shape of each sweep's curve.
      suggestion: What the rule reads off the sweeps together, or None.
      candidates: What was confirmed; empty where confirming is off.
      untrained: Held-out loss of each batch before training, `[b]`.
    """
    lowest = sweeps[0].learning_rates[0]
    num_finite = max(len(sweep.smoothed_losses) for sweep in sweeps)
    if num_finite <= 1:
        return [
            f"The loss was not a finite number at the lowest rate, {lowest:.3g}. Look "
            "for a fault in the model or the data (log of 0, division by 0, missing "
            "values), not in the rate."
        ]
    if num_finite < MIN_RUNGS:
        return [
            f"Only {num_finite} rates gave a finite loss that had not diverged, fewer "
            f"than the {MIN_RUNGS} that a curve needs. Lower min_lr."
        ]
    if candidates:
        if beats(best_candidate(candidates), untrained):
            return []
        return [
            "No rate that was tried brings the held-out loss below the untrained "
            f"model's {float(np.mean(untrained)):.4g} by more than its noise. "
            "Check the labels, the loss and the preprocessing; or raise max_steps."
        ]
    if not any(shape.falls for shape in shapes):
        return [
            "The loss does not fall beyond its noise at any rate. Check the labels and "
            "the loss, raise steps_per_rung against noise, or widen the range."
        ]
    if suggestion is None:
        return ["The rule finds no rate on these curves. Choose another rule."]
    return []


def doubts(
    sweeps: Sequence[Sweep],
    shapes: Sequence[CurveShape],
    readings: Sequence[float | None],
    candidates: Sequence[Candidate],
    chosen: float,
    curve_rate: float | None,
) -> list[str]:
    """Returns the reasons to read before the suggestion is used; empty if none.

    Args:
      sweeps: Each sweep.
      shapes: The shape of each sweep's curve.
      readings: The rule's suggestion for each sweep.
      candidates: What was confirmed; empty where confirming is off.
      chosen: The suggestion.
      curve_rate: What the rule reads off the sweeps together, or None.
    """
    reasons = [*_curve_doubts(sweeps, shapes), *_spread_doubts(readings)]
    lowest, highest = sweeps[0].learning_rates[0], sweeps[0].learning_rates[-1]
    if candidates:
        reasons += _candidate_doubts(candidates, curve_rate)
    elif not lowest * 1.001 < chosen < highest / 1.001:
        reasons.append(
            f"The suggestion {chosen:.3g} lies at an edge of the swept range. Widen "
            "min_lr or max_lr."
        )
    return reasons


def _curve_doubts(sweeps: Sequence[Sweep], shapes: Sequence[CurveShape]) -> list[str]:
    reasons = []
    num = len(sweeps)
    flat = sum(not shape.falls for shape in shapes)
    if flat:
        reasons.append(
            f"In {flat} of {num} sweeps the loss does not fall beyond its noise. Raise "
            "steps_per_rung or num_steps."
        )
    wavy = sum(shape.falls and shape.wavy for shape in shapes)
    if wavy:
        reasons.append(
            f"In {wavy} of {num} sweeps the loss goes up and down before its minimum, "
            "so it follows the order of the data rather than the rate. Shuffle the "
            "training data or raise steps_per_rung."
        )
    broken = sum(
        sweep.stop_reason is StopReason.NON_FINITE and not shape.rises_at_end
        for sweep, shape in zip(sweeps, shapes, strict=True)
    )
    if broken:
        reasons.append(
            f"In {broken} of {num} sweeps the loss stopped being finite without rising "
            "first, which points to a fault in the model, the data or the precision "
            "rather than to a large rate."
        )
    return reasons


def _spread_doubts(readings: Sequence[float | None]) -> list[str]:
    logs = [math.log10(rate) for rate in readings if rate is not None]
    if len(logs) < len(readings):
        missing = len(readings) - len(logs)
        return [f"The rule finds no rate on {missing} of {len(readings)} sweeps."]
    if max(logs) - min(logs) > MAX_SPREAD:
        return [
            f"The sweeps disagree by {max(logs) - min(logs):.1f} decades. Raise "
            "num_sweeps or steps_per_rung, or shuffle the training data."
        ]
    return []


def _candidate_doubts(
    candidates: Sequence[Candidate], curve_rate: float | None
) -> list[str]:
    reasons = []
    best = best_candidate(candidates)
    if best is max(candidates, key=lambda c: c.learning_rate) or best is min(
        candidates, key=lambda c: c.learning_rate
    ):
        reasons.append(
            f"The best rate tried, {best.learning_rate:.3g}, is at the edge of those "
            "tried: a better one may lie beyond. Raise max_steps."
        )
    if curve_rate is not None:
        distance = math.log10(best.learning_rate / curve_rate)
        if abs(distance) > MAX_DISTANCE:
            reasons.append(
                f"The confirmed rate lies {abs(distance):.1f} decades "
                f"{'above' if distance > 0 else 'below'} the one the curve suggests, "
                f"{curve_rate:.3g}. Look at the curve."
            )
    return reasons


def data_doubts(passes: float | None, train_steps: int | None, steps: int) -> list[str]:
    """Returns reasons that lie in the amount of data.

    Args:
      passes: Passes over the training data of one short training or sweep, the
        longest; None if unknown.
      train_steps: The Trainer's steps, or None.
      steps: Steps of that short training.
    """
    if passes is None or passes <= 1.0:
        return []
    reason = (
        f"The data set is small: {steps} steps pass over it {passes:.1f} times, so it "
        "was repeated. A short training does not show overfitting."
    )
    if train_steps is not None and train_steps > MANY_PASSES * steps:
        times = passes * train_steps / steps
        reason += (
            f" The Trainer will pass over it {times:.0f} times; the best rate for that "
            "may be far smaller. Compare with a tenth of this rate."
        )
    return [reason]
