"""The data that `fit` takes, as a dataset of batches."""

import itertools
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.runtime.loop.checks import is_keras_3

DEFAULT_BATCH_SIZE = 32
MAX_GENERATOR_BYTES = 1024**3
HELD_OUT_PART = 5
"""Without evaluation data, about one row in five is held out."""


def as_dataset(
    value: Any,
    name: str,
    model: Any,
    *,
    batch_size: int | None,
    max_batches: int,
    seed: int | None = None,
    reshuffle: bool = True,
) -> Any:
    """Returns data in any form that `fit` takes as a `tf.data.Dataset`.

    Args:
      value: A `tf.data.Dataset`, which is returned unchanged; `(x, y)` or
        `(x, y, sample_weight)` of arrays or of lists or dicts of arrays; a
        `keras.utils.PyDataset` or `Sequence`; or a generator of batches. A generator
        or an endless PyDataset is read into memory once, up to `max_batches` and
        1 GiB. Anything else is returned unchanged too, for the caller to refuse.
      name: "training dataset" or "evaluation dataset", for errors.
      model: The Keras model; floats become its Keras' `floatx`.
      batch_size: Rows in a batch of arrays; 32 if None.
      max_batches: The most batches of a generator or a PyDataset that are needed.
        After these, their batches start again.
      seed: Shuffles the rows of arrays, and the batches of a PyDataset, as `fit` does.
        None keeps their order.
      reshuffle: Whether each pass over arrays has another order.

    Raises:
      ValueError: The arrays do not fit together, a generator gives too much or
        nothing, or a batch is not one.
    """
    if is_arrays(value):
        rows = _rows(value, name, model)
        if seed is not None:
            buffer = max(1, int(rows.cardinality()))
            rows = rows.shuffle(buffer, seed, reshuffle_each_iteration=reshuffle)
        return rows.batch(DEFAULT_BATCH_SIZE if batch_size is None else batch_size)
    if is_sequence(value):
        count = sequence_length(value)
        if count is not None:
            return _batches_of_sequence(value, count, name, model, seed, max_batches)
        value = iter(value)
    if isinstance(value, Iterator):
        return _batches_of_generator(value, name, model, max_batches)
    return value


def is_sequence(value: Any) -> bool:
    """Returns whether a value is a `PyDataset` or `Sequence`, or works like one."""
    other = tf.data.Dataset | str | bytes | list | tuple | Mapping | type
    if isinstance(value, other) or hasattr(value, "shape"):
        return False
    return hasattr(value, "__getitem__")


def sequence_length(sequence: Any) -> int | None:
    """Returns the length of a PyDataset or Sequence; None if it is endless."""
    try:
        if hasattr(sequence, "num_batches"):
            return sequence.num_batches  # type: ignore[no-any-return]
        return len(sequence)
    except (TypeError, NotImplementedError):
        return None


def most_batches(config: RangeTestConfig) -> int:
    """Returns the most training batches that a test reads, held-out ones included."""
    return config.budget + HELD_OUT_PART * config.num_eval_batches


def check_batch_size(batch_size: Any, train: Any) -> None:
    """Checks the rows in a batch of arrays.

    Args:
      batch_size: A positive integer, or None.
      train: The training data.

    Raises:
      ValueError: It is not positive, or the training data are batches already.
    """
    if batch_size is None:
        return
    if not is_arrays(train):
        raise ValueError(
            f"batch_size={batch_size} is for arrays only, and the training dataset "
            "gives batches already. Leave batch_size out."
        )
    if isinstance(batch_size, bool) or batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size!r}.")


def is_arrays(value: Any) -> bool:
    """Returns whether a value is an array or a structure of arrays."""
    if isinstance(value, Mapping | tuple | list):
        parts = list(value.values()) if isinstance(value, Mapping) else list(value)
        parts = [part for part in parts if part is not None]
        return bool(parts) and all(map(is_arrays, parts))
    return hasattr(value, "shape") and len(value.shape) > 0


def _rows(arrays: Any, name: str, model: Any) -> tf.data.Dataset:
    """Returns the rows of arrays."""
    if not isinstance(arrays, tuple):  # features without labels
        arrays = (arrays,)
    if len(arrays) > 3:
        raise ValueError(
            f"The {name} is a tuple of {len(arrays)} arrays, expected (x, y) or "
            "(x, y, sample_weight). Put several inputs into a list or a dict: "
            "([a, b], y)."
        )
    tensors = _tensors(tuple(part for part in arrays if part is not None), model)
    lengths = {int(part.shape[0]) for part in tf.nest.flatten(tensors)}
    if len(lengths) != 1:
        raise ValueError(
            f"The arrays of the {name} have different numbers of rows: "
            f"{sorted(lengths)}."
        )
    return tf.data.Dataset.from_tensor_slices(
        tensors if len(tensors) > 1 else tensors[0]
    )


