"""The finders people use, as they behave: own code from descriptions of them.

Each one gets the true loss of every batch of a sweep it defines (ladder, smoothing,
stop) and answers with a rate or with nothing. Their quirks are kept, since users live
with them.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Peer:
    """A finder that reads one curve.

    Attributes:
        name: for the tables.
        ladder: the rate of each step of its sweep.
        record: raw losses to the losses it keeps, cut where it would stop.
        suggest: recorded rates and losses to a rate, or ``None``.
        num_sweeps: sweeps whose suggestions are averaged in log rate.
    """

    name: str
    ladder: tuple[float, ...]
    record: Callable[[Array], Array]
    suggest: Callable[[Array, Array], float | None]
    num_sweeps: int = 1

    def find(self, sweeps: list[Array]) -> tuple[float | None, int]:
        """Returns the suggestion and the steps it took.

        Args:
            sweeps: the raw losses of ``num_sweeps`` whole sweeps along ``ladder``.
        """
        found, steps = [], 0
        for losses in sweeps:
            recorded = self.record(losses)
            steps += len(recorded)
            found.append(_answer(self, recorded))
        rates = [rate for rate in found if rate is not None]
        return (float(np.exp(np.mean(np.log(rates)))) if rates else None), steps


def _answer(peer: Peer, recorded: Array) -> float | None:
    rates = np.array(peer.ladder)[: len(recorded)]
    try:
        with np.errstate(all="ignore"):
            return peer.suggest(rates, recorded)
    except (IndexError, ValueError):
        return None  # where the real one raises, its user has no rate


def _ladder(low: float, high: float, exponents: Array) -> tuple[float, ...]:
    return tuple((low * (high / low) ** exponents).tolist())


def _smooth(losses: Array, beta: float, extra_steps: int = 0) -> Array:
    """Returns the bias-corrected running mean; ``extra_steps`` mis-corrects it."""
    mean, out = 0.0, np.empty(len(losses))
    for step, loss in enumerate(losses):
        mean = beta * mean + (1 - beta) * loss
        out[step] = mean / (1 - beta ** (step + 1 + extra_steps))
    return out


def _seeded_smooth(losses: Array, beta: float) -> Array:
    """Returns the running mean that starts at the first loss."""
    out = np.array(losses)
    for step in range(1, len(losses)):
        out[step] = (1 - beta) * losses[step] + beta * out[step - 1]
    return out


def _cut(values: Array, judged: Array, best: Array, factor: float) -> Array:
    """Returns ``values`` up to the first one where ``judged > factor * best``."""
    over = np.flatnonzero(judged > factor * np.minimum.accumulate(best))
    return values[: over[0] + 1] if len(over) else values


# ---------------------------------------------------------------- fastai
def _fastai_record(losses: Array) -> Array:
    smooth = _smooth(losses, 0.98)
    return _cut(smooth, smooth, smooth, 4.0)


def _fastai_crop(rates: Array, losses: Array) -> tuple[Array, Array]:
    rates, losses = rates[10:-5], losses[10:-5]
    bad = np.flatnonzero(np.isnan(losses))
    return (rates[: bad[0]], losses[: bad[0]]) if len(bad) else (rates, losses)


def valley(rates: Array, losses: Array) -> float:
    """Returns the middle of the longest decreasing subsequence, fastai's default."""
    rates, losses = _fastai_crop(rates, losses)
    lengths = [1] * len(losses)
    start = end = 0
    for i in range(1, len(losses)):
        for j in range(i):
            if losses[i] < losses[j] and lengths[i] < lengths[j] + 1:
                lengths[i] = lengths[j] + 1
            if lengths[end] < lengths[i]:
                end = i
                start = end - lengths[end]
    third = (end - start) / 3
    return float(rates[start + int(third) + int(third / 2)])


def slide(rates: Array, losses: Array) -> float:
    """Returns the left end of the last window whose end slopes agree (fastai)."""
    rates, losses = _fastai_crop(rates, losses)
    slopes = np.gradient(losses)
    right, left = -1, -16
    found = rates[left]
    while left >= -len(losses) and abs(slopes[right] - slopes[left]) > 0.005:
        found = rates[left]
        right, left = right - 1, left - 1
    return float(found)


def minimum(rates: Array, losses: Array) -> float:
    """Returns a tenth of the rate of the lowest smoothed loss (fastai)."""
    rates, losses = _fastai_crop(rates, losses)
    return float(rates[np.argmin(losses)] / 10)


def steep(rates: Array, losses: Array) -> float:
    """Returns the left end of the steepest interval in log rate (fastai)."""
    rates, losses = _fastai_crop(rates, losses)
    return float(rates[np.argmin(np.diff(losses) / np.diff(np.log(rates)))])


