"""The unusual models and data that the score of held-out rows must survive."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tests.keras_models import keras_3_only, linear_dataset, loop_of, mlp


def scored(model, held_out, train=None):
    """The losses of the units, and what the loop says about the held-out data."""
    with loop_of(model, train or linear_dataset(), held_out) as loop:
        return loop.evaluate(), loop.scoring.held_out


def rows(num_rows=60, seed=3):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(num_rows, 4)).astype("float32")
    return x, x[:, :1] + rng.normal(size=(num_rows, 1)).astype("float32")


def dataset(*arrays, batch_size=16):
    return tf.data.Dataset.from_tensor_slices(arrays).batch(batch_size)


def squared_errors(model, x, y):
    return ((model(x).numpy() - y) ** 2).mean(axis=-1)


def test_sample_weights_weigh_their_rows(k):
    x, y = rows()
    weights = np.linspace(0.0, 3.0, len(x)).astype("float32")
    model = mlp(k)
    scores, held_out = scored(model, dataset(x, y, weights))
    assert held_out.unit == "row"
    expected = weights * squared_errors(model, x, y)
    np.testing.assert_allclose(scores[0], expected, rtol=1e-4, atol=1e-6)


def test_several_outputs_are_added_with_their_weights(k):
    inputs = k.Input((4,))
    outputs = [k.layers.Dense(1, name=name)(inputs) for name in ("a", "b")]
    model = k.Model(inputs, outputs)
    model.compile("sgd", ["mse", "mae"], loss_weights=[1.0, 5.0])
    x, y = rows()
    train = dataset(*rows(160, seed=1)).map(lambda x, y: (x, (y, y)))
    held_out = dataset(x, y).map(lambda x, y: (x, (y, y)))
    scores, facts = scored(model, held_out, train)
    a, b = (prediction.numpy() for prediction in model(x))
    expected = ((a - y) ** 2 + 5.0 * np.abs(b - y)).ravel()
    assert facts.unit == "row"
    np.testing.assert_allclose(scores[0], expected, rtol=1e-4, atol=1e-6)


def test_regularisation_is_no_part_of_the_score(k):
    layer = k.layers.Dense(8, kernel_regularizer=k.regularizers.L2(0.1))
    model = mlp(k, layers=[layer])
    x, y = rows()
    scores, held_out = scored(model, dataset(x, y))
    assert held_out.unit == "row"
    np.testing.assert_allclose(scores[0], squared_errors(model, x, y), rtol=1e-4)


def test_a_loss_that_is_a_sum_keeps_the_scale_of_its_training_batches(k):
    reduction = "sum" if k is keras else k.losses.Reduction.SUM
    model = mlp(k, loss=k.losses.MeanSquaredError(reduction=reduction))
    x, y = rows()
    scores, held_out = scored(model, dataset(x, y))
    assert held_out.unit == "row"
    np.testing.assert_allclose(scores[0], 16 * squared_errors(model, x, y), rtol=1e-4)


def mean_loss(y, prediction):
    return tf.reduce_mean((y - prediction) ** 2)


def contrast(y, prediction):
    """A loss in which each row depends on the mean of its batch."""
    centred = prediction - tf.reduce_mean(prediction)
    return tf.reduce_mean((y - centred) ** 2, axis=-1)


class DataDependent(tf_keras.layers.Layer):
    def call(self, x):
        self.add_loss(tf.reduce_mean(x**2))
        return x


@pytest.mark.parametrize(
    "build",
    [
        lambda: mlp(keras, loss=mean_loss),
        lambda: mlp(tf_keras, loss=mean_loss),
        lambda: mlp(keras, loss=contrast),
        lambda: mlp(tf_keras, layers=[DataDependent()]),
    ],
    ids=["mean", "mean in tf_keras", "contrast", "add_loss"],
)
def test_a_loss_without_values_by_row_counts_by_batch(build):
    x, y = rows(56)
    model = build()
    scores, held_out = scored(model, dataset(x, y))
    assert held_out.unit == "batch"
    assert held_out.num_independent == 4.0
    assert scores.shape == (1, 4)
    x, y = tf.constant(x), tf.constant(y)
    total = 0.0
    for i, n in ((0, 16), (16, 16), (32, 16), (48, 8)):
        model.reset_metrics()  # Keras 3 returns the mean since the last reset
        total += n * float(model.test_on_batch(x[i : i + n], y[i : i + n]))
    assert np.mean(scores) == pytest.approx(total / 56, rel=1e-3)


@keras_3_only
def test_rows_with_nan_are_left_out_and_counted(k):
    x, y = rows()
    x[[3, 40]] = np.nan
    model = mlp(k)
    scores, held_out = scored(model, dataset(x, y))
    assert held_out.num_not_finite == 2
    assert held_out.num_rows == 58
    kept = np.isfinite(x[:, 0])
    np.testing.assert_allclose(
        scores[0], squared_errors(model, x[kept], y[kept]), rtol=1e-4
    )


@keras_3_only
def test_held_out_rows_of_another_distribution_score_as_they_are(k):
    x, y = rows()
    model = mlp(k)
    scores, held_out = scored(model, dataset(100.0 + x, y - 50.0))
    assert held_out.overlap_fraction == 0.0
    expected = squared_errors(model, 100.0 + x, y - 50.0)
    np.testing.assert_allclose(scores[0], expected, rtol=1e-4)


@keras_3_only
def test_training_rows_in_an_order_offset_by_one_are_recognised(k):
    offset = linear_dataset().unbatch().skip(1).batch(16)
    _, held_out = scored(mlp(k), offset)
    assert held_out.overlap_fraction == 1.0
    assert held_out.num_independent == 0.0


@keras_3_only
def test_a_repeated_held_out_set_is_read_once(k):
    x, y = rows(20)
    repeated = tf.data.Dataset.from_tensor_slices((x, y)).repeat().batch(16)
    model = mlp(k)
    scores, held_out = scored(model, repeated)
    assert held_out.num_rows == held_out.num_independent == 20
    np.testing.assert_allclose(scores[0], squared_errors(model, x, y), rtol=1e-4)


def test_two_devices_score_the_same_rows_in_the_same_order(k):
    x, y = rows(49)  # three whole batches, and a row that one device gets
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        model = mlp(k)
    scores, held_out = scored(model, dataset(x, y))
    assert held_out.unit == "row"
    np.testing.assert_allclose(scores[0], squared_errors(model, x, y), rtol=1e-4)
