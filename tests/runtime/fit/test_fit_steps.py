"""The steps of a `fit`, compared with those that Keras really takes."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tests.keras_models import mlp
from tfx_lr_finder.runtime.fit.batch_size import read_batch_size
from tfx_lr_finder.runtime.fit.fit_steps import fit_steps
from tfx_lr_finder.runtime.fit.intercept import intercepted_fit
from tfx_lr_finder.runtime.loop.inputs import is_sequence

X = np.random.default_rng(0).normal(size=(26, 4)).astype("float32")
Y = X[:, :1]
NUM_BATCHES = 13


def taken(k, *data, **arguments):
    """Runs a `fit`; returns the steps that it took, and those that were foreseen."""
    foreseen, ended = [], []

    class Count(k.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            ended.append(batch)

    def handler(call):
        foreseen.append(fit_steps(call))
        return call.proceed()

    model = mlp(k)
    model.run_eagerly = k is tf_keras  # its trace takes longer than all steps
    with intercepted_fit(handler):
        model.fit(*data, callbacks=[Count()], verbose=0, **arguments)
    (steps,) = foreseen
    return len(ended), steps


CALLS = [(5, 4), (20, 4), (13, 2), (5, 2), (26, 1), (6, 2), (None, 2)]


@pytest.mark.parametrize(("steps_per_epoch", "epochs"), CALLS)
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_the_steps_are_those_that_keras_takes(k, steps_per_epoch, epochs):
    given = {"steps_per_epoch": steps_per_epoch, "epochs": epochs}
    dataset = tf.data.Dataset.from_tensor_slices((X, Y)).batch(2)
    for data, more in (((dataset,), {}), ((X, Y), {"batch_size": 2})):
        steps, foreseen = taken(k, *data, **given, **more)
        assert foreseen.steps == steps


def sequence(k):
    base = k.utils.Sequence if k is tf_keras else k.utils.PyDataset

    class Batches(base):
        def __len__(self):
            return NUM_BATCHES

        def __getitem__(self, index):
            return X[2 * index : 2 * index + 2], Y[2 * index : 2 * index + 2]

    return Batches()


@pytest.mark.parametrize(("steps_per_epoch", "epochs"), CALLS)
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_the_steps_of_a_sequence_are_those_that_keras_takes(k, steps_per_epoch, epochs):
    given = {"steps_per_epoch": steps_per_epoch, "epochs": epochs}
    steps, foreseen = taken(k, sequence(k), **given)
    assert foreseen.steps == steps


def test_a_sequence_is_what_the_range_test_takes_for_one(k):
    class Batches:
        """No subclass, and without `on_epoch_end`."""

        def __len__(self):
            return NUM_BATCHES

        def __getitem__(self, index):
            return X[2 * index : 2 * index + 2], Y[2 * index : 2 * index + 2]

    calls = []
    with intercepted_fit(calls.append):
        mlp(k).fit(Batches(), epochs=3)
    assert is_sequence(Batches())
    assert fit_steps(calls[0]).steps == 3 * NUM_BATCHES
    assert read_batch_size(Batches()) == 2


def test_the_source_says_that_the_data_end_before(k):
    dataset = tf.data.Dataset.from_tensor_slices((X, Y)).batch(2)
    with intercepted_fit(fit_steps):
        found = mlp(k).fit(dataset, steps_per_epoch=1000, epochs=10)
        endless = mlp(k).fit(dataset.repeat(), steps_per_epoch=10, epochs=10)
    assert found.steps == NUM_BATCHES * (1 if k.__name__ == "tf_keras" else 10)
    assert "less because the data end" in found.source
    assert (endless.steps, endless.source) == (100, "fit: steps_per_epoch x epochs")


def test_data_that_do_not_know_their_size_are_counted_by_examples(k):
    data = tf.data.Dataset.from_tensor_slices((X, Y)).filter(lambda x, y: True).batch(2)
    calls = []
    with intercepted_fit(calls.append):
        mlp(k).fit(data, epochs=3)
    assert fit_steps(calls[0]).steps is None
    found = fit_steps(calls[0], lambda: 7)
    assert (found.steps, found.source) == (21, "fit: examples / batch size x epochs")


def test_the_size_of_a_sample_does_not_count(k):
    sample = tf.data.Dataset.from_tensor_slices((X, Y)).batch(2)
    calls = []
    with intercepted_fit(calls.append):
        mlp(k).fit(sample, epochs=3)
    assert fit_steps(calls[0], lambda: 900, is_sampled=True).steps == 2700
