"""Losses that say nothing about the rate, and how they look to the pure engine."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_NUM_EVAL_BATCHES = 16


def _flat(loop: "JunkLoop", steps: Array) -> Array:
    return 1.0 + 0.1 * loop.rng.normal(size=len(steps))


def _rising(loop: "JunkLoop", steps: Array) -> Array:
    return 1.0 + loop.slope * steps + 0.05 * loop.rng.normal(size=len(steps))


def _not_a_number(loop: "JunkLoop", steps: Array) -> Array:
    return np.where(steps >= loop.broken_at, np.nan, _flat(loop, steps))


def _equal(loop: "JunkLoop", steps: Array) -> Array:
    del loop
    return np.ones(len(steps))


def _spikes(loop: "JunkLoop", steps: Array) -> Array:
    hit = loop.rng.random(len(steps)) < 0.1
    spikes = loop.rng.lognormal(1.0, 1.0, len(steps))
    return 1.0 + 0.02 * loop.rng.normal(size=len(steps)) + np.where(hit, spikes, 0.0)


def _periodic(loop: "JunkLoop", steps: Array) -> Array:
    waves = np.sin(2 * np.pi * (steps / loop.period + loop.phase))
    return 1.0 + 0.3 * waves + 0.05 * loop.rng.normal(size=len(steps))


KINDS: dict[str, Callable[["JunkLoop", Array], Array]] = {
    "flat noise": _flat,
    "rising from the start": _rising,
    "NaN at any step": _not_a_number,
    "all equal": _equal,
    "spikes": _spikes,
    "periodic": _periodic,
}


class JunkLoop:
    """A training loop whose losses do not depend on the rate.

    The held-out loss has batches of unequal difficulty, the same at each evaluation,
    and moves a little at random with the weights; it rises where the training loss
    rises.
    """

    def __init__(self, kind: str, seed: int) -> None:
        """Draws the level, the period and the rest of one curve of this kind."""
        self.rng = np.random.default_rng([seed, list(KINDS).index(kind)])
        self.slope = float(self.rng.uniform(0.005, 0.05))
        self.broken_at = int(self.rng.integers(0, 60))
        self.period = float(self.rng.uniform(4.0, 40.0))
        self.phase = float(self.rng.random())
        self._kind = kind
        self._difficulty = 0.1 * self.rng.normal(size=_NUM_EVAL_BATCHES)
        self._step = 0

    def begin_sweep(self) -> None:
        """Restarts at the first step."""
        self._step = 0

    def begin_candidate(self) -> None:
        """Restarts at the first step."""
        self._step = 0

    def train(self, learning_rates: Array, stop_above: float = np.inf) -> Array:
        """Returns one loss per rate, up to one that is not finite."""
        del stop_above
        steps = np.arange(self._step, self._step + len(learning_rates))
        losses = KINDS[self._kind](self, steps.astype(np.float64))
        bad = np.flatnonzero(~np.isfinite(losses))
        if len(bad):
            losses = losses[: bad[0] + 1]
        self._step += len(losses)
        return losses

    def evaluate(self) -> Array:
        """Returns the held-out loss of each batch."""
        if self._kind == "all equal":
            return np.ones((1, _NUM_EVAL_BATCHES))
        level = 1.0 + (self.slope * self._step if self._kind[0] == "r" else 0.0)
        if self._kind[0] == "N" and self._step > self.broken_at:
            level = np.nan
        moved = 0.02 * self.rng.normal() if self._step else 0.0
        noise = 0.02 * self.rng.normal(size=_NUM_EVAL_BATCHES)
        return (level + moved + self._difficulty + noise)[None]
