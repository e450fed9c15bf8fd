"""Batches for the sweeps and the candidates: endless ones, and replayed ones."""

import itertools
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from tfx_lr_finder.range_test.held_out import IntArray
from tfx_lr_finder.runtime.loop.checks import first_batch, one_shot_error
from tfx_lr_finder.runtime.loop.row_hashes import row_hashes

MAX_CACHE_BYTES = 256 * 1024**2


class Batches:
    """Batches of the user's dataset, repeated as often as needed.

    Args:
      dataset: tf.data.Dataset of batches, as `fit` takes it.
      strategy: The tf.distribute strategy the model was built under.
      name: "training dataset" or "evaluation dataset", for errors.
      num_examples: Examples in one pass, for a dataset whose size is unknown.
      num_replayed: How many batches `replayed_batches` begins with; 0 if it is never
        called. They are read at once, before any other batch is read ahead, so that a
        dataset that reshuffles each pass gives the same ones in every run.
      read_once: Whether they end with the first pass over the dataset, and at the
        latest with the last one that fits into memory.

    Attributes:
      first: The first batch.
      batch_size: Its examples, over all replicas.
      bytes_per_batch: Its size in memory.
      num_batches: Batches in one pass; None if unknown.
      num_replayed: How many batches are replayed.
      num_cached: How many of those are kept in memory: all or none.
      hashes: The hashes of the rows of each of them, up to 256 MiB of batches.

    Raises:
      ValueError: If the dataset has no batches, or they cannot be read.
    """

    def __init__(
        self,
        dataset: tf.data.Dataset,
        strategy: Any,
        name: str,
        num_examples: int | None = None,
        num_replayed: int = 0,
        *,
        read_once: bool = False,
    ) -> None:
        """Reads the first batch, which shows the shapes, and the replayed ones."""
        self._strategy = strategy
        # An autotuned iterator sometimes takes seconds to end, and tunes too slowly
        # for a sweep; without the tuner AUTOTUNE means the default parallelism.
        options = tf.data.Options()
        options.autotune.enabled = False
        dataset = dataset.with_options(options)
        # The place of a batch in its pass shows where a pass ends.
        numbered = dataset.enumerate()
        source = numbered if read_once else numbered.repeat()
        replayed = cached = source.take(max(1, num_replayed))
        if num_replayed:
            # One pass gives the first batch, fills the cache and hashes the rows.
            cached = replayed.cache()
        places: list[int] = []
        batches = _note_places(cached, places)
        self.first = first_batch(batches, name)
        self.bytes_per_batch = sum(
            _num_bytes(part) for part in tf.nest.flatten(self.first)
        )
        self.batch_size = batch_size(self.first)
        cardinality = int(dataset.cardinality())
        self.num_batches = cardinality if cardinality >= 0 else None
        if self.num_batches is None and num_examples is not None:
            self.num_batches = max(1, -(-num_examples // self.batch_size))
        num_fitting = max(1, MAX_CACHE_BYTES // max(1, self.bytes_per_batch))
        num_hashed = min(num_replayed, num_fitting)
        fits = num_hashed == num_replayed
        if fits:
            replayed = cached
        elif read_once:
            fits = True
            replayed = source.take(num_hashed).cache()
            batches = _note_places(replayed, places)
            next(batches)
        self.hashes: tuple[IntArray, ...] = ()
        if num_replayed:
            # The cache keeps nothing unless it is read to its end.
            rest = itertools.islice(batches, None if fits else num_hashed - 1)
            read = itertools.chain([self.first], rest)
            self.hashes = tuple(row_hashes(batch).numpy() for batch in read)
            if len(self.hashes) < min(num_hashed, int(replayed.cardinality())):
                raise one_shot_error(name)
        if self.num_batches is None and not read_once and 0 in places[1:]:
            self.num_batches = places.index(0, 1)
        replayed = replayed.map(_without_place)
        self.num_replayed = len(self.hashes) if read_once else num_replayed
        self.num_cached = self.num_replayed if fits else 0
        self._cached = replayed
        if num_replayed:
            self._replayed = self._distribute(replayed.repeat())
        self._dataset = dataset
        self._iterator: Any = None

    def fresh_batches(self) -> Any:
        """Returns the one iterator that never goes back to its beginning."""
        if self._iterator is None:
            self._iterator = iter(self._distribute(self._dataset.repeat()))
        return self._iterator

    def replayed_batches(self) -> Any:
        """Returns an iterator that begins with the same batches every time.

        Up to 256 MiB of them are kept in memory. More are read again each time, in the
        order that the dataset then gives.
        """
        return iter(self._replayed)

    def batch(self, index: int) -> Any:
        """Returns one of the replayed batches, not distributed."""
        return next(iter(self._cached.skip(index)))

    def _distribute(self, dataset: tf.data.Dataset) -> Any:
        if self._strategy.num_replicas_in_sync == 1:
            return dataset.prefetch(tf.data.AUTOTUNE)
        return self._strategy.experimental_distribute_dataset(dataset)


def _note_places(numbered: tf.data.Dataset, places: list[int]) -> Iterator[Any]:
    """Yields the batches of a numbered dataset, and appends their numbers to a list."""
    for place, batch in numbered:
        places.append(int(place))
        yield batch


def _without_place(place: tf.Tensor, batch: Any) -> Any:
    del place
    return batch


def batch_size(batch: Any) -> int:
    """Returns the examples in a batch: the first dimension of its first tensor."""
    for part in tf.nest.flatten(batch):
        if part.shape.rank:
            return int(tf.shape(part)[0]) if part.shape[0] is None else part.shape[0]
    raise single_examples()


def single_examples() -> ValueError:
    """Returns the error for a dataset whose elements are not batches."""
    return ValueError(
        "The dataset gives single examples, expected batches. Add .batch(batch_size) "
        "to the dataset."
    )


def _num_bytes(part: Any) -> int:
    if isinstance(part, tf.Tensor) and part.dtype != tf.string:
        return int(part.shape.num_elements() or 0) * int(part.dtype.size)
    if isinstance(part, tf.Tensor):
        return int(tf.reduce_sum(tf.strings.length(part))) + 16 * int(tf.size(part))
    return sum(
        _num_bytes(item) for item in tf.nest.flatten(part, expand_composites=True)
    )
