"""Where the loss falls fastest over the logarithm of the rate."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def steepest(learning_rates: FloatArray, losses: FloatArray) -> float | None:
    """Returns the rate at which d loss / d log(rate) is most negative.

    Unlike Lightning (2.5.3 and later), which divides by differences of the rate
    itself: on a geometric ladder those shrink by decades towards the small rates,
    and the smallest rate wins whatever the curve.

    Args:
      learning_rates: float64 `[n]`, rising.
      losses: float64 `[n]`, smoothed, finite.

    Returns:
      The rate, left of the least loss; None if the loss never falls before it.
    """
    lowest = int(np.argmin(losses))
    if lowest < 1:
        return None
    # Rounding must not choose between equal slopes by the height of the curve.
    slopes = np.gradient(losses - losses.min(), np.log10(learning_rates))
    slopes = slopes[: lowest + 1]
    if slopes.min() >= 0:
        return None
    return float(learning_rates[int(np.argmin(slopes))])
