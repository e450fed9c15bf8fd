"""Batches for the sweeps and the candidates, endless and repeatable."""

from typing import Any

import tensorflow as tf

CACHE_BYTES = 256 * 1024**2


class Batches:
    """Batches of the user's dataset, repeated as often as needed.

    Args:
      dataset: tf.data.Dataset of batches, as `fit` takes it.
      strategy: The tf.distribute strategy the model was built under.
      name: What the dataset is called in errors.
      num_examples: Examples in one pass, where the dataset repeats and cannot tell.
      num_kept: Batches that `again` begins with; 0 if it is never called. Read at
        once, before others are read ahead: a data set that shuffles each pass anew
        then gives the same ones in every run.

    Attributes:
      first: The first batch.
      batch_size: Its examples, over all replicas.
      bytes_per_batch: Its size in memory.
      num_batches: Batches in one pass; None if unknown.

    Raises:
      ValueError: It is not a dataset of batches, or it has none.
    """

    def __init__(
        self,
        dataset: tf.data.Dataset,
        strategy: Any,
        name: str,
        num_examples: int | None = None,
        num_kept: int = 0,
    ) -> None:
        """Reads the first batch, to know the shapes, and what is kept."""
        self._strategy = strategy
        self.first = _first_batch(dataset, name)
        self.bytes_per_batch = sum(
            _num_bytes(part) for part in tf.nest.flatten(self.first)
        )
        self.batch_size = batch_size(self.first)
        cardinality = int(dataset.cardinality())
        self.num_batches = cardinality if cardinality >= 0 else None
        if self.num_batches is None and num_examples is not None:
            self.num_batches = max(1, -(-num_examples // self.batch_size))
        self._kept = self._distribute(self._keep(dataset, num_kept).repeat())
        self._endless = self._distribute(dataset.repeat())
        self._iterator: Any = None

    def onward(self) -> Any:
        """Returns the iterator that never gives the same batches again."""
        if self._iterator is None:
            self._iterator = iter(self._endless)
        return self._iterator

    def again(self) -> Any:
        """Returns an iterator that begins with the same batches every time.

        Those kept in memory, up to 256 MiB; larger ones are read again each time, in
        the order that the dataset then gives.
        """
        return iter(self._kept)

    def _keep(self, dataset: tf.data.Dataset, num_batches: int) -> tf.data.Dataset:
        kept = dataset.repeat().take(num_batches)
        if num_batches * self.bytes_per_batch <= CACHE_BYTES:
            kept = kept.cache()
            for _ in kept:  # a cache that was not read to its end keeps nothing
                pass
        return kept

    def _distribute(self, dataset: tf.data.Dataset) -> Any:
        # An autotuned iterator now and then takes seconds to end, and tunes too slowly
        # for a sweep; without the tuner AUTOTUNE means the default parallelism.
        options = tf.data.Options()
        options.autotune.enabled = False
        dataset = dataset.with_options(options)
        if self._strategy.num_replicas_in_sync == 1:
            return dataset.prefetch(tf.data.AUTOTUNE)
        return self._strategy.experimental_distribute_dataset(dataset)


def batch_size(batch: Any) -> int:
    """Returns the examples in a batch: the first dimension of its first tensor."""
    for part in tf.nest.flatten(batch):
        if part.shape.rank:
            return int(tf.shape(part)[0]) if part.shape[0] is None else part.shape[0]
    raise ValueError(
        "The dataset gives single examples, wanted batches. Add .batch(batch_size) to "
        "the dataset."
    )


def _first_batch(dataset: Any, name: str) -> Any:
    if not isinstance(dataset, tf.data.Dataset):
        raise ValueError(
            f"{name} must be a tf.data.Dataset of batches, got "
            f"{type(dataset).__name__}. Use tf.data.Dataset.from_tensor_slices((x, y))"
            ".batch(batch_size)."
        )
    for batch in dataset.take(1):
        return batch
    raise ValueError(
        f"{name} has no batch. Check the split's name and that its files hold "
        "examples; with drop_remainder=True, that one batch fits."
    )


def _num_bytes(part: Any) -> int:
    if isinstance(part, tf.Tensor) and part.dtype != tf.string:
        return int(part.shape.num_elements() or 0) * int(part.dtype.size)
    if isinstance(part, tf.Tensor):
        return int(tf.reduce_sum(tf.strings.length(part))) + 16 * int(tf.size(part))
    return sum(
        _num_bytes(item) for item in tf.nest.flatten(part, expand_composites=True)
    )
