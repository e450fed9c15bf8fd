"""One range test: climb the ladder, record the losses, stop in time."""

import dataclasses
import enum
import math
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.smoothing import moving_average, noise_scale, smooth

FloatArray = npt.NDArray[np.float64]

MIN_RATES_BEFORE_STOP = 10
START_RATES = 5
NOISE_FACTOR = 8.0
FIRST_LOOK = 16


class StopReason(enum.Enum):
    """Why a sweep ended; the value is the sentence the user reads."""

    COMPLETED = "every learning rate was tried"
    DIVERGED = "the smoothed loss rose past divergence_factor times its fall"
    NON_FINITE = "the loss stopped being a finite number"


class TrainingLoop(Protocol):
    """What a range test needs of the thing that trains."""

    def begin_sweep(self) -> None:
        """Goes back to the start; the next batches are ones no sweep has had."""

    def begin_candidate(self) -> None:
        """Goes back to the start and to the first of the candidates' batches."""

    def train(
        self, learning_rates: FloatArray, look_above: float = math.inf
    ) -> FloatArray:
        """Trains one batch at each rate, from the first on, and returns its losses.

        Args:
          learning_rates: float64 `[k]`, k >= 1.
          look_above: A loss above this ends the chunk, for the caller to look at;
            a number that float32 holds exactly.

        Returns:
          float64 `[m]`, 1 <= m <= k: as many as one chunk holds; value i was measured
          before the update with rate i. Ends at a loss that is not finite.
        """

    def evaluate(self) -> FloatArray:
        """Returns the held-out loss of each evaluation batch, float64 `[b]`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sweep:
    """What one sweep saw.

    Attributes:
      learning_rates: The rates tried, `[n]`, rising.
      losses: The mean loss of the batches at each rate, `[n]`, before their updates;
        the last may be not finite.
      smoothed_losses: Smoothed without lag, `[m]` with m <= n: the finite part,
        without the explosion at its end.
      stop_reason: Why it ended.
      num_steps: Training steps taken, those past the stop included.
    """

    learning_rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed_losses: tuple[float, ...]
    stop_reason: StopReason
    num_steps: int


def run_sweep(loop: TrainingLoop, ladder: FloatArray, config: RangeTestConfig) -> Sweep:
    """Returns what one sweep over the ladder saw.

    Neither the result nor the number of steps depends on how the loop cuts the steps
    into chunks: the losses are looked at after 16, 32, 64, ... steps, and at a loss
    above the height that the last look found.

    Args:
      loop: Trains; is put back to the start first.
      ladder: The rates, float64 `[n]`, rising.
      config: `steps_per_rate`, `smoothing` and `divergence_factor` are read.

    Returns:
      The sweep, cut after the rate at which it diverged or stopped being finite.
    """
    steps = np.repeat(ladder, config.steps_per_rate)
    losses = np.empty(0)
    look_above = math.inf
    loop.begin_sweep()
    while len(losses) < len(steps):
        losses = _train_until_look(loop, steps, losses, look_above)
        losses_by_rate = mean_of_rates(losses, config.steps_per_rate)
        end, reason, look_above = find_stop(losses_by_rate, config)
        if reason is not StopReason.COMPLETED:
            break
    kept = losses_by_rate[:end]
    finite = kept[:-1] if reason is StopReason.NON_FINITE else kept
    return Sweep(
        learning_rates=tuple(ladder[:end].tolist()),
        losses=tuple(kept.tolist()),
        smoothed_losses=tuple(
            smooth(without_explosion(finite), config.smoothing).tolist()
        ),
        stop_reason=reason,
        num_steps=len(losses),
    )


def _train_until_look(
    loop: TrainingLoop, steps: FloatArray, losses: FloatArray, look_above: float
) -> FloatArray:
    """Returns the losses so far and those up to where they are to be looked at.

    Args:
      loop: Trains.
      steps: The rate of every step of the sweep, float64 `[n]`.
      losses: Those so far, `[m]` with m < n.
      look_above: A loss above this is looked at, and one that is not finite.
    """
    until = FIRST_LOOK
    while until <= len(losses):
        until *= 2
    while len(losses) < min(until, len(steps)):
        chunk = loop.train(steps[len(losses) : until], look_above)
        losses = np.concatenate([losses, chunk])
        if not chunk[-1] <= look_above or not math.isfinite(chunk[-1]):
            break
    return losses


def mean_of_rates(losses: FloatArray, steps_per_rate: int) -> FloatArray:
    """Returns the mean loss of each rate, the last one perhaps of fewer steps.

    Args:
      losses: float64 `[n]`, one a step.
      steps_per_rate: Steps of a full rate.

    Returns:
      float64 `[ceil(n / steps_per_rate)]`, without a last rate that is not full,
      unless a loss in it is not finite.
    """
    full = len(losses) // steps_per_rate
    means: FloatArray = (
        losses[: full * steps_per_rate].reshape(full, steps_per_rate).mean(axis=1)
    )
    rest = losses[full * steps_per_rate :]
    if len(rest) and not np.isfinite(rest).all():
        means = np.append(means, np.nan)
    return means


def without_explosion(losses: FloatArray) -> FloatArray:
    """Returns the losses, no higher above the start than they fall below it.

    The last losses of a sweep that diverges are larger than all others by decades, and
    would lift the smoothed curve well before the rate at which it turns.

    Args:
      losses: float64 `[n]`, finite.

    Returns:
      float64 `[n]`, cut off at the fall, or at eight times the noise if that is more.
    """
    if len(losses) == 0:
        return losses
    start = float(np.median(losses[:START_RATES]))
    fall = start - float(np.min(losses))
    return np.minimum(losses, start + max(fall, NOISE_FACTOR * noise_scale(losses)))


def find_stop(
    losses: FloatArray, config: RangeTestConfig
) -> tuple[int, StopReason, float]:
    """Returns how many rates a sweep keeps, why it ends there, and what would end it.

    A sweep diverges where the moving average of its losses exceeds its least value
    by more than `divergence_factor` times the fall from the start to that value, or
    eight times the noise of the losses where that is more; and where two losses in a
    row exceed it, so that one odd batch ends nothing. Differences of losses only:
    shifting or scaling the loss changes nothing, and negative losses are as good as
    others. Unlike other finders' `loss > 4 * best`, which a loss below 0 meets at once.

    Args:
      losses: float64 `[n]`, the mean loss of each rate so far.
      config: `smoothing` and `divergence_factor` are read.

    Returns:
      The number of rates up to and with the one that ends the sweep, `n` if none does;
      the reason, COMPLETED if none; the height of loss above which the sweep may end.
    """
    bad = np.flatnonzero(~np.isfinite(losses))
    finite = losses[: bad[0]] if len(bad) else losses
    ended = (len(finite) + 1, StopReason.NON_FINITE) if len(bad) else None
    if len(finite) <= MIN_RATES_BEFORE_STOP:
        return *(ended or (len(losses), StopReason.COMPLETED)), math.inf
    averages = moving_average(finite, config.smoothing)
    best = np.minimum.accumulate(averages)
    start = float(np.median(finite[:START_RATES]))
    allowed = config.divergence_factor * np.maximum(0.0, start - best)
    suspects = np.flatnonzero(averages - best > allowed)
    for i in suspects[suspects >= MIN_RATES_BEFORE_STOP]:
        height = max(allowed[i], NOISE_FACTOR * noise_scale(finite[: i + 1]))
        if min(averages[i], finite[i - 1], finite[i]) - best[i] > height > 0.0:
            return int(i) + 1, StopReason.DIVERGED, math.inf
    height = max(float(allowed[-1]), NOISE_FACTOR * noise_scale(finite))
    # As float32, in which the device compares: both then see the same.
    with np.errstate(over="ignore"):
        look_above = float(np.float32(best[-1] + height)) if height > 0 else math.inf
    return *(ended or (len(losses), StopReason.COMPLETED)), look_above
