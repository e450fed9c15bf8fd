"""Scores a model on the held-out rows, and knows how much evidence they hold."""

import numpy as np
import numpy.typing as npt
from absl import logging

from tfx_lr_finder.range_test.held_out import (
    MAX_UNITS,
    HeldOut,
    RowFacts,
    compare_rows,
    concatenated,
    to_units,
)
from tfx_lr_finder.runtime.loop.batches import Batches
from tfx_lr_finder.runtime.loop.keras_step import KerasStep

FloatArray = npt.NDArray[np.float64]


class Scoring:
    """Scores the model on the same held-out rows every time.

    Args:
      step: Runs the model, which must be untrained.
      batches: The held-out batches.
      train: The training batches.

    Attributes:
      held_out: How much evidence the rows hold.
      num_scores: Scores of each unit: 2, or 1 if the loss has no value for each row.
    """

    def __init__(self, step: KerasStep, batches: Batches, train: Batches) -> None:
        """Compares the rows, and leaves out those whose untrained loss is broken."""
        self._step = step
        self._batches = batches
        self._sizes = np.array([len(hashes) for hashes in batches.hashes])
        train_hashes = concatenated(train.hashes)
        facts = compare_rows(
            concatenated(batches.hashes), train_hashes, train.batch_size
        )
        self._row_losses = None
        largest = int(np.argmax(self._sizes))
        if self._sizes[largest] > 1:
            self._row_losses = step.row_losses(batches.batch(largest), train.batch_size)
        losses = self._first_losses()
        self.num_scores = len(losses)
        self._kept = self._units_of(facts)
        broken = self._kept & ~np.isfinite(losses[0])
        if not broken[self._kept].all():
            self._kept &= ~broken
        self.held_out = self._describe(facts, broken)

    def score(self) -> FloatArray:
        """Returns the scores of the units; see `TrainingLoop.evaluate`."""
        losses = self._losses()[:, self._kept]
        if self._row_losses is None:
            sizes = self._sizes[self._kept]
            losses = losses * (sizes * (len(sizes) / sizes.sum()))
        num_units = min(MAX_UNITS, losses.shape[1])
        return np.stack([to_units(line, num_units) for line in losses])

    def _units_of(self, facts: RowFacts) -> npt.NDArray[np.bool_]:
        """Returns which rows count, or which batches, all of whose rows must count."""
        if self._row_losses is not None:
            return facts.kept.copy()
        starts = np.cumsum(self._sizes) - self._sizes
        kept = np.logical_and.reduceat(facts.kept, starts)
        return kept if kept.any() else np.ones_like(kept)

    def _describe(self, facts: RowFacts, broken: npt.NDArray[np.bool_]) -> HeldOut:
        by_row = self._row_losses is not None
        sizes = np.ones(len(self._kept), int) if by_row else self._sizes
        num_units = int(np.sum(self._kept))
        independent = num_units * (1.0 - facts.duplicate_fraction)
        if facts.all_trained_on:
            independent = 0.0
        return HeldOut(
            unit="row" if self._sizes.max() == 1 or by_row else "batch",
            num_rows=int(np.sum(sizes[self._kept])),
            num_units=num_units,
            num_independent=independent,
            overlap_fraction=facts.overlap_fraction,
            duplicate_fraction=facts.duplicate_fraction,
            num_not_finite=int(np.sum(sizes[broken])),
        )

    def _first_losses(self) -> FloatArray:
        """Returns the losses by row, or by batch if the rows cannot be compiled."""
        if self._row_losses is not None:
            try:
                losses = self._losses()
                if losses.shape[1] == self._sizes.sum():
                    return losses
                self._row_losses = None
            except Exception as error:  # noqa: BLE001 - user code may raise anything
                logging.info("LRFinder: the evidence is counted in batches: %s", error)
                self._row_losses = None
        return self._losses()

    def _losses(self) -> FloatArray:
        """Returns the losses of all rows or batches, float64 `[num_scores, n]`."""
        iterator = self._batches.replayed_batches()
        num_batches = self._batches.num_replayed
        if self._row_losses is None:
            losses = self._step.evaluate(iterator, num_batches)
            return np.asarray(losses, np.float64)[None]
        losses = self._row_losses.of_batches(iterator, num_batches)
        return np.asarray(losses, np.float64).T
