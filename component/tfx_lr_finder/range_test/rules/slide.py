"""Sliding in from the largest rate until the slope is flat."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

WIDTH = 0.15
FLATNESS = 0.05


def slide(learning_rates: FloatArray, losses: FloatArray) -> float | None:
    """Returns the first rate, from above, after which the slope hardly changes.

    A window of 15 % of the curve slides down from the largest rate. While the slopes
    at its two ends differ, the loss is still bending up; where they agree to 5 % of
    the steepest slope of the curve, the window's lower end is the suggestion. Unlike
    the Novetta rule that fastai ships under this name, the tolerance follows the
    curve, so that scaling the loss changes nothing.

    Args:
      learning_rates: float64 `[n]`, rising.
      losses: float64 `[n]`, smoothed, finite.

    Returns:
      The rate; None if the curve is flat or no slope is steady.
    """
    width = max(1, round(WIDTH * len(losses)))
    # Rounding must not choose between equal slopes by the height of the curve.
    slopes = np.gradient(losses - losses.min(), np.log10(learning_rates))
    steepest_fall = -float(slopes.min())
    if steepest_fall <= 0 or np.ptp(losses) == 0:
        return None
    upper = int(np.argmin(slopes))
    end = len(losses) - 1
    while end - width >= 0:
        if end <= upper + width or (
            abs(slopes[end] - slopes[end - width]) <= FLATNESS * steepest_fall
            and slopes[end - width] < 0
        ):
            return float(learning_rates[max(end - width, 0)])
        end -= 1
    return None
