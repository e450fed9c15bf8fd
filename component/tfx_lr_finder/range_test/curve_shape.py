"""What the loss curves look like: do they fall, and in one piece?"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tfx_lr_finder.range_test.smoothing import noise_scale
from tfx_lr_finder.range_test.sweep import Sweep

FloatArray = npt.NDArray[np.float64]

WINDOW_SHARE = 0.15
MIN_WINDOW = 3
SIGNIFICANT = 5.0
WAVY_SHARE = 0.5
AT_ONCE_SHARE = 0.2
MEDIAN_EFFICIENCY = 1.2533


@dataclasses.dataclass(frozen=True, kw_only=True)
class CurveShape:
    """The shape of a curve.

    Attributes:
      falls: Whether the loss falls from the start by more than its noise explains.
      wavy: Whether it rises before its minimum, or rises and falls again after it, by
        more than half of that fall.
      falls_at_once: Whether a fifth of that fall lies in the first 15 % of the ladder,
        where the rates are too small to train.
      rises_at_end: Whether it ends above its minimum by more than noise.
    """

    falls: bool
    wavy: bool
    falls_at_once: bool
    rises_at_end: bool


def curve_shape(sweeps: Sequence[Sweep], num_rates: int) -> CurveShape:
    """Returns the shape of the mean curve of some sweeps over the same ladder.

    Levels are medians over 15 % of the curve, so spikes and lucky batches do not
    count; a difference of two levels counts when it is five times its standard error,
    which flat noise reaches on fewer than one curve in 1,000.

    Args:
      sweeps: At least one; their finite losses are read, as far as all go.
      num_rates: Rungs of the whole ladder.
    """
    length = min(len(sweep.smoothed_losses) for sweep in sweeps)
    losses = np.mean([sweep.losses[:length] for sweep in sweeps], axis=0)
    window = max(MIN_WINDOW, round(WINDOW_SHARE * length))
    if length < 2 * window:
        return CurveShape(
            falls=False, wavy=False, falls_at_once=False, rises_at_end=False
        )
    noise = max(noise_scale(losses), _resolution(losses))
    levels, least = _levels(losses, window, noise)
    lowest = int(np.argmin(levels))
    fall = float(levels[0] - levels[lowest])
    before, after = levels[: lowest + 1], levels[lowest:]
    climb = np.max(before - np.minimum.accumulate(before))
    second_fall = np.max(np.maximum.accumulate(after) - after)
    first = max(2 * MIN_WINDOW, round(WINDOW_SHARE * num_rates))
    near, near_least = _levels(losses[:first], MIN_WINDOW, noise)
    early_fall = float(near[0] - near.min())
    return CurveShape(
        falls=fall > least,
        wavy=bool(max(climb, second_fall) > max(WAVY_SHARE * fall, least)),
        falls_at_once=early_fall > max(AT_ONCE_SHARE * fall, near_least),
        rises_at_end=float(np.median(losses[-MIN_WINDOW:]) - levels[lowest]) > least,
    )


def _levels(losses: FloatArray, window: int, noise: float) -> tuple[FloatArray, float]:
    """Returns the running medians, and the least difference of two that counts."""
    levels = np.median(np.lib.stride_tricks.sliding_window_view(losses, window), axis=1)
    return levels, SIGNIFICANT * noise * MEDIAN_EFFICIENCY * math.sqrt(2.0 / window)


def _resolution(losses: FloatArray) -> float:
    """Returns what float32 arithmetic cannot tell apart at this height of loss."""
    return float(np.finfo(np.float32).eps * np.max(np.abs(losses)))