# ---------------------------------------------------------------- Lightning
def _lightning_record(losses: Array) -> Array:
    smooth = _smooth(losses, 0.98, extra_steps=1)
    return _cut(smooth, smooth, smooth, 4.0)


def _lightning(raw_rate: bool) -> Callable[[Array, Array], float | None]:
    def suggest(rates: Array, losses: Array) -> float | None:
        rates, losses = rates[10:-1], losses[10:-1]
        finite = np.isfinite(losses)
        rates, losses = rates[finite], losses[finite]
        if len(losses) < 2:
            return None
        slope = np.gradient(losses, rates) if raw_rate else np.gradient(losses)
        return float(rates[np.argmin(slope)])

    return suggest


# ---------------------------------------------------------------- the others
def _torch_record(losses: Array) -> Array:
    smooth = _seeded_smooth(losses, 0.95)
    return _cut(smooth, smooth, smooth, 5.0)


def _torch_lr_finder(rates: Array, losses: Array) -> float:
    return float(rates[10:-5][np.gradient(losses[10:-5]).argmin()])


def _ignite(rates: Array, losses: Array) -> float | None:
    falling = losses[: np.argmin(losses) + 1]
    if len(falling) < 3:
        return None
    return float(rates[np.argmin(0.5 * (falling[2:] - falling[:-2])) + 1])


def _running_mean_record(losses: Array) -> Array:
    return _keras_record(np.cumsum(losses) / np.arange(1, len(losses) + 1))


def _keras_record(losses: Array) -> Array:
    best = np.minimum.accumulate(losses)
    steps = np.arange(len(losses))
    over = np.flatnonzero((steps > 5) & (np.isnan(losses) | (losses > 4 * best)))
    return losses[: over[0] + 1] if len(over) else losses


def _keras_finder(rates: Array, losses: Array) -> float:
    span = 20
    slopes = np.zeros(len(losses))
    slopes[span:] = (losses[span:] - losses[:-span]) / span
    return float(rates[10:-5][np.argmin(slopes[10:-5])])


def _seed_record(losses: Array) -> Array:
    smooth = _smooth(losses, 0.96)
    return _cut(smooth, smooth, losses, 4.0)


def _seed_steep(rates: Array, losses: Array) -> float:
    return float(rates[3 + np.argmin(np.diff(losses[3:])) + 1])


def _seed_magnitude(rates: Array, losses: Array) -> float:
    wanted = rates[3 + np.argmin(losses[3:])] / 10
    return float(rates[np.argmin(np.abs(rates - wanted))])


def at(peer: Peer, rates: Array, num_sweeps: int = 1) -> Peer:
    """Returns a peer that sweeps other rates, or more often."""
    return dataclasses.replace(
        peer, ladder=tuple(rates.tolist()), num_sweeps=num_sweeps
    )


_STEPS = np.arange(100)
_FASTAI = _ladder(1e-7, 10.0, _STEPS / 100)
_INCLUSIVE = _ladder(1e-7, 10.0, _STEPS / 99)
_LIGHTNING = _ladder(1e-8, 1.0, np.where(_STEPS == 0, 0, (_STEPS + 1) / 100))
_SEED = _ladder(1e-6, 10.0, _STEPS / 99)


def _peer(name: str, ladder: Any, record: Any, suggest: Any, sweeps: int = 1) -> Peer:
    return Peer(
        name=name, ladder=ladder, record=record, suggest=suggest, num_sweeps=sweeps
    )


PEERS = (
    _peer("fastai valley", _FASTAI, _fastai_record, valley),
    _peer("fastai valley, mean of 2", _FASTAI, _fastai_record, valley, 2),
    _peer("fastai valley, mean of 6", _FASTAI, _fastai_record, valley, 6),
    _peer("fastai slide", _FASTAI, _fastai_record, slide),
    _peer("fastai minimum/10", _FASTAI, _fastai_record, minimum),
    _peer("fastai steep", _FASTAI, _fastai_record, steep),
    _peer("Lightning >= 2.5.3", _LIGHTNING, _lightning_record, _lightning(True)),
    _peer("Lightning <= 2.5.2", _LIGHTNING, _lightning_record, _lightning(False)),
    _peer("pytorch-lr-finder", _INCLUSIVE, _torch_record, _torch_lr_finder),
    _peer("ignite", _INCLUSIVE, _torch_record, _ignite),
    _peer(
        "Keras finder, running mean", _INCLUSIVE, _running_mean_record, _keras_finder
    ),
    _peer("Keras finder, batch loss", _INCLUSIVE, _keras_record, _keras_finder),
    _peer("article, steepest", _SEED, _seed_record, _seed_steep),
    _peer("article, magnitude", _SEED, _seed_record, _seed_magnitude),
)
