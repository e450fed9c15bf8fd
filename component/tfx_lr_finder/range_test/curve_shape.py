"""The shape of the loss curves: does the loss fall, and does it fall only once?"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from tfx_lr_finder.range_test.smoothing import noise_scale
from tfx_lr_finder.range_test.sweep import Sweep
from tfx_lr_finder.range_test.values import FloatArray

WINDOW_FRACTION = 0.15
MIN_WINDOW = 3
STRONG_SIGMAS = 5.0
WAVY_FRACTION = 0.5
EARLY_FALL_FRACTION = 0.2
MEDIAN_EFFICIENCY = 1.2533


@dataclasses.dataclass(frozen=True, kw_only=True)
class CurveShape:
    """The shape of a curve.

    Attributes:
      falls: Whether the loss falls from its start by more than its noise.
      wavy: Whether the loss rises before its minimum, or falls again after a rise, by
        more than half of that fall.
      falls_at_once: Whether a fifth of that fall happens in the first 15 % of the
        rates, which are too small to train.
      rises_at_end: Whether the loss ends above its minimum by more than its noise.
    """

    falls: bool
    wavy: bool
    falls_at_once: bool
    rises_at_end: bool


def curve_shape(sweeps: Sequence[Sweep], num_rates: int) -> CurveShape:
    """Returns the shape of the mean curve of several sweeps over the same rates.

    A level is the median over 15 % of the curve, so spikes and lucky batches have no
    effect. A difference of two levels counts if it exceeds five times its standard
    error, which flat noise does on fewer than one curve in 1,000.

    Args:
      sweeps: At least one sweep. The curves are compared up to the shortest one.
      num_rates: Rates of a complete sweep.
    """
    length = min(len(sweep.smoothed_losses) for sweep in sweeps)
    losses = np.mean([sweep.losses[:length] for sweep in sweeps], axis=0)
    window = max(MIN_WINDOW, round(WINDOW_FRACTION * length))
    if length < 2 * window:
        return CurveShape(
            falls=False, wavy=False, falls_at_once=False, rises_at_end=False
        )
    rounding_error = float(np.finfo(np.float32).eps * np.max(np.abs(losses)))
    noise = max(noise_scale(losses), rounding_error)
    levels, least = _levels(losses, window, noise)
    lowest = int(np.argmin(levels))
    fall = float(levels[0] - levels[lowest])
    before, after = levels[: lowest + 1], levels[lowest:]
    climb = np.max(before - np.minimum.accumulate(before))
    second_fall = np.max(np.maximum.accumulate(after) - after)
    first = max(2 * MIN_WINDOW, round(WINDOW_FRACTION * num_rates))
    near, near_least = _levels(losses[:first], MIN_WINDOW, noise)
    early_fall = float(near[0] - near.min())
    return CurveShape(
        falls=fall > least,
        wavy=bool(max(climb, second_fall) > max(WAVY_FRACTION * fall, least)),
        falls_at_once=early_fall > max(EARLY_FALL_FRACTION * fall, near_least),
        rises_at_end=float(np.median(losses[-MIN_WINDOW:]) - levels[lowest]) > least,
    )


def _levels(losses: FloatArray, window: int, noise: float) -> tuple[FloatArray, float]:
    """Returns the running medians, and the smallest significant difference of two."""
    levels = np.median(np.lib.stride_tricks.sliding_window_view(losses, window), axis=1)
    return levels, STRONG_SIGMAS * noise * MEDIAN_EFFICIENCY * math.sqrt(2.0 / window)
