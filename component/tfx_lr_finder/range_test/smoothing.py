"""Smoothing of a loss curve: one that follows it, and one without lag."""

import math

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def moving_average(losses: FloatArray, beta: float) -> FloatArray:
    """Returns the exponential moving average of the losses so far, unbiased.

    Value i reads losses 0 to i only, so a running sweep can be judged by it. It
    lags behind the curve by about `beta / (1 - beta)` steps.

    Args:
      losses: float64 `[n]`, finite.
      beta: Weight of the past, in [0, 1).

    Returns:
      float64 `[n]`; a constant stays that constant from the first value on.

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
    """Returns the curve smoothed evenly to both sides, so that nothing shifts.

    A loss j rates away weighs `beta ** j`; the weights are normed at each rate,
    also at the ends. Unlike the one-sided average of other finders, which moves the
    curve to higher rates by one to three decades on a sweep of 100 steps, a fall
    stays where it was.

    Args:
      losses: float64 `[n]`, finite.
      beta: Weight of the next neighbour, in [0, 1); 0 returns the losses.

    Returns:
      float64 `[n]`; a constant stays that constant.
    """
    losses = np.array(losses, dtype=np.float64)
    weights = np.ones(len(losses))
    total = _sum_so_far(losses, beta) + _sum_so_far(losses[::-1], beta)[::-1]
    weight = _sum_so_far(weights, beta) + _sum_so_far(weights, beta)[::-1]
    smoothed: FloatArray = (total - losses) / (weight - weights)
    return smoothed


def _sum_so_far(values: FloatArray, beta: float) -> FloatArray:
    """Returns for each value the sum of those up to it, one j back times beta^j."""
    sums = np.empty(len(values))
    total = 0.0
    for i, value in enumerate(values):
        total = float(value) + beta * total
        sums[i] = total
    return sums


def noise_scale(losses: FloatArray) -> float:
    """Returns the standard deviation of a loss around its own trend.

    Estimated from the differences of neighbours by their median, so that neither
    a trend, nor a spike, nor a steep end of the curve counts as noise.

    Args:
      losses: float64 `[n]`, finite.

    Returns:
      The standard deviation, 0 where there are fewer than 3 losses.
    """
    if len(losses) < 3:
        return 0.0
    differences = np.abs(np.diff(losses))
    return float(np.median(differences)) * 1.4826 / math.sqrt(2.0)
