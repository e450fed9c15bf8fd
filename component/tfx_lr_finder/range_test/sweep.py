"""One sweep: raise the learning rate, record the losses, stop at divergence."""

import dataclasses
import enum
import math
from typing import Protocol

import numpy as np

from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.smoothing import moving_average, noise_scale, smooth
from tfx_lr_finder.range_test.values import FloatArray, Rate

MIN_RATES_BEFORE_STOP = 10
START_RATES = 5
NOISE_FACTOR = 8.0
FIRST_CHECK = 16
STOP_BETA = 0.7


class StopReason(enum.Enum):
    """Why a sweep ended; the value is the sentence the user reads."""

    COMPLETED = "every learning rate was tried"
    DIVERGED = "the average loss rose past divergence_factor times its fall"
    NON_FINITE = "the loss stopped being a finite number"
    TOO_FEW_STEPS = "the Trainer takes too few steps for a range test"


class TrainingLoop(Protocol):
    """The training that a range test drives."""

    def begin_sweep(self) -> None:
        """Restores the initial weights; the next batches are new to all sweeps."""

    def begin_candidate(self) -> None:
        """Restores the initial weights and the first of the candidates' batches."""

    def train(
        self, learning_rates: FloatArray, stop_above: float = math.inf, /
    ) -> FloatArray:
        """Trains one batch at each rate, in order, and returns the losses.

        Args:
          learning_rates: float64 `[k]`, k >= 1.
          stop_above: A loss above this ends the chunk, so that the caller can check
            it. float32 holds it exactly.

        Returns:
          float64 `[m]`, 1 <= m <= k: the losses of one chunk. Loss i is measured
          before the update with rate i. A loss that is not finite ends the chunk.
        """

    def evaluate(self) -> FloatArray:
        """Returns the held-out loss of each unit, float64 `[1, u]` or `[2, u]`.

        A unit is a row, a group of rows or a batch. Units are scaled so that their mean
        is the mean over all rows. The second line has the losses with the predictions
        of other rows; it is left out if the loss has no value for each row.
        """


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sweep:
    """The result of one sweep.

    Attributes:
      learning_rates: The rates tried, `[n]`, rising.
      losses: The mean loss of the batches at each rate, `[n]`, before their updates.
        The last loss may not be finite.
      smoothed_losses: The finite losses, smoothed without lag, `[m]` with m <= n. The
        explosion at the end is clipped.
      stop_reason: Why the sweep ended.
      num_steps: Training steps taken, including those after the stop.
    """

    learning_rates: tuple[Rate, ...]
    losses: tuple[float, ...]
    smoothed_losses: tuple[float, ...]
    stop_reason: StopReason
    num_steps: int


def run_sweep(loop: TrainingLoop, ladder: FloatArray, config: RangeTestConfig) -> Sweep:
    """Returns one sweep over the ladder.

    The result and the number of steps do not depend on the chunks of the loop. The
    losses are checked after 16, 32, 64, ... steps, and as soon as a loss exceeds the
    limit set by the last check.

    Args:
      loop: Trains, from the initial weights.
      ladder: The rates, float64 `[n]`, rising.
      config: Sets `steps_per_rate` and `divergence_factor`.

    Returns:
      The sweep. It ends with the rate at which the loss diverged or was not finite.
    """
    steps = np.repeat(ladder, config.steps_per_rate)
    losses = np.empty(0)
    stop_above = math.inf
    loop.begin_sweep()
    while len(losses) < len(steps):
        losses = _train_until_check(loop, steps, losses, stop_above)
        losses_by_rate = _mean_of_rates(losses, config.steps_per_rate)
        end, reason, stop_above = find_stop(losses_by_rate, config)
        if reason is not StopReason.COMPLETED:
            break
    kept = losses_by_rate[:end]
    finite = kept[:-1] if reason is StopReason.NON_FINITE else kept
    return Sweep(
        learning_rates=tuple(ladder[:end].tolist()),
        losses=tuple(kept.tolist()),
        smoothed_losses=tuple(
            smooth(ladder[: len(finite)], without_explosion(finite)).tolist()
        ),
        stop_reason=reason,
        num_steps=len(losses),
    )


