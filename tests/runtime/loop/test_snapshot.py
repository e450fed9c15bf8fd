import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tests.keras_models import loop_of, mlp, train
from tfx_lr_finder.runtime.loop.snapshot import MIN_ZEROS, Snapshot


def values_of(variables):
    return [np.array(tf.convert_to_tensor(variable)) for variable in variables]


def assert_changed_and_restored(loop, variables, steps=6):
    """A training changes every variable, and the next sweep restores it."""
    loop.begin_sweep()
    before = values_of(variables)
    assert before
    train(loop, np.full(steps, 0.05))
    trained = values_of(variables)
    changed = [not np.array_equal(a, b) for a, b in zip(before, trained, strict=True)]
    assert all(changed)
    loop.begin_sweep()
    for old, new in zip(before, values_of(variables), strict=True):
        np.testing.assert_array_equal(old, new)


def test_weights_optimizer_slots_and_the_iteration_counter_are_restored(k, dataset):
    model = mlp(k, k.optimizers.Adam(1e-3))
    with loop_of(model, dataset) as loop:
        optimizer = model.optimizer
        slots = [v for v in optimizer.variables if "learning_rate" not in v.name]
        assert len(slots) == 1 + 2 * len(model.trainable_variables)
        assert_changed_and_restored(loop, [*model.trainable_variables, *slots])


def test_slots_of_a_legacy_optimizer_are_restored(dataset):
    model = mlp(tf_keras, tf_keras.optimizers.legacy.Adam(1e-3))
    with loop_of(model, dataset) as loop:
        slots = model.optimizer.weights
        assert len(slots) == 1 + 2 * len(model.trainable_variables)
        assert_changed_and_restored(loop, slots)


def test_batch_norm_statistics_are_restored(k, dataset):
    norm = k.layers.BatchNormalization()
    with loop_of(mlp(k, layers=[norm]), dataset) as loop:
        assert_changed_and_restored(loop, [norm.moving_mean, norm.moving_variance])


def test_metrics_are_restored(k, dataset):
    model = mlp(k, metrics=["mae"])
    model.fit(dataset, verbose=0)
    variables = [v for metric in model.metrics for v in metric.variables]
    before = values_of(variables)
    with loop_of(model, dataset) as loop:
        loop.begin_sweep()
        train(loop, np.full(3, 0.05))
        loop.evaluate()
        loop.restore()
        after = values_of(variables)
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)


def test_seed_generators_are_restored(dataset):
    dropout = keras.layers.Dropout(0.5, seed=1)
    with loop_of(mlp(keras, layers=[dropout]), dataset) as loop:
        assert_changed_and_restored(loop, [dropout.seed_generator.state])


def test_every_candidate_has_the_same_dropout_masks(dataset):
    with loop_of(mlp(keras, layers=[keras.layers.Dropout(0.5)]), dataset) as loop:
        runs = []
        for _ in range(2):
            loop.begin_candidate()
            runs.append(train(loop, np.full(5, 0.05)))
    np.testing.assert_array_equal(*runs)


def test_the_loss_scale_is_restored(k, dataset):
    policy = k.mixed_precision
    set_policy = getattr(policy, "set_global_policy", None) or policy.set_dtype_policy
    set_policy("mixed_float16")
    try:
        model = mlp(k, k.optimizers.SGD(0.05))
        with loop_of(model, dataset) as loop:
            scale = scale_of(model.optimizer)
            loop.begin_sweep()
            before = values_of([scale])[0]
            train(loop, np.full(3, 1e30))  # overflows: the scale is halved
            assert values_of([scale])[0] < before
            loop.begin_sweep()
            assert values_of([scale])[0] == before
    finally:
        set_policy("float32")


def scale_of(optimizer):
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return optimizer.dynamic_scale
    return optimizer._loss_scale._current_loss_scale


def test_a_variable_that_a_layer_holds_as_an_attribute_is_restored(k, dataset):
    class Counting(k.layers.Layer):
        def __init__(self):
            super().__init__()
            self.calls = tf.Variable(0.0, trainable=False)

        def call(self, x, training=None):
            if training:
                self.calls.assign_add(1.0)
            return x

    layer = Counting()
    with loop_of(mlp(k, layers=[layer]), dataset) as loop:
        assert_changed_and_restored(loop, [layer.calls])


@pytest.mark.parametrize("use", ["keras", "tf_keras"])
def test_state_under_a_strategy_is_restored(use, dataset):
    k = {"keras": keras, "tf_keras": tf_keras}[use]
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        model = mlp(k, k.optimizers.Adam(1e-3))
    with loop_of(model, dataset) as loop:
        assert_changed_and_restored(loop, model.trainable_variables)


def test_a_large_variable_of_zeros_is_restored_without_a_copy():
    zeros = tf.Variable(tf.zeros([MIN_ZEROS]))
    ones = tf.Variable(tf.ones([MIN_ZEROS]))
    snapshot = Snapshot([zeros, ones])
    assert [value is None for value in snapshot._values] == [True, False]
    zeros.assign_add(tf.fill([MIN_ZEROS], np.nan))
    ones.assign_add(ones)
    snapshot.restore()
    np.testing.assert_array_equal(zeros, np.zeros(MIN_ZEROS))
    np.testing.assert_array_equal(ones, np.ones(MIN_ZEROS))
