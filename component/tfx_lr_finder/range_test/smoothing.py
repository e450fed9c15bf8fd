"""Two ways to smooth a loss curve, with lag and without, and its noise."""

import math

import numpy as np

from tfx_lr_finder.range_test.values import FloatArray

MAX_WIDTH = 0.6
NUM_WIDTHS = 8
MAX_PARAMETERS = 0.8
"""Widths that fit the curve with more parameters per loss than this are left out."""
OUTLIER_SIGMAS = 8.0
OUTLIER_WINDOW = 5
BLOCK = 256
"""The number of rates that are fitted at a time."""


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


def local_linear(
    learning_rates: FloatArray, losses: FloatArray, width: float
) -> FloatArray:
    """Returns the curve smoothed by a local linear regression, which does not lag.

    Args:
      learning_rates: float64 `[n]`, positive, rising.
      losses: float64 `[n]`, finite.
      width: Standard deviation of the Gaussian weights, in decades, positive.

    Returns:
      float64 `[n]`. A curve that is linear in the logarithm of the rate stays as it is.

    References:
      J. Fan, "Design-adaptive Nonparametric Regression", JASA 87 (1992).
    """
    level = float(np.median(losses))
    fitted, _ = _regression(learning_rates, losses - level, width)
    return level + fitted


def smooth(learning_rates: FloatArray, losses: FloatArray) -> FloatArray:
    """Returns the curve as it is shown, smoothed as much as its noise demands.

    The width of the local linear regression, up to 0.6 decades, is the one with the
    lowest generalized cross-validation score. A single outlier has little effect.

    Args:
      learning_rates: float64 `[n]`, positive, rising.
      losses: float64 `[n]`, finite.

    Returns:
      float64 `[n]`. A constant curve does not change.

    References:
      P. Craven and G. Wahba, "Smoothing noisy data with spline functions", Numerische
      Mathematik 31 (1979).
    """
    if len(losses) < 3:
        return np.array(losses, dtype=np.float64)
    level = float(np.median(losses))
    inner = without_outliers(losses) - level
    gap = float(np.median(np.diff(np.log10(learning_rates))))
    best = math.inf
    smoothed = inner
    for width in np.geomspace(min(0.5 * gap, MAX_WIDTH), MAX_WIDTH, NUM_WIDTHS):
        fitted, parameters = _regression(learning_rates, inner, width)
        if parameters > MAX_PARAMETERS:
            continue
        score = float(np.mean((inner - fitted) ** 2)) / (1.0 - parameters) ** 2
        if score < best:
            best, smoothed = score, fitted
    result: FloatArray = smoothed + level
    return result


def without_outliers(losses: FloatArray) -> FloatArray:
    """Returns the losses, each at most eight times the noise from its neighbours.

    Args:
      losses: float64 `[n]`, finite. The neighbours are the median of five losses.
    """
    limit = OUTLIER_SIGMAS * noise_scale(losses)
    if limit == 0.0:
        return losses
    padded = np.pad(losses, OUTLIER_WINDOW // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, OUTLIER_WINDOW)
    medians = np.median(windows, axis=1)
    return np.clip(losses, medians - limit, medians + limit)


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


def _regression(
    learning_rates: FloatArray, losses: FloatArray, width: float
) -> tuple[FloatArray, float]:
    """Returns the fitted losses `[n]`, and the number of parameters per loss.

    A block of rates is fitted at a time, so that the memory grows with n only. The
    number of parameters is the trace of the matrix that maps the losses to the fitted
    ones.
    """
    places = np.log10(learning_rates) / width
    fitted = np.empty(len(losses))
    parameters = 0.0
    for start in range(0, len(losses), BLOCK):
        block = slice(start, start + BLOCK)
        distances = places[None, :] - places[block, None]
        weights = np.exp(-0.5 * distances**2)
        first = np.sum(weights * distances, axis=1, keepdims=True)
        # The addend keeps a rate without neighbours at its own loss.
        second = np.sum(weights * distances**2, axis=1, keepdims=True) + 1e-9
        total = np.sum(weights, axis=1, keepdims=True)
        rows = weights * (second - distances * first) / (total * second - first**2)
        fitted[block] = rows @ losses
        parameters += float(np.trace(rows, offset=start))
    return fitted, parameters / len(losses)
