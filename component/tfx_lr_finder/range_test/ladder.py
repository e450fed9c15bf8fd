"""The ladder of rates that a sweep climbs, and rates for the Trainer's schedule."""

import numpy as np
import numpy.typing as npt

from tfx_lr_finder.range_test.config import RangeTestConfig

FloatArray = npt.NDArray[np.float64]


def learning_rate_ladder(config: RangeTestConfig) -> FloatArray:
    """Returns the rates of one sweep, smallest first, both ends exact.

    Args:
      config: `min_lr`, `max_lr`, `num_rates` and `spacing` are read.

    Returns:
      float64 `[num_rates]`; "exponential" has equal gaps in the logarithm,
      "linear" in the rate. The first is `min_lr` and the last `max_lr`, exactly:
      unlike Lightning's ladder, no gap is wider than another.

    References:
      L. N. Smith, arXiv:1506.01186, section 3.3 (linear).
    """
    space = np.geomspace if config.spacing == "exponential" else np.linspace
    ladder: FloatArray = space(
        config.min_lr, config.max_lr, config.resolved_num_rates, dtype=np.float64
    )
    ladder[0], ladder[-1] = config.min_lr, config.max_lr
    return ladder


ASSUMED_TRAIN_STEPS = 1000
MEASURED_TRAIN_STEPS = 3000
HORIZON_POWER = 0.4
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


def horizon_factor(num_steps: int, train_steps: int | None, *, overfits: bool) -> float:
    """Returns by what to multiply the best rate of a short training for a longer one.

    Short trainings favour rates that are too large for long ones, by a decade where
    50 steps stand for 1,000 or more; the ratio of the horizons to the power 0.4 makes
    up for it. Measured over the tasks of `benchmarks/quality`, where powers of 0.33 to
    0.5 do equally well and leaving it out costs two to
    three times the regret.

    Args:
      num_steps: Steps of the short training, at least 1.
      train_steps: Steps of the long one; None stands for 1,000, and more than 3,000,
        which was not measured, for 3,000.
      overfits: Whether the short training overfits already; then the ratio itself
        counts, so that the long one moves the weights no further.

    Returns:
      A factor in (0, 1].

    References:
      Y. Wu et al., "Understanding Short-Horizon Bias in Stochastic Meta-Optimization",
      arXiv:1803.02021, on that such a bias exists (there with the other sign).
    """
    longer = min(train_steps or ASSUMED_TRAIN_STEPS, MEASURED_TRAIN_STEPS)
    ratio = min(1.0, num_steps / longer)
    return ratio if overfits else ratio**HORIZON_POWER
