"""Rules that read a learning rate off one curve.

Every rule has the same signature. It takes the learning rates and the losses of a
sweep, float64 `[n]` each with n >= 3, smallest rate first, all finite. It smooths the
losses itself, and returns a rate, or None if the curve has no such point. `losses[k]`
was measured before the update with `learning_rates[k]`, so the harm of rate k first
shows in `losses[k + 1]`.

Shifting or scaling the losses does not change the rate. Multiplying all learning rates
by a constant multiplies the rate by it.
"""

from collections.abc import Callable

import numpy as np

from tfx_lr_finder.range_test.smoothing import local_linear, moving_average
from tfx_lr_finder.range_test.values import FloatArray

Rule = Callable[[FloatArray, FloatArray], float | None]

MIN_VALLEY_LENGTH = 3
VALLEY_LAG = 3.9
"""Decades: the lag of fastai's moving average in its default sweep, 49 of 100 rates."""
WIDTH = 0.5
"""Decades: the width of the regression before a slope or a minimum is taken."""
SLIDE_WINDOW_FRACTION = 0.15
SLIDE_TOLERANCE = 0.05
LARGEST_DROP_BETA = 0.7


def valley(learning_rates: FloatArray, losses: FloatArray) -> float | None:
    """Returns the middle of the longest decreasing run of the averaged losses.

    The run may skip rates (a longest decreasing subsequence), so noise does not
    interrupt it. The middle is half the length of the run before its end. The place
    where the run starts does not count, because it often lies in the noise of the
    plateau. The moving average lags by the same number of decades for any number of
    rates. None if the run has fewer than three members.

    References:
      fastai's `valley`. For 100 rates from 1e-7 to 10, the average is about fastai's.
    """
    gap = float(np.log10(learning_rates[-1] / learning_rates[0])) / (len(losses) - 1)
    start = losses.min()
    losses = moving_average(losses - start, VALLEY_LAG / (VALLEY_LAG + gap))
    lengths = np.ones(len(losses), dtype=np.int64)
    for i in range(1, len(losses)):
        longest = int(np.max(np.where(losses[:i] > losses[i], lengths[:i], 0)))
        lengths[i] = longest + 1
    end = int(np.argmax(lengths))
    if lengths[end] < MIN_VALLEY_LENGTH:
        return None
    return float(learning_rates[end - int(lengths[end]) // 2])


def steepest(learning_rates: FloatArray, losses: FloatArray) -> float | None:
    """Returns the rate at which d loss / d log(rate) is most negative.

    Only rates up to the lowest smoothed loss count. None if the loss never falls before
    it. Unlike Lightning (2.5.3 and later), the slope is not taken over the rate itself:
    the gaps between rates shrink by decades towards the small rates, and the smallest
    rate would win for any curve.
    """
    losses = _smoothed(learning_rates, losses)
    lowest = int(np.argmin(losses))
    if lowest < 1:
        return None
    slopes = _slopes(learning_rates, losses)[: lowest + 1]
    if slopes.min() >= 0:
        return None
    return float(learning_rates[int(np.argmin(slopes))])


def slide(learning_rates: FloatArray, losses: FloatArray) -> float | None:
    """Returns the first rate, from the largest down, at which the slope is steady.

    A window of 15 % of the curve moves down from the largest rate. It stops where the
    slopes at its two ends agree to 5 % of the steepest slope; its lower end is the
    result. None if the curve is flat or no slope is steady. Unlike the Novetta rule
    that fastai ships under this name, the tolerance follows the curve, so the scale of
    the loss has no effect.
    """
    losses = _smoothed(learning_rates, losses)
    width = max(1, round(SLIDE_WINDOW_FRACTION * len(losses)))
    slopes = _slopes(learning_rates, losses)
    steepest_fall = -float(slopes.min())
    if steepest_fall <= 0 or np.ptp(losses) == 0:
        return None
    last_end = int(np.argmin(slopes)) + width
    for end in range(len(losses) - 1, width - 1, -1):
        start = end - width
        steady = abs(slopes[end] - slopes[start]) <= SLIDE_TOLERANCE * steepest_fall
        if end <= last_end or (steady and slopes[start] < 0):
            return float(learning_rates[start])
    return None


def minimum(learning_rates: FloatArray, losses: FloatArray) -> float | None:
    """Returns a tenth of the rate with the lowest smoothed loss.

    None if the loss is lowest at the first rate.

    References:
      L. N. Smith, arXiv:1803.09820, section 4.1: the rate at the minimum is too
      large to train with.
    """
    lowest = int(np.argmin(_smoothed(learning_rates, losses)))
    return float(learning_rates[lowest]) / 10.0 if lowest > 0 else None


def largest_drop(learning_rates: FloatArray, losses: FloatArray) -> float | None:
    """Returns the rate after the largest fall of the average between two rates.

    None if the average never falls. Kept for comparison: it reads one difference of two
    noisy values, and `benchmarks/` measures it as the worst of these rules.
    """
    changes = np.diff(moving_average(losses - losses.min(), LARGEST_DROP_BETA))
    if len(changes) == 0 or changes.min() >= 0:
        return None
    return float(learning_rates[int(np.argmin(changes)) + 1])


def _smoothed(learning_rates: FloatArray, losses: FloatArray) -> FloatArray:
    """Returns the smoothed losses above the lowest loss; equal losses are exactly 0."""
    return local_linear(learning_rates, losses - losses.min(), WIDTH)


def _slopes(learning_rates: FloatArray, losses: FloatArray) -> FloatArray:
    """Returns d loss / d log10(rate); rounding does not depend on the loss level."""
    slopes: FloatArray = np.gradient(losses - losses.min(), np.log10(learning_rates))
    return slopes


RULES: dict[str, Rule] = {
    rule.__name__: rule for rule in (valley, steepest, slide, minimum, largest_drop)
}
