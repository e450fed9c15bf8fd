"""The limits of the loss axes of a picture."""

import math
from collections.abc import Iterable
from typing import TypeAlias

import numpy as np

from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.range_test.values import FloatArray
from tfx_lr_finder.views.selection import trainings

Limits: TypeAlias = tuple[float, float]

SWEEP_MARGIN = 0.08
SWEEP_HEADROOM = 0.5
SWEEP_FOOTROOM = 1.0
HELD_OUT_MARGIN = 0.12
HELD_OUT_HEADROOM = 0.6


def sweep_limits(report: LRFinderReport) -> Limits | None:
    """Returns the y limits of the sweeps, or None if no loss is finite.

    The upper limit covers the curves up to their explosion, and 90 % of the points and
    of the curves in their first third. The lower limit covers every point of the
    curves' finite part, but at most one height of the curves below them.

    Args:
      report: The report to draw.
    """
    curves = [_finite(sweep.smoothed_losses) for sweep in report.sweeps]
    curves = [curve for curve in curves if curve.size]
    if not curves:
        return None
    starts = [curve[: max(1, curve.size // 3)] for curve in curves]
    points = [_finite(s.losses[: len(s.smoothed_losses)]) for s in report.sweeps]
    early = [
        _finite(sweep.losses[: max(1, len(sweep.smoothed_losses) // 3)])
        for sweep in report.sweeps
    ]
    usual = float(np.quantile(np.concatenate([*early, *starts]), 0.9))
    floor = min(float(curve.min()) for curve in curves)
    start = max(usual, *(float(curve.max()) for curve in starts))
    followed = start + SWEEP_HEADROOM * (start - floor)
    top = max(start, min(max(float(curve.max()) for curve in curves), followed))
    lowest = min(floor, *(float(p.min()) for p in points if p.size))
    low = max(lowest, floor - SWEEP_FOOTROOM * (top - floor))
    return _with_margin(low, top, SWEEP_MARGIN)


def held_out_limits(report: LRFinderReport) -> Limits | None:
    """Returns y limits that show the best trainings and the untrained model.

    Args:
      report: The report to draw.

    Returns:
      The lower and the upper limit, or None if no loss is finite.
    """
    trained = [item.eval_loss for _, item in trainings(report)]
    losses = [loss for loss in trained if math.isfinite(loss)]
    untrained = report.untrained_loss
    if untrained is not None and math.isfinite(untrained):
        losses.append(untrained)
    else:
        untrained = max(losses, default=None)
    if untrained is None:
        return None
    low, high = min(losses), max(losses)
    top = min(high, untrained + HELD_OUT_HEADROOM * (untrained - low))
    return _with_margin(low, top, HELD_OUT_MARGIN)


def union(first: Limits | None, second: Limits | None) -> Limits | None:
    """Returns the smallest limits that include both; None if there are none."""
    if first is None or second is None:
        return first or second
    return min(first[0], second[0]), max(first[1], second[1])


def _with_margin(low: float, top: float, fraction: float) -> Limits:
    margin = fraction * (top - low) or fraction * abs(top) or fraction
    return low - margin, top + margin


def _finite(values: Iterable[float]) -> FloatArray:
    """Returns the finite values, float64 `[<= n]`."""
    array = np.fromiter(values, dtype=np.float64)
    finite: FloatArray = array[np.isfinite(array)]
    return finite
