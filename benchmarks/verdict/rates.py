"""A linear model in numpy, fast enough to count false OKs in thousands of tests."""

import collections
import time

import numpy as np
import numpy.typing as npt

from benchmarks.verdict.cases import rng_of
from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.finder import run_range_test
from tfx_lr_finder.range_test.held_out import MAX_UNITS, HeldOut, to_units

NUM_TRAIN = 1024
NUM_FEATURES = 8
BATCH_SIZE = 32

Array = npt.NDArray[np.float64]


class LinearLoop:
    """Trains on labels that are noise; scores by row, or by batch of 32 rows.

    Args:
      rng: Draws features, labels and first weights. Without row losses the first
        weights are 0, the best ones, because a gain of the bias would be real.
      num_rows: Held-out rows.
      unit: "row" or "batch".
      classes: Whether the labels are two classes rather than numbers.
    """

    def __init__(
        self, rng: np.random.Generator, num_rows: int, unit: str, *, classes: bool
    ) -> None:
        """Draws the data."""
        self._classes = classes
        self._unit = unit
        self._x = rng.normal(size=(NUM_TRAIN + num_rows, NUM_FEATURES))
        noise = rng.normal(size=len(self._x))
        self._y = np.sign(noise) if classes else noise
        self._start = rng.normal(size=NUM_FEATURES) * rng.choice([0.0, 0.3])
        if unit == "batch":
            self._start[:] = 0.0
        self._position = self._next = 0
        self._weights = self._start
        num_units = num_rows if unit == "row" else num_rows // BATCH_SIZE
        self.held_out = HeldOut(
            unit=unit,
            num_rows=num_rows,
            num_units=num_units,
            num_independent=float(num_units),
        )

    def begin_sweep(self) -> None:
        """Restores the first weights; the batches go on."""
        self._weights = self._start
        self._position = self._next

    def begin_candidate(self) -> None:
        """Restores the first weights and the first batches."""
        self._weights = self._start
        self._position = 0

    def train(self, learning_rates: Array, stop_above: float = np.inf) -> Array:
        """Returns the loss of each step, up to one above the limit."""
        losses = []
        for rate in learning_rates:
            rows = (np.arange(BATCH_SIZE) + self._position) % NUM_TRAIN
            self._position = self._next = self._position + BATCH_SIZE
            x, y = self._x[rows], self._y[rows]
            with np.errstate(over="ignore", invalid="ignore"):
                predicted = x @ self._weights
                losses.append(float(np.mean(self._losses(predicted, y))))
                slopes = self._slopes(predicted, y)
                self._weights = self._weights - rate * (slopes @ x) / BATCH_SIZE
            if not losses[-1] <= stop_above:
                break
        return np.array(losses)

    def evaluate(self) -> Array:
        """Returns the losses of the units, by row also with other rows' predictions."""
        x, y = self._x[NUM_TRAIN:], self._y[NUM_TRAIN:]
        with np.errstate(over="ignore", invalid="ignore"):
            predicted = x @ self._weights
            losses = self._losses(predicted, y)
            if self._unit == "batch":
                return losses.reshape(-1, BATCH_SIZE).mean(axis=1)[None]
            both = losses, self._losses(np.roll(predicted, 1), y)
            return np.stack([to_units(line, min(MAX_UNITS, len(y))) for line in both])

    def _losses(self, predicted: Array, y: Array) -> Array:
        if self._classes:
            return np.logaddexp(0.0, -predicted * y)
        return (predicted - y) ** 2

    def _slopes(self, predicted: Array, y: Array) -> Array:
        if self._classes:
            return -y / (1.0 + np.exp(predicted * y))
        return 2.0 * (predicted - y)


def verdicts(num_rows: int, unit: str, count: int) -> collections.Counter[str]:
    """Returns how often each verdict falls on labels that are noise."""
    seen: collections.Counter[str] = collections.Counter()
    for seed in range(count):
        rng = rng_of(f"{num_rows} {unit}", seed)
        loop = LinearLoop(rng, num_rows, unit, classes=bool(seed % 2))
        report = run_range_test(
            loop,
            RangeTestConfig(seed=seed),
            time.monotonic,
            num_train_batches=NUM_TRAIN // BATCH_SIZE,
            held_out=loop.held_out,
        )
        seen[report.verdict.name] += 1
    return seen
