import numpy as np
import tensorflow as tf

from tfx_lr_finder.runtime.loop.row_hashes import row_hashes


def hashes(batch):
    return row_hashes(batch).numpy()


def test_rows_have_equal_hashes_only_if_they_are_equal():
    x = np.random.default_rng(0).integers(0, 2, (4000, 6)).astype("float32")
    y = np.arange(4000) % 3
    found = hashes((x, y))
    wanted = np.unique(np.column_stack([x, y]), axis=0)
    assert len(np.unique(found)) == len(wanted)
    again = np.random.default_rng(1).permutation(4000)
    np.testing.assert_array_equal(hashes((x[again], y[again])), found[again])


def test_the_hash_depends_on_the_place_and_the_name_of_a_value():
    ones, zeros = np.ones((1, 1), "float32"), np.zeros((1, 1), "float32")
    batches = [(ones, zeros), (zeros, ones), {"a": ones, "b": zeros}]
    assert hashes(batches[0]) != hashes(batches[1])
    assert hashes(np.float32([[1.0, 0.0]])) != hashes(np.float32([[0.0, 1.0]]))


def test_padding_does_not_change_the_hash_of_ragged_and_sparse_rows():
    short = tf.ragged.constant([[1, 2], [3]])
    long = tf.ragged.constant([[1, 2], [3], [4, 5, 6, 7]])
    np.testing.assert_array_equal(hashes(short), hashes(long)[:2])
    np.testing.assert_array_equal(hashes(short.to_sparse()), hashes(short))
    words = tf.ragged.constant([["a", "b"], ["c"]])
    assert len(set(hashes(words))) == 2


def test_every_type_of_data_is_hashed():
    values = np.array([0, 1, 1])
    for dtype in (tf.float16, tf.bfloat16, tf.float64, tf.int8, tf.uint8, tf.bool):
        first, second, third = hashes(tf.cast(values, dtype))
        assert first != second == third
    first, second, third = hashes(tf.constant(["x", "y", "y"]))
    assert first != second == third


def test_rows_of_any_number_of_features_are_hashed():
    features = {f"feature_{i}": tf.constant([[1.0], [2.0], [1.0]]) for i in range(40)}
    hashes = row_hashes((features, tf.constant([0, 1, 0]))).numpy()
    assert hashes[0] == hashes[2] != hashes[1]
