"""Student's t test of a mean, for samples of any size."""

import math

import numpy as np

from tfx_lr_finder.range_test.values import FloatArray

MAX_TERMS = 10_000
ROUNDING = 16.0 * float(np.finfo(np.float32).eps)
"""Relative size of the rounding errors of losses that a device computes in float32."""


def standard_errors(differences: FloatArray, scale: float) -> float:
    """Returns the mean of some differences, in standard errors of that mean.

    Args:
      differences: Paired differences, float64 `[n]`.
      scale: The size of the numbers that were subtracted. Differences that vary by less
        than the rounding errors of such numbers are no sample, and count as 0.

    Returns:
      0.0 as well for fewer than two differences, or if one is not finite.
    """
    if len(differences) < 2 or not np.isfinite(differences).all():
        return 0.0
    deviation = float(np.std(differences, ddof=1))
    if not deviation > ROUNDING * scale:
        return 0.0
    return float(np.mean(differences)) / (deviation / math.sqrt(len(differences)))


def chance_of_exceeding(t: float, degrees_of_freedom: float) -> float:
    """Returns the probability that Student's t exceeds a value.

    It is 1.0 without a positive number of degrees of freedom.

    Args:
      t: The value.
      degrees_of_freedom: Any real number.

    References:
      M. Abramowitz and I. Stegun, "Handbook of Mathematical Functions", 26.5.8 and
      26.7.1.
    """
    if not degrees_of_freedom > 0.0 or math.isnan(t):
        return 1.0
    x = degrees_of_freedom / (degrees_of_freedom + t * t)
    tail = 0.5 * _incomplete_beta(x, degrees_of_freedom / 2.0, 0.5)
    return tail if t > 0.0 else 1.0 - tail


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """Returns the regularized incomplete beta function at `x`, from 0 to 1."""
    if x <= 0.0 or x >= 1.0:
        return min(max(x, 0.0), 1.0)
    if x > (a + 1.0) / (a + b + 2.0):  # the fraction converges slowly here
        return 1.0 - _incomplete_beta(1.0 - x, b, a)
    log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    front = math.exp(a * math.log(x) + b * math.log1p(-x) - log_beta) / a
    return front * _continued_fraction(x, a, b)


def _continued_fraction(x: float, a: float, b: float) -> float:
    """Returns the continued fraction of the incomplete beta function, by Lentz."""
    numerator, denominator = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1.0))
    result = denominator
    for m in range(1, MAX_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for term in (even, odd):
            denominator = 1.0 / (1.0 + term * denominator)
            numerator = 1.0 + term / numerator
            result *= numerator * denominator
        if abs(numerator * denominator - 1.0) < 1e-15:
            break
    return result
