"""A tenth of the rate at which the loss is least."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def minimum(learning_rates: FloatArray, losses: FloatArray) -> float | None:
    """Returns the rate of the least loss, divided by ten.

    Args:
      learning_rates: float64 `[n]`, rising.
      losses: float64 `[n]`, smoothed, finite.

    Returns:
      The rate, or None if the loss is least at the very start.

    References:
      L. N. Smith, arXiv:1803.09820, section 4.1: the rate at the minimum is too
      large to train with.
    """
    lowest = int(np.argmin(losses))
    if lowest == 0:
        return None
    return float(learning_rates[lowest]) / 10.0
