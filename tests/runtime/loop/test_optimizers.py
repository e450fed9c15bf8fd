import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tests.keras_models import loop_of, mlp, train
from tfx_lr_finder.runtime.loop.optimizers import (
    build_optimizer,
    refuse_several_optimizers,
    swept_learning_rate,
)

LEGACY = tf_keras.optimizers.legacy


def half():
    return 0.5


def cosine(k):
    return k.optimizers.schedules.CosineDecay(0.5, 100)


OPTIMIZERS = {
    "keras plain": lambda: keras.optimizers.SGD(0.5),
    "keras schedule": lambda: keras.optimizers.SGD(cosine(keras)),
    "keras callable": lambda: keras.optimizers.SGD(half),
    "keras loss scale": lambda: keras.optimizers.LossScaleOptimizer(
        keras.optimizers.SGD(0.5)
    ),
    "tf_keras plain": lambda: tf_keras.optimizers.SGD(0.5),
    "tf_keras schedule": lambda: tf_keras.optimizers.SGD(cosine(tf_keras)),
    "legacy plain": lambda: LEGACY.SGD(0.5),
    "legacy decay": lambda: LEGACY.SGD(0.5, decay=0.1),
    "legacy schedule": lambda: LEGACY.SGD(cosine(tf_keras)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_uses_the_rate_that_was_assigned(name):
    optimizer = OPTIMIZERS[name]()
    make = keras.Variable if name.startswith("keras") else tf.Variable
    weight = make([1.0])
    build_optimizer(optimizer, [weight])
    with swept_learning_rate(optimizer, tf.distribute.get_strategy()) as rate:
        for value in (0.25, 0.0625):
            before = float(weight.numpy()[0])
            rate.assign(tf.constant(value))
            scale = getattr(optimizer, "dynamic_scale", None)
            gradient = 1.0 if scale is None else float(scale.numpy())
            optimizer.apply_gradients([(tf.constant([gradient]), weight)])
            assert before - float(weight.numpy()[0]) == pytest.approx(value)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_old_rate_is_restored(name):
    optimizer = OPTIMIZERS[name]()
    make = keras.Variable if name.startswith("keras") else tf.Variable
    build_optimizer(optimizer, [make([1.0])])
    before = optimizer.get_config()
    with swept_learning_rate(optimizer, tf.distribute.get_strategy()) as rate:
        rate.assign(tf.constant(7.0))
    assert optimizer.get_config() == before


def test_the_replaced_rate_is_named():
    strategy = tf.distribute.get_strategy()
    with swept_learning_rate(keras.optimizers.SGD(0.5), strategy) as rate:
        assert rate.replaced == "constant 0.5"
    with swept_learning_rate(keras.optimizers.SGD(cosine(keras)), strategy) as rate:
        assert rate.replaced == "CosineDecay"


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_decoupled_weight_decay_scales_with_the_rate(k, weight_decay):
    optimizer = k.optimizers.AdamW(1e-3, weight_decay=weight_decay)
    make = keras.Variable if k is keras else tf.Variable
    weight = make([4.0])
    build_optimizer(optimizer, [weight])
    with swept_learning_rate(optimizer, tf.distribute.get_strategy()) as rate:
        rate.assign(tf.constant(0.5))
        optimizer.apply_gradients([(tf.constant([0.0]), weight)])
    assert float(weight.numpy()[0]) == pytest.approx(4.0 * (1 - 0.5 * weight_decay))


def test_gradient_clipping_is_kept(k, dataset):
    model = mlp(k, k.optimizers.SGD(0.1, clipnorm=1e-6))
    with loop_of(model, dataset) as loop:
        loop.begin_sweep()
        before = [np.array(w) for w in model.get_weights()]
        train(loop, np.full(5, 1.0))
        for old, new in zip(before, model.get_weights(), strict=True):
            np.testing.assert_allclose(old, new, atol=1e-5)


def test_gradient_accumulation_updates_every_third_step(dataset):
    model = mlp(keras, keras.optimizers.SGD(0.1, gradient_accumulation_steps=3))
    with loop_of(model, dataset) as loop:
        loop.begin_sweep()
        before = np.array(model.get_weights()[0])
        train(loop, np.full(2, 0.1))
        np.testing.assert_array_equal(before, model.get_weights()[0])
        train(loop, np.full(1, 0.1))
        assert not np.array_equal(before, model.get_weights()[0])


def test_a_model_with_two_optimizers_is_refused(k):
    model = mlp(k)
    model.second = k.optimizers.Adam(1e-3)
    with pytest.raises(ValueError, match="several optimizers .*Adam"):
        refuse_several_optimizers(model)
    refuse_several_optimizers(mlp(k))
