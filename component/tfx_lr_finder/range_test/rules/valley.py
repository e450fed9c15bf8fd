"""The middle of the longest valley of the curve."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

MIN_LENGTH = 3


def valley(learning_rates: FloatArray, losses: FloatArray) -> float | None:
    """Returns the rate half-way down the longest decreasing run of losses.

    The run may skip rates (a longest decreasing subsequence), so noise does not cut
    it. Unlike fastai's rule of this name, the run starts where it really starts, not
    as many rates before its end as it has members, and a curve without a valley has
    no suggestion.

    Args:
      learning_rates: float64 `[n]`, rising.
      losses: float64 `[n]`, smoothed, finite.

    Returns:
      The rate, the middle in log rate of the run; None if it has fewer than three
      members.
    """
    lengths = np.ones(len(losses), dtype=np.int64)
    starts = np.arange(len(losses))
    for i in range(1, len(losses)):
        above = np.where(losses[:i] > losses[i], lengths[:i], 0)
        longest = int(np.argmax(above))
        if above[longest] > 0:
            lengths[i] = above[longest] + 1
            starts[i] = starts[longest]
    end = int(np.argmax(lengths))
    if lengths[end] < MIN_LENGTH:
        return None
    middle = (int(starts[end]) + end) // 2
    return float(learning_rates[middle])
