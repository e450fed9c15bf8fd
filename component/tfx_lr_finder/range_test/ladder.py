"""The learning rates of a sweep, and the rates for the Trainer's schedule."""

import numpy as np

from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.values import FloatArray

ASSUMED_TRAIN_STEPS = 1000
MEASURED_TRAIN_STEPS = 10000
HORIZON_POWER = 0.5
PEAK_FACTORS = {"constant": 1.0, "cosine": 2.0, "one_cycle": 2.5}


def learning_rate_ladder(config: RangeTestConfig) -> FloatArray:
    """Returns the rates of one sweep, smallest first, both ends exact.

    Args:
      config: Sets `min_lr`, `max_lr`, `num_rates` and `spacing`.

    Returns:
      float64 `[num_rates]`. "exponential" spaces the logarithms of the rates evenly,
      "linear" the rates. The first rate is `min_lr` and the last is `max_lr`,
      exactly. Unlike Lightning's ladder, all gaps are equal.

    References:
      L. N. Smith, arXiv:1506.01186, section 3.3 (linear).
    """
    space = np.geomspace if config.spacing == "exponential" else np.linspace
    ladder: FloatArray = space(
        config.min_lr, config.max_lr, config.resolved_num_rates, dtype=np.float64
    )
    ladder[0], ladder[-1] = config.min_lr, config.max_lr
    return ladder


def rates_by_schedule(constant: float) -> dict[str, float]:
    """Returns the learning rate for each schedule.

    A schedule that decays tolerates a higher peak than a constant rate. On the
    generated tasks of `benchmarks/learning_curves` the best peak is two to three times
    as high, and a peak that is too high costs more than one that is too low. No
    training confirms the peaks.

    Args:
      constant: The rate for training at a constant rate.

    Returns:
      The rate for "constant", and the peak rates for "cosine" and "one_cycle".

    References:
      L. N. Smith, arXiv:1803.09820, section 4.1: a constant rate must be smaller than
      the maximum of a cycle; the minimum is a third or a quarter of it.
    """
    return {name: factor * constant for name, factor in PEAK_FACTORS.items()}


def horizon_factor(
    num_steps: int, train_steps: int | None, *, overfits: bool = False
) -> float:
    """Returns the factor that scales a short training's best rate to a longer one.

    Short trainings favor rates that are too large for long ones. The square root of the
    ratio of the two lengths corrects this. The power was chosen on the generated tasks
    of `benchmarks/learning_curves`: powers from 0.4 to 0.6 do about equally well, and
    no correction at all doubles to quadruples the regret.

    Args:
      num_steps: Steps of the short training, at least 1.
      train_steps: Steps of the long one. None counts as 1,000. More than 10,000 counts
        as 10,000, the longest training that was measured.
      overfits: Whether the short training already overfits. If so, the factor is the
        ratio itself, which keeps the total movement of the weights constant.

    Returns:
      A factor in (0, 1].

    References:
      Y. Wu et al., "Understanding Short-Horizon Bias in Stochastic Meta-Optimization",
      arXiv:1803.02021, shows that such a bias exists (with the opposite sign).
    """
    longer = min(train_steps or ASSUMED_TRAIN_STEPS, MEASURED_TRAIN_STEPS)
    ratio = min(1.0, num_steps / longer)
    return ratio if overfits else ratio**HORIZON_POWER
