import itertools
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tests.keras_models import keras_3_only, loop_of, mlp, train
from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.ladder import learning_rate_ladder
from tfx_lr_finder.range_test.sweep import run_sweep
from tfx_lr_finder.runtime.loop import trainer_loop
from tfx_lr_finder.runtime.loop.trainer_loop import CHUNK_SECONDS


def eager_losses(model, dataset, rates, loss_of):
    """A plain eager loop: the reference."""
    losses = []
    for rate, (x, y) in zip(rates, dataset.repeat(), strict=False):
        model.optimizer.learning_rate.assign(rate)
        with tf.GradientTape() as tape:
            loss = loss_of(y, model(x, training=True))
        weights = model.trainable_variables
        gradients = tape.gradient(loss, weights)
        model.optimizer.apply_gradients(zip(gradients, weights, strict=True))
        losses.append(float(loss))
    return losses


@pytest.mark.parametrize("name", ["SGD", "AdamW"])
def test_losses_equal_a_plain_eager_loop(k, dataset, name):
    rates = np.geomspace(1e-4, 0.5, 25)
    optimizer = getattr(k.optimizers, name)
    with loop_of(mlp(k, optimizer(1e-3)), dataset) as loop:
        loop.begin_sweep()
        compiled = train(loop, rates)
    reference = mlp(k, optimizer(1e-3))
    mse = k.losses.MeanSquaredError()
    np.testing.assert_allclose(
        compiled, eager_losses(reference, dataset, rates, mse), rtol=2e-4, atol=1e-6
    )


