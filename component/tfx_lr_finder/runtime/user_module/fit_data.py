"""The training and validation data of a `fit` call, as batched datasets."""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.runtime.fit.intercept import DEFAULT_BATCH_SIZE, FitCall
from tfx_lr_finder.runtime.loop.inputs import as_dataset, most_batches


def datasets(call: FitCall, config: RangeTestConfig) -> tuple[tf.data.Dataset, Any]:
    """Returns the training and the validation batches of a `fit` call.

    Args:
      call: The call.
      config: Its seed shuffles what `fit` shuffles. Its budget says how many batches
        of a generator are needed.

    Returns:
      Two datasets of `(x, y)` or `(x, y, sample_weight)` batches. A `tf.data.Dataset`
      is returned unchanged; arrays are batched as `fit` does. A PyDataset, a Sequence
      or a generator gives the batches that `find_learning_rate` takes from it. Class
      weights become sample weights of the training batches. The second is None if
      `fit` has no validation data.

    Raises:
      ValueError: `fit` does not take data of this type, or a generator gives too much
        or nothing.
    """
    given = call.arguments
    size = given["batch_size"] or DEFAULT_BATCH_SIZE
    convert = functools.partial(_as_dataset, call)
    seed = config.seed if given["shuffle"] else None
    train = convert(given["x"], "x", most_batches(config), seed)
    validation = _validation(
        call,
        given.get("validation_batch_size") or size,
        functools.partial(convert, max_batches=config.num_eval_batches),
    )
    if train is None:
        arrays = _pack(call, given["x"], given.get("y"), given.get("sample_weight"))
        if given.get("validation_split") and validation is None:
            num_kept = math.floor(_num_rows(arrays) * (1 - given["validation_split"]))
            held_out = _rows(arrays, slice(num_kept, None))
            validation = _batched(
                held_out, given.get("validation_batch_size") or size, None
            )
            arrays = _rows(arrays, slice(None, num_kept))
        train = _batched(arrays, size, seed)
    if given.get("class_weight"):
        train = _with_class_weights(train, given["class_weight"])
    return train, validation


def _validation(call: FitCall, batch_size: int, convert: Callable[..., Any]) -> Any:
    """Returns the batches of `validation_data`, or None."""
    given = call.arguments.get("validation_data")
    if given is None:
        return None
    dataset = convert(given, "validation_data")
    if dataset is not None:
        return dataset
    if not isinstance(given, tuple | list) or not 2 <= len(given) <= 3:
        raise ValueError(
            "validation_data of fit must be a tf.data.Dataset or a tuple (x, y) or "
            f"(x, y, sample_weight) of arrays, got {type(given).__name__}."
        )
    return _batched(_pack(call, *given), batch_size, None)


def _as_dataset(
    call: FitCall, value: Any, name: str, max_batches: int, seed: int | None = None
) -> Any:
    """Returns data that are batches already as a dataset, and None for arrays."""
    value = getattr(value, "_original_dataset", value)  # distributed by the user
    if hasattr(value, "shape") or isinstance(value, Mapping | list | tuple):
        return None
    dataset = as_dataset(
        value,
        f"{name} of fit",
        call.model,
        batch_size=None,
        max_batches=max_batches,
        seed=seed,
    )
    if isinstance(dataset, tf.data.Dataset):
        return dataset
    raise ValueError(
        f"LRFinder cannot use the {name} of this fit, a "
        f"{type(value).__module__}.{type(value).__qualname__}. Pass a tf.data.Dataset, "
        "arrays, a PyDataset or a generator to fit, or add an lr_finder_fn to the "
        "module."
    )


def _pack(call: FitCall, x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """Returns the arrays as the tuple that a batch will be."""
    parts = [part for part in (x, y, sample_weight) if part is not None]
    if y is None and sample_weight is not None:
        raise ValueError("fit got sample_weight without y. Pass y too.")
    floats = call.keras.backend.floatx()
    arrays = tuple(_structure(part, floats) for part in parts)
    lengths = {int(array.shape[0]) for array in tf.nest.flatten(arrays)}
    if len(lengths) != 1:
        raise ValueError(
            f"The arrays of fit have different numbers of rows: {sorted(lengths)}."
        )
    return arrays


def _structure(value: Any, floats: str) -> Any:
    """Returns arrays, or nested arrays, as tensors with Keras' float type."""
    if isinstance(value, Mapping):
        return {name: _structure(item, floats) for name, item in value.items()}
    if isinstance(value, list | tuple) and value and hasattr(value[0], "shape"):
        if np.ndim(value[0]):
            return tuple(_structure(item, floats) for item in value)
        value = np.asarray(value)
    if isinstance(value, tf.RaggedTensor | tf.SparseTensor):
        return value
    if not tf.is_tensor(value):
        value = np.asarray(value)  # also a pandas DataFrame or Series
    tensor = tf.convert_to_tensor(value)
    return tf.cast(tensor, floats) if tensor.dtype.is_floating else tensor


def _num_rows(arrays: Any) -> int:
    return int(tf.nest.flatten(arrays)[0].shape[0])


def _rows(arrays: Any, rows: slice) -> Any:
    return tf.nest.map_structure(lambda array: array[rows], arrays)


def _batched(arrays: Any, batch_size: int, seed: int | None) -> tf.data.Dataset:
    """Returns batches of the rows; a seed shuffles the rows at every pass."""
    if any(isinstance(part, tf.SparseTensor) for part in tf.nest.flatten(arrays)):
        rows = tf.data.Dataset.from_tensor_slices(arrays)
        count = int(rows.cardinality())
        rows = rows if seed is None else rows.shuffle(count, seed=seed)
        return rows.batch(batch_size)
    count = _num_rows(arrays)
    order = tf.data.Dataset.range(count)
    if seed is not None:
        order = order.shuffle(max(1, count), seed=seed)

    def batch(rows: tf.Tensor) -> Any:
        return tf.nest.map_structure(lambda part: tf.gather(part, rows), arrays)

    return order.batch(batch_size).map(batch)


def _with_class_weights(
    dataset: tf.data.Dataset, class_weight: Mapping[int, float]
) -> tf.data.Dataset:
    """Returns the batches with class weights; classes without one have weight 1."""
    table = np.ones([max(map(int, class_weight)) + 1], np.float32)
    for label, weight in class_weight.items():
        table[int(label)] = weight

    def weigh(x: Any, y: Any, sample_weight: Any = None) -> Any:
        if len(tf.nest.flatten(y)) != 1:
            raise ValueError("class_weight needs a model with a single output.")
        one_hot = y.shape.rank is not None and y.shape.rank > 1 and y.shape[-1] != 1
        labels = tf.argmax(y, axis=-1) if one_hot else tf.reshape(y, [tf.shape(y)[0]])
        labels = tf.cast(labels, tf.int64)
        known = (labels >= 0) & (labels < len(table))
        weights = tf.gather(table, tf.where(known, labels, 0))
        weights = tf.where(known, weights, 1.0)
        if sample_weight is not None:
            given = tf.cast(sample_weight, weights.dtype)
            weights *= tf.reshape(given, tf.shape(weights))
        return x, y, weights

    return dataset.map(weigh)