def _batches_of_sequence(
    sequence: Any, count: int, name: str, model: Any, seed: int | None, most: int
) -> tf.data.Dataset:
    """Returns the batches of a PyDataset or Sequence, read when they are needed.

    Only the indices of `most` batches are drawn, because there may be 10^12.
    """
    if not isinstance(count, int | np.integer):
        raise ValueError(
            f"The length of the {name} is {count!r}. Return a whole number of batches."
        )
    if count < 1:
        raise ValueError(f"The {name} has no batch: its length is {count}.")
    most = min(count, most)
    order: Sequence[int] = range(most)
    if seed is not None:
        rng = np.random.default_rng(seed)
        order = rng.choice(count, most, replace=False).tolist()
    first = _batch(sequence[0], name, model)

    def batches() -> Iterator[Any]:
        for index in itertools.islice(itertools.cycle(order), count):
            yield _batch(sequence[index], name, model)

    dataset = tf.data.Dataset.from_generator(
        batches, output_signature=tf.nest.map_structure(_spec, first)
    )
    return dataset.apply(tf.data.experimental.assert_cardinality(count))


def _batches_of_generator(
    generator: Iterator[Any], name: str, model: Any, max_batches: int
) -> tf.data.Dataset:
    """Returns the batches of a generator from memory, because it gives them once."""
    kept: list[Any] = []
    num_bytes = 0
    for batch in itertools.islice(generator, max_batches):
        kept.append(_batch(batch, name, model))
        parts = tf.nest.flatten(kept[-1], expand_composites=True)
        num_bytes += sum(map(_num_bytes, parts))
        if num_bytes > MAX_GENERATOR_BYTES:
            raise ValueError(
                f"The generator of the {name} gave more than 1 GiB in {len(kept)} "
                f"batches, and the test needs up to {max_batches}. A generator gives "
                "its batches once, so LRFinder keeps them in memory. Pass a "
                "tf.data.Dataset or a PyDataset, which can be read again."
            )
    if not kept:
        raise ValueError(
            f"The {name} has no batch: its generator is at its end. Create a new one."
        )
    dataset = tf.data.Dataset.from_generator(
        lambda: iter(kept), output_signature=tf.nest.map_structure(_spec, kept[0])
    )
    logging.info("LRFinder: read %d batches of the generator", len(kept))
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(kept)))
    return dataset if len(kept) < max_batches else dataset.repeat()


def _batch(batch: Any, name: str, model: Any) -> Any:
    """Returns a batch of arrays as tensors: a tuple, or features alone."""
    if isinstance(batch, list):
        batch = tuple(batch)
    parts = batch if isinstance(batch, tuple) else (batch,)
    if not parts or parts[0] is None:
        raise ValueError(
            f"A batch of the {name} has no features: it is None, empty, or begins "
            "with None."
        )
    if isinstance(batch, tuple):
        batch = tuple(part for part in batch if part is not None)
    tensors = _tensors(batch, model)
    for part in tf.nest.flatten(tensors):
        if part.shape.rank == 0:
            raise ValueError(
                f"A batch of the {name} has the single value {part.numpy()!r}, "
                "expected an array with one entry for each row."
            )
    return tensors


def _num_bytes(tensor: Any) -> int:
    """Returns the bytes of a tensor, of a text the bytes of its characters."""
    if tensor.dtype == tf.string:
        return int(tf.reduce_sum(tf.strings.length(tensor)))
    return int(tensor.numpy().nbytes)


def _tensors(value: Any, model: Any) -> Any:
    """Returns arrays, or nested arrays, as tensors with Keras' float type."""
    if isinstance(value, Mapping):
        return {key: _tensors(item, model) for key, item in value.items()}
    if isinstance(value, tuple) or (
        isinstance(value, list) and value and np.ndim(value[0]) > 0
    ):
        return tuple(_tensors(item, model) for item in value)
    if isinstance(value, tf.RaggedTensor | tf.SparseTensor):
        return value
    tensor = tf.convert_to_tensor(value if tf.is_tensor(value) else np.asarray(value))
    if not tensor.dtype.is_floating:
        return tensor
    keras = sys.modules["keras" if is_keras_3(model) else "tf_keras"]
    return tf.cast(tensor, keras.backend.floatx())


def _spec(tensor: Any) -> tf.TypeSpec:
    """Returns the type of a tensor, with batches of any size."""
    if isinstance(tensor, tf.Tensor):
        return tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype)
    return tf.type_spec_from_value(tensor)
