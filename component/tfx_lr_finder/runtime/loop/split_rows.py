"""Splits held-out rows off the training data, so that no row is on both sides."""

import math
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_lr_finder.range_test.held_out import IntArray, concatenated, period
from tfx_lr_finder.runtime.loop.batches import batch_size, single_examples
from tfx_lr_finder.runtime.loop.checks import first_batch
from tfx_lr_finder.runtime.loop.row_hashes import row_hashes

HELD_OUT_EVERY = 5
NUM_INSPECTED = 8
FEW_VALUED = 0.1
"""Fraction of copies in a batch above which copies of a row are on both sides."""


def split_rows(
    dataset: tf.data.Dataset, num_examples: int | None
) -> tuple[tf.data.Dataset, tf.data.Dataset, int | None]:
    """Returns training batches, held-out batches, and the number of training rows.

    About every fifth row is held out. The hash of a row decides, so that a dataset that
    reshuffles or repeats never moves a row to the other side. If the rows have few
    values, their place in the batch decides instead. Batches whose rows cannot be
    stacked in another way are held out as a whole.

    Args:
      dataset: Batches of training data.
      num_examples: Rows of one pass; None if unknown.

    Raises:
      ValueError: The dataset gives single examples.
    """
    inspected = iter(dataset.take(NUM_INSPECTED))
    first = first_batch(inspected, "training dataset")
    size = batch_size(first)
    dense = [part for part in tf.nest.flatten(first) if isinstance(part, tf.Tensor)]
    if len({part.shape[:1].num_elements() for part in dense}) > 1:
        raise single_examples()
    cardinality = int(dataset.cardinality())
    if num_examples is None and cardinality >= 0:
        num_examples = cardinality * size
    if not _can_be_batched_again(dataset):
        return _split_batches(dataset, num_examples, size)
    batches = [_hashes(parts) for parts in (first, *inspected)]
    rows = concatenated(batches)
    rows = rows[: period(rows)]
    values = np.unique(rows)
    if len(values) < 2:
        return dataset, dataset, num_examples
    num_held_out = max(1, len(values) // HELD_OUT_EVERY)
    if _copies(rows[:size]) > FEW_VALUED:
        split = _by_place(dataset)
    else:
        split = _by_hash(dataset, int(values[num_held_out - 1]))
    train, held_out = (
        split.filter(lambda _, out, wanted=wanted: out == wanted)
        .map(lambda row, _: row)
        .batch(size)
        for wanted in (False, True)
    )
    if num_examples is not None:
        left = 1.0 - num_held_out / len(values)
        num_examples = max(1, math.ceil(num_examples * left))
    return train, held_out, num_examples


def _hashes(batch: Any) -> IntArray:
    hashes: IntArray = row_hashes(batch).numpy()
    return hashes


def _copies(rows: IntArray) -> float:
    return 1.0 - len(np.unique(rows)) / len(rows)


def _can_be_batched_again(dataset: tf.data.Dataset) -> bool:
    specs = tf.nest.flatten(dataset.element_spec)
    dense = [spec.shape for spec in specs if isinstance(spec, tf.TensorSpec)]
    ranks_known = all(shape.rank for shape in dense)
    return ranks_known and all(shape[1:].is_fully_defined() for shape in dense)


def _by_hash(dataset: tf.data.Dataset, highest: int) -> tf.data.Dataset:
    def mark(*batch: Any) -> Any:
        return _element(batch), row_hashes(batch) <= highest

    return dataset.map(mark, tf.data.AUTOTUNE).unbatch()


def _by_place(dataset: tf.data.Dataset) -> tf.data.Dataset:
    def mark(i: tf.Tensor, row: Any) -> Any:
        return row, i % HELD_OUT_EVERY == HELD_OUT_EVERY - 1

    return dataset.unbatch().enumerate().map(mark)


def _element(parts: tuple[Any, ...]) -> Any:
    return parts if len(parts) > 1 else parts[0]


def _split_batches(
    dataset: tf.data.Dataset, num_examples: int | None, size: int
) -> tuple[tf.data.Dataset, tf.data.Dataset, int | None]:
    """Holds out every fifth batch, or the last one of fewer."""
    every = HELD_OUT_EVERY
    if 0 <= int(dataset.cardinality()) < every:
        every = max(1, int(dataset.cardinality()))
    if every == 1:
        return dataset, dataset, num_examples
    numbered = dataset.enumerate()
    last = every - 1
    train = numbered.filter(lambda i, _: i % every != last).map(lambda _, b: b)
    held_out = numbered.filter(lambda i, _: i % every == last).map(lambda _, b: b)
    return train, held_out, num_examples and max(size, num_examples * last // every)
