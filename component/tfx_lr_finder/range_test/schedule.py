"""The ladder of rates that a sweep climbs, and rates for the Trainer's schedule."""

import numpy as np
import numpy.typing as npt

from tfx_lr_finder.range_test.config import RangeTestConfig

FloatArray = npt.NDArray[np.float64]


def learning_rate_ladder(config: RangeTestConfig) -> FloatArray:
    """Returns the rates of one sweep, smallest first, both ends exact.

    Args:
      config: `min_lr`, `max_lr`, `num_steps` and `spacing` are read.

    Returns:
      float64 `[num_steps]`; "exponential" has equal gaps in the logarithm,
      "linear" in the rate. The first is `min_lr` and the last `max_lr`, exactly:
      unlike Lightning's ladder, no gap is wider than another.

    References:
      L. N. Smith, arXiv:1506.01186, section 3.3 (linear).
    """
    space = np.geomspace if config.spacing == "exponential" else np.linspace
    ladder: FloatArray = space(
        config.min_lr, config.max_lr, config.num_steps, dtype=np.float64
    )
    ladder[0], ladder[-1] = config.min_lr, config.max_lr
    return ladder


PEAK_FACTORS = {"constant": 1.0, "cosine": 3.0, "one_cycle": 3.0}


def rates_by_schedule(constant: float) -> dict[str, float]:
    """Returns the rate for each schedule, from the one for constant training.

    A schedule that decays tolerates a higher peak than a constant rate: about three
    times, by experience and by the bounds of the sources. The peaks are not confirmed
    by trainings of their own.

    Args:
      constant: The rate for training at a constant rate.

    Returns:
      "constant", and for "cosine" and "one_cycle" the peak.

    References:
      L. N. Smith, arXiv:1803.09820, section 4.1: a constant rate must be smaller than
      the maximum of a cycle; the minimum is a third or a quarter of it.
    """
    return {name: factor * constant for name, factor in PEAK_FACTORS.items()}