def test_a_quadratic_loss_is_lowest_at_the_first_rate_above_two_over_h(k):
    # One weight w, loss w^2: h = 2, so the edge is at a rate of 1.
    model = k.Sequential([k.layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    model.compile(k.optimizers.SGD(0.1), "mse")
    ones = tf.data.Dataset.from_tensors((tf.ones([1, 1]), tf.zeros([1, 1])))
    config = RangeTestConfig(
        min_lr=1e-3, max_lr=1e2, num_rates=60, divergence_factor=1e9
    )
    with loop_of(model, ones) as loop:
        sweep = run_sweep(loop, learning_rate_ladder(config), config)
    rates = np.array(sweep.learning_rates)
    assert rates[int(np.argmin(sweep.losses))] == rates[rates > 1.0][0]


def test_the_step_is_traced_once(k, dataset):
    with loop_of(mlp(k, k.optimizers.Adam()), dataset) as loop:
        for begin in (loop.begin_sweep, loop.begin_candidate, loop.begin_sweep):
            begin()
            train(loop, np.full(40, 1e-3))
            loop.evaluate()
        assert loop.step.num_traces == 1


def test_batches_of_unequal_shape_do_not_retrace(k):
    x = np.ones((50, 4), "float32")
    ragged = tf.data.Dataset.from_tensor_slices((x, x[:, :1])).batch(16)
    with loop_of(mlp(k), ragged) as loop:
        loop.begin_sweep()
        assert len(train(loop, np.full(11, 1e-3))) == 11
        assert loop.step.num_traces == 1


def test_a_loss_that_is_not_finite_ends_the_chunk(k, dataset):
    with loop_of(mlp(k), dataset) as loop:
        loop.begin_sweep()
        rates = np.array([1e-3, 1e30, 1e30, 1e-3, 1e-3, 1e-3, 1e-3])
        losses = loop.train(rates)
    assert len(losses) < len(rates)
    assert np.isfinite(losses[:-1]).all()
    assert not np.isfinite(losses[-1])


@keras_3_only
def test_a_loss_above_the_limit_ends_the_chunk(k, dataset):
    with loop_of(mlp(k), dataset) as loop:
        loop.begin_sweep()
        losses = loop.train(np.full(10, 1e-3), stop_above=-1.0)
    assert len(losses) == 1


@keras_3_only
def test_every_candidate_has_the_same_batches_and_the_same_start(k, dataset):
    shuffled = dataset.unbatch().shuffle(200).batch(16)
    with loop_of(mlp(k, k.optimizers.Adam()), shuffled) as loop:
        runs = []
        for _ in range(3):
            loop.begin_candidate()
            runs.append(train(loop, np.full(5, 1e-2)))
    np.testing.assert_array_equal(runs[0], runs[1])
    np.testing.assert_array_equal(runs[0], runs[2])


@keras_3_only
def test_sweeps_have_different_batches(k, dataset):
    with loop_of(mlp(k), dataset) as loop:
        loop.begin_sweep()
        first = train(loop, np.full(5, 1e-6))
        loop.begin_sweep()
        second = train(loop, np.full(5, 1e-6))
    assert not np.allclose(first, second)


def test_evaluation_is_the_loss_of_each_row_and_changes_nothing(k, dataset):
    model = mlp(k, metrics=["mae"])
    with loop_of(model, dataset) as loop:
        losses, mismatched = loop.evaluate()
        np.testing.assert_array_equal([losses, mismatched], loop.evaluate())
    batches = [(y.numpy(), model(x).numpy()) for x, y in dataset.take(4)]
    expected = [(y - p) ** 2 for y, p in batches]
    np.testing.assert_allclose(losses, np.concatenate(expected).ravel(), rtol=1e-4)
    expected = [(y - np.roll(p, 1, axis=0)) ** 2 for y, p in batches]
    np.testing.assert_allclose(mismatched, np.concatenate(expected).ravel(), rtol=1e-4)


def test_the_loss_includes_regularisation_and_sample_weights(k, dataset):
    weighted = dataset.map(lambda x, y: (x, y, tf.fill([16], 3.0)))
    layer = k.layers.Dense(8, kernel_regularizer=k.regularizers.L2(0.1))
    model = mlp(k, layers=[layer])
    with loop_of(model, weighted) as loop:
        loop.begin_sweep()
        loss = train(loop, [1e-9])[0]
        loop.restore()
        x, y, _ = next(iter(weighted))
        mse = float(tf.reduce_mean((y - model(x)) ** 2))
        penalty = 0.1 * float(tf.reduce_sum(tf.convert_to_tensor(layer.kernel) ** 2))
    assert loss == pytest.approx(3.0 * mse + penalty, rel=1e-5)


def custom_step_model(k, body):
    class Custom(k.Model):
        def __init__(self):
            super().__init__()
            self.dense = k.layers.Dense(1)

        def call(self, x, training=None):
            return self.dense(x)

        def train_step(self, data):
            return body(self, data)

    k.utils.set_random_seed(0)
    model = Custom()
    model.compile(k.optimizers.SGD(0.1), "mse")
    return model


def plain_step(model, data):
    x, y = data
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.abs(y - model(x, training=True)))
    weights = model.trainable_variables
    gradients = tape.gradient(loss, weights)
    model.optimizer.apply_gradients(zip(gradients, weights, strict=True))
    return {"loss": loss}


def test_a_custom_train_step_is_used(k, dataset):
    with loop_of(custom_step_model(k, plain_step), dataset) as loop:
        loop.begin_sweep()
        losses = train(loop, np.full(12, 0.05))
        assert loop.step.num_traces == 1
    reference = custom_step_model(k, plain_step)
    reference(next(iter(dataset))[0])

    def mae(y, prediction):
        return tf.reduce_mean(tf.abs(y - prediction))

    expected = eager_losses(reference, dataset, np.full(12, 0.05), mae)
    np.testing.assert_allclose(losses, expected, rtol=1e-4)


@keras_3_only
def test_a_step_that_cannot_be_compiled_runs_eagerly_with_a_warning(k, dataset, caplog):
    def body(model, data):
        logs = plain_step(model, data)
        float(logs["loss"].numpy())  # fails in a graph
        return logs

    with loop_of(custom_step_model(k, body), dataset) as loop:
        loop.begin_sweep()
        assert len(train(loop, np.full(5, 0.01))) == 5
        assert loop.step.eager


def test_python_control_flow_on_tensors_is_compiled_as_fit_compiles_it(dataset):
    def body(model, data):
        logs = plain_step(model, data)
        if logs["loss"] > 1e9:
            logs["loss"] = logs["loss"] * 0.0
        return logs

    with loop_of(custom_step_model(tf_keras, body), dataset) as loop:
        loop.begin_sweep()
        assert len(train(loop, np.full(5, 0.01))) == 5
        assert not loop.step.eager


def test_a_model_compiled_with_run_eagerly_runs_eagerly(k, dataset):
    model = mlp(k)
    model.compile(k.optimizers.SGD(0.1), "mse", run_eagerly=True)
    with loop_of(model, dataset) as loop:
        loop.begin_sweep()
        assert loop.step.eager
        assert len(train(loop, np.full(5, 0.01))) == 5


@keras_3_only
def test_a_step_without_a_loss_is_refused(k, dataset):
    def body(model, data):
        return {"total": plain_step(model, data)["loss"]}

    model = custom_step_model(k, body)
    with loop_of(model, dataset) as loop:
        loop.begin_sweep()
        with pytest.raises(ValueError, match="'total'"):
            loop.train(np.full(5, 0.01))


def test_chunks_double_while_they_are_short_and_halve_when_they_are_long(
    dataset, monkeypatch
):
    seconds = itertools.chain.from_iterable(
        (0.0, length) for length in (0.1 * CHUNK_SECONDS, 10 * CHUNK_SECONDS, 0.0)
    )
    with loop_of(mlp(keras), dataset) as loop:
        loop.begin_sweep()
        clock = types.SimpleNamespace(monotonic=lambda: next(seconds))
        monkeypatch.setattr(trainer_loop, "time", clock)
        lengths = [len(loop.train(np.full(1000, 1e-6))) for _ in range(3)]
    assert lengths == [lengths[0], 2 * lengths[0], lengths[0]]


def test_xla_gives_the_same_losses(k, dataset):
    curves = []
    for jit_compile in (False, True):
        with loop_of(mlp(k), dataset, jit_compile=jit_compile) as loop:
            loop.begin_sweep()
            curves.append(train(loop, np.geomspace(1e-3, 0.5, 20)))
    np.testing.assert_allclose(*curves, rtol=1e-4)


def test_two_devices_give_the_same_losses_as_one(k, dataset):
    def curve(strategy):
        with strategy.scope():
            model = mlp(k, k.optimizers.SGD(0.05, momentum=0.9), metrics=["mae"])
        with loop_of(model, dataset) as loop:
            loop.begin_sweep()
            # The second score pairs rows within a replica, so it may differ.
            return train(loop, np.geomspace(1e-3, 0.3, 30)), loop.evaluate()[0]

    one = curve(tf.distribute.get_strategy())
    two = curve(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
    np.testing.assert_allclose(one[0], two[0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(one[1], two[1], rtol=1e-4, atol=1e-6)


def test_mixed_precision_trains_with_its_loss_scale(k, dataset):
    policy = k.mixed_precision
    set_policy = getattr(policy, "set_global_policy", None) or policy.set_dtype_policy
    set_policy("mixed_float16")
    try:
        model = mlp(k, k.optimizers.SGD(0.01))
        with loop_of(model, dataset) as loop:
            assert "LossScale" in type(model.optimizer).__name__
            loop.begin_sweep()
            losses = train(loop, np.full(30, 0.05))
    finally:
        set_policy("float32")
    assert losses[-10:].mean() < losses[:10].mean()


def test_unbuilt_models_are_built_and_start_from_their_own_initial_weights(k, dataset):
    model = k.Sequential([k.layers.Dense(3), k.layers.Dense(1)])
    model.compile(k.optimizers.Adam(0.1), "mse", metrics=["mae"])
    with loop_of(model, dataset) as loop:
        loop.begin_sweep()
        before = [np.array(weight) for weight in model.get_weights()]
        train(loop, np.full(8, 0.1))
        loop.begin_sweep()
        for old, new in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)


def test_keras_3_is_distinguished_from_tf_keras():
    from tfx_lr_finder.runtime.loop.checks import is_keras_3

    assert is_keras_3(mlp(keras))


@pytest.mark.parametrize("chunk", [4, 16, 64])
def test_a_gpu_that_does_not_look_at_its_losses_gives_the_same_sweeps(
    k, dataset, monkeypatch, chunk
):
    config = RangeTestConfig(min_lr=1e-3, max_lr=1e3, num_rates=60)
    ladder = learning_rate_ladder(config)
    with loop_of(mlp(k), dataset) as loop:
        looking = run_sweep(loop, ladder, config)
    monkeypatch.setattr(trainer_loop, "FIRST_CHUNK", chunk)
    with loop_of(mlp(k), dataset, stops_early=False) as loop:
        sweep = run_sweep(loop, ladder, config)
        loop.begin_sweep()
        thrown_away = -sweep.num_steps % min(chunk, trainer_loop.GPU_CHUNK)
        assert loop.num_steps_thrown_away == thrown_away
        start = trainer_loop.GPU_CHUNK * -(-sweep.num_steps // trainer_loop.GPU_CHUNK)
        next_losses = train(loop, np.full(5, 1e-6))
    assert sweep == looking
    assert sweep.num_steps < 60
    with loop_of(mlp(k), dataset) as loop:
        loop.begin_sweep()
        loop.skip(start)
        np.testing.assert_array_equal(next_losses, train(loop, np.full(5, 1e-6)))


def test_losses_behind_a_suspect_one_are_returned_by_the_next_call(k, dataset):
    rates = np.full(10, 1e-3)
    with loop_of(mlp(k), dataset) as loop:
        loop.begin_sweep()
        expected = train(loop, rates)
    with loop_of(mlp(k), dataset, stops_early=False) as loop:
        loop.begin_sweep()
        found = [loop.train(rates[i:], stop_above=-1.0) for i in range(10)]
        assert loop.num_steps == 10
        assert loop.num_steps_thrown_away == 0
    np.testing.assert_array_equal(np.concatenate(found), expected)


@keras_3_only
def test_a_first_step_out_of_memory_names_the_batch_size(k, dataset, monkeypatch):
    def build(*arguments, **options):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")

    monkeypatch.setattr(trainer_loop, "KerasStep", build)
    with (
        pytest.raises(MemoryError, match="at a batch size of 16"),
        loop_of(mlp(k, k.optimizers.SGD()), dataset),
    ):
        pass