def _train_until_check(
    loop: TrainingLoop, steps: FloatArray, losses: FloatArray, stop_above: float
) -> FloatArray:
    """Returns the losses up to the next check, or up to one above `stop_above`."""
    until = FIRST_CHECK
    while until <= len(losses):
        until *= 2
    while len(losses) < min(until, len(steps)):
        chunk = loop.train(steps[len(losses) : until], stop_above)
        losses = np.concatenate([losses, chunk])
        if not chunk[-1] <= stop_above or not math.isfinite(chunk[-1]):
            break
    return losses


def _mean_of_rates(losses: FloatArray, steps_per_rate: int) -> FloatArray:
    """Returns the mean loss at each rate; NaN for an incomplete rate that exploded."""
    full = len(losses) // steps_per_rate
    means: FloatArray = (
        losses[: full * steps_per_rate].reshape(full, steps_per_rate).mean(axis=1)
    )
    rest = losses[full * steps_per_rate :]
    if len(rest) and not np.isfinite(rest).all():
        means = np.append(means, np.nan)
    return means


def without_explosion(losses: FloatArray) -> FloatArray:
    """Returns the losses, clipped as far above the start as they fall below it.

    The last losses of a sweep that diverges exceed all others by decades. They would
    lift the smoothed curve well before its turning point.

    Args:
      losses: float64 `[n]`, finite.

    Returns:
      float64 `[n]`, at most the start plus the fall, or plus eight times the noise if
      that is larger.
    """
    if len(losses) == 0:
        return losses
    start = float(np.median(losses[:START_RATES]))
    fall = start - float(np.min(losses))
    return np.minimum(losses, start + max(fall, NOISE_FACTOR * noise_scale(losses)))


def find_stop(
    losses: FloatArray, config: RangeTestConfig
) -> tuple[int, StopReason, float]:
    """Returns the rates that a sweep keeps, why it stops, and the next loss to check.

    A sweep diverges when the moving average of its losses rises above its minimum by
    more than a limit. The limit is `divergence_factor` times the fall from the start
    to the minimum, or eight times the noise if that is larger. Two losses in a row must
    exceed it too, so one odd batch does not end a sweep. Only differences of losses
    count, so shift, scale and sign of the loss do not matter. Unlike this, the
    `loss > 4 * best` of other finders holds at once for a negative loss.

    Args:
      losses: float64 `[n]`, the mean loss at each rate so far.
      config: Sets `divergence_factor`.

    Returns:
      A triple: the number of rates including the one that ends the sweep, or `n`; the
      reason, COMPLETED if the sweep may continue; the loss above which it may end.
    """
    bad = np.flatnonzero(~np.isfinite(losses))
    finite = losses[: bad[0]] if len(bad) else losses
    ended = (len(finite) + 1, StopReason.NON_FINITE) if len(bad) else None
    if len(finite) <= MIN_RATES_BEFORE_STOP:
        return *(ended or (len(losses), StopReason.COMPLETED)), math.inf
    averages = moving_average(finite, STOP_BETA)
    best = np.minimum.accumulate(averages)
    start = float(np.median(finite[:START_RATES]))
    allowed = config.divergence_factor * np.maximum(0.0, start - best)
    suspects = np.flatnonzero(averages - best > allowed)
    for i in suspects[suspects >= MIN_RATES_BEFORE_STOP]:
        height = max(allowed[i], NOISE_FACTOR * noise_scale(finite[: i + 1]))
        if min(averages[i], finite[i - 1], finite[i]) - best[i] > height > 0.0:
            return int(i) + 1, StopReason.DIVERGED, math.inf
    height = max(float(allowed[-1]), NOISE_FACTOR * noise_scale(finite))
    # In float32, the type in which the device compares the loss with this limit.
    with np.errstate(over="ignore"):
        stop_above = float(np.float32(best[-1] + height)) if height > 0 else math.inf
    return *(ended or (len(losses), StopReason.COMPLETED)), stop_above
