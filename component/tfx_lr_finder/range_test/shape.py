"""What a loss curve looks like: does it fall, and in one piece?"""

import dataclasses

import numpy as np
import numpy.typing as npt

from tfx_lr_finder.range_test.smoothing import noise_scale
from tfx_lr_finder.range_test.sweep import Sweep

FloatArray = npt.NDArray[np.float64]

WINDOW_SHARE = 0.1
MIN_WINDOW = 3
SIGNIFICANT = 5.0
WAVY_SHARE = 0.5
MEDIAN_EFFICIENCY = 1.2533


@dataclasses.dataclass(frozen=True, kw_only=True)
class CurveShape:
    """The shape of one curve.

    Attributes:
      falls: Whether the loss falls from the start by more than its noise explains.
      wavy: Whether it rises, before its minimum, by more than half of that fall.
      rises_at_end: Whether it ends above its minimum by more than noise.
    """

    falls: bool
    wavy: bool
    rises_at_end: bool


def curve_shape(sweep: Sweep) -> CurveShape:
    """Returns the shape of a sweep's curve.

    Levels are medians over a tenth of the curve, so spikes and lucky batches do not
    count; a difference of two levels counts when it is five times its standard error,
    which flat noise reaches on fewer than one curve in 10,000.

    Args:
      sweep: The sweep; its finite losses are read.
    """
    losses = np.array(sweep.losses[: len(sweep.smoothed_losses)])
    window = max(MIN_WINDOW, round(WINDOW_SHARE * len(losses)))
    if len(losses) < 2 * window:
        return CurveShape(falls=False, wavy=False, rises_at_end=False)
    levels = np.median(np.lib.stride_tricks.sliding_window_view(losses, window), axis=1)
    noise = max(noise_scale(losses), _resolution(losses))
    error = noise * MEDIAN_EFFICIENCY * np.sqrt(2.0 / window)
    lowest = int(np.argmin(levels))
    fall = float(levels[0] - levels[lowest])
    before = levels[: lowest + 1]
    climbs = float(np.max(before - np.minimum.accumulate(before)))
    end = float(np.median(losses[-MIN_WINDOW:]))
    return CurveShape(
        falls=fall > SIGNIFICANT * error,
        wavy=climbs > max(WAVY_SHARE * fall, SIGNIFICANT * error),
        rises_at_end=end - float(levels[lowest]) > SIGNIFICANT * error,
    )


def _resolution(losses: FloatArray) -> float:
    """Returns what float32 arithmetic cannot tell apart at this height of loss."""
    return float(np.finfo(np.float32).eps * np.max(np.abs(losses)))
