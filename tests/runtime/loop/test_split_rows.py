import numpy as np
import pytest
import tensorflow as tf

from tfx_lr_finder.runtime.loop.split_rows import split_rows


def values(dataset, num_batches=40):
    return np.concatenate([np.ravel(x) for x in dataset.take(num_batches)])


def numbered(num_rows):
    return tf.data.Dataset.from_tensor_slices(np.arange(float(num_rows)))


@pytest.mark.parametrize("num_rows", [2, 3, 32, 33, 640])
def test_every_row_is_on_one_side(num_rows):
    train, held_out, num_train = split_rows(numbered(num_rows).batch(32), num_rows)
    train, held_out = values(train), values(held_out)
    assert len(train) >= 1
    assert len(held_out) >= 1
    np.testing.assert_array_equal(
        np.sort(np.append(train, held_out)), np.arange(num_rows)
    )
    assert 1 <= num_train < num_rows


def test_rows_that_are_shuffled_in_each_pass_stay_on_their_side():
    endless = numbered(100).shuffle(100).repeat().batch(16)
    train, held_out, num_train = split_rows(endless, 100)
    assert not set(values(train)) & set(values(held_out))
    assert 70 <= num_train <= 90


def test_sorted_rows_are_held_out_from_the_whole_range():
    held_out = values(split_rows(numbered(1000).batch(16), None)[1])
    assert held_out.min() < 50
    assert held_out.max() > 950
    assert 100 < len(held_out) < 300


def test_rows_of_few_values_are_on_both_sides():
    drawn = np.random.default_rng(0).integers(0, 3, 400).astype("float64")
    few = tf.data.Dataset.from_tensor_slices(drawn).batch(16)
    train, held_out, _ = split_rows(few, None)
    assert set(values(train)) == set(values(held_out)) == {0.0, 1.0, 2.0}
    assert len(values(held_out)) == 80


@pytest.mark.parametrize("num_rows", [1, 32])
def test_rows_that_are_all_the_same_cannot_be_split(num_rows):
    same = tf.data.Dataset.from_tensors(1.0).repeat(num_rows).batch(16)
    assert split_rows(same, None)[:2] == (same, same)


def test_batches_of_unlike_shapes_are_held_out_as_a_whole():
    padded = tf.data.Dataset.from_generator(
        lambda: (np.full((2, n), n, "float32") for n in range(1, 11)),
        output_signature=tf.TensorSpec([None, None], tf.float32),
    )
    train, held_out, _ = split_rows(padded, None)
    assert set(values(held_out)) == {5.0, 10.0}
    assert not set(values(train)) & {5.0, 10.0}
