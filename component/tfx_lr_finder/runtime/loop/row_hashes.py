"""Hashes of rows, by which copies of a row are recognised."""

from typing import Any

import tensorflow as tf

_FACTORS = (0x9E3779B97F4A7C15 - 2**64, 0x2545F4914F6CDD1D, 0x632BE59BD9B4E019)
_TEXT_BUCKETS = 2**62


@tf.function(autograph=False, reduce_retracing=True)
def row_hashes(batch: Any) -> tf.Tensor:
    """Returns a hash of each row: of its features, its label and its weight.

    Equal rows have equal hashes in every process. A row of ragged or sparse features
    has the same hash however far its batch is padded.

    Args:
      batch: Tensors, ragged or sparse ones as well, whose first dimension is the batch.

    Returns:
      int64 `[b]`.
    """
    total = tf.zeros([1], tf.int64)
    for place, part in enumerate(tf.nest.flatten(batch)):
        if part.shape.rank != 0 and _is_data(part.dtype):
            salt = tf.constant(_FACTORS[1], tf.int64) * (place + 1)  # may wrap around
            total += _mix(_part_hashes(part) + salt)
    return total


def _is_data(dtype: tf.DType) -> bool:
    return bool(dtype.is_floating or dtype.is_integer or dtype.is_bool) or (
        dtype == tf.string
    )


def _part_hashes(part: Any) -> tf.Tensor:
    if isinstance(part, tf.RaggedTensor):
        part = part.to_sparse()
    if isinstance(part, tf.SparseTensor):
        columns = tf.range(1, tf.shape(part.indices)[1], dtype=tf.int64)
        places = tf.reduce_sum(part.indices[:, 1:] * _mix(columns), axis=1)
        values = _mix(_as_integers(part.values)) * (2 * _mix(places + 1) + 1)
        num_rows = part.dense_shape[0]
        return tf.math.unsorted_segment_sum(values, part.indices[:, 0], num_rows)
    rows = tf.reshape(_as_integers(part), [tf.shape(part)[0], -1])
    places = tf.range(1, tf.shape(rows)[1] + 1, dtype=tf.int64)
    return tf.reduce_sum(_mix(rows) * (2 * _mix(places) + 1), axis=1)


def _as_integers(values: tf.Tensor) -> tf.Tensor:
    if values.dtype == tf.string:
        return tf.strings.to_hash_bucket_fast(values, _TEXT_BUCKETS)
    if values.dtype.is_floating:
        same_size = {2: tf.int16, 4: tf.int32, 8: tf.int64}.get(values.dtype.size)
        if same_size is None:
            values, same_size = tf.cast(values, tf.float32), tf.int32
        values = tf.bitcast(values, same_size)
    return tf.cast(values, tf.int64)


def _mix(values: tf.Tensor) -> tf.Tensor:
    """Returns integers that look random; int64 products wrap around."""
    values = values * _FACTORS[0]
    values = tf.bitwise.bitwise_xor(values, tf.bitwise.right_shift(values, 32))
    return values * _FACTORS[2]
