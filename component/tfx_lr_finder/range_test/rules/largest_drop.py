"""The rule of the blog post that this project began with."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def largest_drop(learning_rates: FloatArray, losses: FloatArray) -> float | None:
    """Returns the rate after the largest fall of the loss between two trials.

    Kept for comparison: it reads a single difference of two noisy values, and in
    `benchmarks/` does worse than any other rule here.

    Args:
      learning_rates: float64 `[n]`, rising.
      losses: float64 `[n]`, smoothed, finite.

    Returns:
      The rate, or None if the loss never falls.
    """
    falls = np.diff(losses)
    if len(falls) == 0 or falls.min() >= 0:
        return None
    return float(learning_rates[int(np.argmin(falls)) + 1])
