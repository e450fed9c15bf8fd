"""Two ways to smooth a loss curve, with lag and without, and its noise."""

import math

import numpy as np

from tfx_lr_finder.range_test.values import FloatArray


def moving_average(losses: FloatArray, beta: float) -> FloatArray:
    """Returns the exponential moving average of the losses so far, unbiased.

    Value i depends on losses 0 to i only, so it can stop a running sweep. It lags
    behind the curve by about `beta / (1 - beta)` steps.

    Args:
      losses: float64 `[n]`, finite.
      beta: Weight of the past, in [0, 1).

    Returns:
      float64 `[n]`. The average of a constant is that constant, from the first value.

    References:
      D. P. Kingma and J. Ba, arXiv:1412.6980, section 3 (bias correction).
    """
    averages = np.empty(len(losses))
    weighted = weight = 0.0
    for i, loss in enumerate(losses):
        weighted = beta * weighted + (1.0 - beta) * float(loss)
        weight = beta * weight + (1.0 - beta)
        averages[i] = weighted / weight
    return averages


def smooth(losses: FloatArray, beta: float) -> FloatArray:
    """Returns the curve smoothed symmetrically, so that it does not shift.

    A loss j rates away has the weight `beta ** j`. The weights are normalized at each
    rate, including the ends. Unlike the one-sided average of other finders, which
    shifts a sweep of 100 steps by one to three decades to higher rates, this keeps a
    fall at its rate.

    Args:
      losses: float64 `[n]`, finite.
      beta: Weight of the nearest neighbour, in [0, 1); 0 returns the losses.

    Returns:
      float64 `[n]`. A constant curve does not change.
    """
    losses = np.array(losses, dtype=np.float64)
    weights = np.ones(len(losses))
    total = _sum_so_far(losses, beta) + _sum_so_far(losses[::-1], beta)[::-1]
    weight = _sum_so_far(weights, beta) + _sum_so_far(weights, beta)[::-1]
    smoothed: FloatArray = (total - losses) / (weight - weights)
    return smoothed


def _sum_so_far(values: FloatArray, beta: float) -> FloatArray:
    """Returns running sums in which a value j places back has the weight beta^j."""
    sums = np.empty(len(values))
    total = 0.0
    for i, value in enumerate(values):
        total = float(value) + beta * total
        sums[i] = total
    return sums


def noise_scale(losses: FloatArray) -> float:
    """Returns the standard deviation of the losses around their trend.

    The estimate is the median of the differences between neighbours. A trend, a spike
    or a steep end of the curve does not count as noise.

    Args:
      losses: float64 `[n]`, finite.

    Returns:
      The standard deviation; 0 for fewer than 3 losses.
    """
    if len(losses) < 3:
        return 0.0
    differences = np.abs(np.diff(losses))
    return float(np.median(differences)) * 1.4826 / math.sqrt(2.0)
