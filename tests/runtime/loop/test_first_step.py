"""One step before the trace: it builds the model, and it leaves no change behind."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tests.keras_models import loop_of, mlp, train
from tfx_lr_finder.runtime.loop import first_step


def values_of(model):
    variables = [*model.variables, *model.optimizer.variables]
    return [np.array(tf.convert_to_tensor(variable)) for variable in variables]


def assert_equal(before, after):
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)


def only_trains(k, optimizer, fails=False):
    """A model of two layers without `call` or `test_step`, like many a VAE."""

    class OnlyTrains(k.Model):
        def __init__(self):
            super().__init__()
            self.encoder = k.layers.Dense(2)
            self.decoder = k.Sequential(
                [k.layers.Dense(4), k.layers.BatchNormalization()]
            )
            self.loss_metric = k.metrics.Mean(name="loss")

        @property
        def metrics(self):
            return [self.loss_metric]

        def train_step(self, batch):
            x = batch[0]
            with tf.GradientTape() as tape:
                output = self.decoder(self.encoder(x), training=True)
                loss = tf.reduce_mean((output - x) ** 2)
            weights = self.trainable_weights
            gradients = tape.gradient(loss, weights)
            self.optimizer.apply_gradients(zip(gradients, weights, strict=True))
            self.loss_metric.update_state(loss)
            if fails:
                raise ArithmeticError("a fault after the update")
            return {"loss": self.loss_metric.result()}

    k.utils.set_random_seed(0)
    model = OnlyTrains()
    model.compile(optimizer)
    return model


def test_the_model_is_unchanged_when_its_first_eager_step_raises_an_error(k, dataset):
    model = only_trains(k, k.optimizers.Adam(0.1), fails=True)
    batch = next(iter(dataset))
    with pytest.raises(ValueError, match="ArithmeticError: a fault after the update"):
        first_step.check_training(model, batch)
    before = values_of(model)  # built by now
    with pytest.raises(ValueError, match="ArithmeticError: a fault after the update"):
        first_step.check_training(model, batch)
    assert_equal(before, values_of(model))
    slots = [v for v in model.optimizer.variables if "learning_rate" not in v.name]
    assert all(np.all(np.array(tf.convert_to_tensor(slot)) == 0) for slot in slots)


@pytest.mark.parametrize(("metrics", "num_steps"), [(None, 0), (["mae"], 1)])
def test_a_functional_model_without_metrics_needs_no_step_before_the_trace(
    k, dataset, metrics, num_steps
):
    steps = []

    class Counting(k.Model):
        def test_step(self, batch):
            steps.append(batch)
            return super().test_step(batch)

    inputs = k.Input((4,))
    model = Counting(inputs, k.layers.Dense(1)(inputs))
    model.compile("adam", "mse", metrics=metrics)
    with loop_of(model, dataset, num_eval_batches=0) as loop:
        assert loop.step.num_traces == 1
    assert len(steps) == num_steps


def test_a_batch_that_does_not_fit_a_built_model_is_refused(k, dataset):
    narrow = dataset.map(lambda x, y: (x[:, :3], y))
    match = "cannot be run on the first training batch"
    with (
        pytest.raises(ValueError, match=match),
        loop_of(mlp(k), narrow, num_eval_batches=0),
    ):
        pass


def test_a_model_with_only_a_train_step_is_trained_and_then_fits(k, dataset):
    model = only_trains(k, k.optimizers.Adam(0.01))
    with loop_of(model, dataset, num_eval_batches=0) as loop:
        start = values_of(model)
        loop.begin_sweep()
        losses = train(loop, np.full(10, 0.01))
        loop.restore()
        assert_equal(start, values_of(model))
    assert not loop.step.eager
    assert losses[-1] < losses[0]
    norm = model.decoder.layers[1]
    assert np.all(np.array(tf.convert_to_tensor(norm.moving_mean)) == 0)
    model.fit(dataset, verbose=0)


def test_a_model_without_call_and_test_step_is_refused_with_the_way_out(dataset):
    model = only_trains(keras, keras.optimizers.Adam(0.01))
    match = "cannot score the first held-out batch: (.|\n)*test_step(.|\n)*confirm_st"
    with pytest.raises(ValueError, match=match), loop_of(model, dataset):
        pass


def test_python_conditions_on_tensors_are_evaluated_in_a_graph(dataset):
    class Conditional(tf_keras.Model):
        def __init__(self):
            super().__init__()
            self.layer = tf_keras.layers.Dense(1)

        def call(self, x):
            if tf.reduce_sum(x) > 0:
                x = 2 * x
            for _ in tf.range(2):
                x = x + 1
            return self.layer(x)

    model = Conditional()
    model.compile("sgd", "mse")
    with loop_of(model, dataset) as loop:
        loop.begin_candidate()
        (losses,) = loop.evaluate()
        expected = [model.evaluate(x, y, verbose=0) for x, y in dataset.take(4)]
        assert not loop.step.eager
    np.testing.assert_allclose(losses, expected, rtol=1e-5)


def test_a_loss_with_a_python_condition_is_evaluated_in_a_graph(dataset):
    def loss(y, prediction):
        error = tf.reduce_mean((y - prediction) ** 2)
        if error > 1.0:
            error = tf.sqrt(error)
        return error

    model = mlp(tf_keras, loss=loss)
    with loop_of(model, dataset) as loop:
        loop.begin_candidate()
        assert np.isfinite(loop.evaluate()).all()
        assert not loop.step.eager


def test_labels_outside_of_the_classes_are_named(k, dataset):
    model = k.Sequential([k.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    first = dataset.map(lambda x, y: (x, tf.fill([16], 1)))
    wrong = first.concatenate(dataset.map(lambda x, y: (x, tf.fill([16], 3))))
    with loop_of(model, wrong, first) as loop:
        loop.begin_sweep()
        match = r"A label of the training dataset is 3, and .* classes \[0, 3\)"
        with pytest.raises(ValueError, match=match):
            train(loop, np.full(20, 0.01))


def test_a_dataset_that_can_be_read_only_once_is_refused(dataset):
    batches = iter(list(dataset))
    spec = (tf.TensorSpec([None, 4]), tf.TensorSpec([None, 1]))
    once = tf.data.Dataset.from_generator(lambda: batches, output_signature=spec)

    def train_on_it():
        with loop_of(mlp(keras), once, dataset) as loop:
            loop.begin_sweep()
            train(loop, np.full(20, 0.01))

    with pytest.raises(ValueError, match="The training dataset gives its batches onl"):
        train_on_it()
