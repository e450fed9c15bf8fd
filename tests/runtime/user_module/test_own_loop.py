"""`which_fit` in LRFinder, and training loops outside of `fit`."""

import contextlib

import keras
import keras_tuner
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tfx.components.trainer.fn_args_utils import FnArgs

from tests.keras_models import mlp
from tfx_lr_finder.runtime.user_module.call import LR_FINDER_FN_TO_ADD
from tfx_lr_finder.runtime.user_module.reach_fit import reach_fit


@pytest.fixture
def fn_args(tmp_path):
    return FnArgs(working_dir=str(tmp_path))


def capture(run_fn, fn_args, which_fit="first"):
    return reach_fit(run_fn, fn_args, which_fit)


def test_the_nth_fit_is_tested_and_those_before_it_run(k, dataset, fn_args, caplog):
    caplog.set_level("INFO", logger="absl")
    models = [mlp(k, seed=seed) for seed in range(3)]
    before = models[0].get_weights()[0].copy(), models[1].get_weights()[0].copy()

    def run_fn(_):
        for model in models:
            model.fit(dataset, verbose=0)

    assert capture(run_fn, fn_args, which_fit="2").model is models[1]
    assert not np.array_equal(models[0].get_weights()[0], before[0])
    np.testing.assert_array_equal(models[1].get_weights()[0], before[1])
    assert "fit 1 of run_fn trains for real, for 10 steps" in caplog.text


def test_every_fit_tests_the_first(k, dataset, fn_args):
    model = mlp(k)
    assert capture(lambda _: model.fit(dataset), fn_args, which_fit="every").model
    assert int(tf.convert_to_tensor(model.optimizer.iterations)) == 0


def test_fewer_fits_than_which_fit_are_refused(k, dataset, fn_args):
    def run_fn(_):
        mlp(k).fit(dataset, verbose=0)

    with pytest.raises(ValueError, match=r"called fit 1 time\(s\), and which_fit asks"):
        capture(run_fn, fn_args, which_fit="2")


def test_a_trial_of_keras_tuner_is_recognised(dataset, fn_args, tmp_path, caplog):
    def build(space):
        space.Float("learning_rate", 1e-3, 1e-1)
        return mlp(keras)

    def run_fn(_):
        tuner = keras_tuner.RandomSearch(
            build, "loss", max_trials=1, directory=str(tmp_path / "search")
        )
        tuner.search(dataset, verbose=0)
        tuner.get_best_models()[0].fit(dataset, verbose=0)

    capture(run_fn, fn_args)
    assert "a trial of a KerasTuner search" in caplog.text
    caplog.clear()
    capture(run_fn, fn_args, which_fit="2")
    assert "KerasTuner" not in caplog.text


def own_loop(model, dataset):
    loss = lambda x, y: tf.reduce_mean((model(x) - y) ** 2)  # noqa: E731
    for x, y in dataset:
        with tf.GradientTape() as tape:
            value = loss(x, y)
        gradients = tape.gradient(value, model.trainable_variables)
        model.optimizer.apply_gradients(
            zip(gradients, model.trainable_variables, strict=True)
        )


def compiled_loop(model, dataset):
    strategy = model.distribute_strategy

    def step(x, y):
        with tf.GradientTape() as tape:
            value = tf.reduce_mean((model(x) - y) ** 2)
        gradients = tape.gradient(value, model.trainable_variables)
        model.optimizer.apply_gradients(
            zip(gradients, model.trainable_variables, strict=True)
        )

    @tf.function
    def distributed(x, y):
        strategy.run(step, (x, y))

    for x, y in dataset:
        distributed(x, y)


def minimize(model, dataset):
    for x, y in dataset:
        loss = lambda x=x, y=y: tf.reduce_mean((model(x) - y) ** 2)  # noqa: E731
        model.optimizer.minimize(loss, model.trainable_variables)


def apply(model, dataset):
    for _ in dataset:
        gradients = [tf.ones_like(v) for v in model.trainable_variables]
        model.optimizer.apply(gradients, model.trainable_variables)


def train_on_batch(model, dataset):
    for x, y in dataset:
        model.train_on_batch(x, y)


LOOPS = [
    (keras, own_loop),
    (keras, compiled_loop),
    (keras, apply),
    (keras, train_on_batch),
    (tf_keras, own_loop),
    (tf_keras, compiled_loop),
    (tf_keras, minimize),
    (tf_keras, train_on_batch),
]


@pytest.mark.parametrize(("package", "loop"), LOOPS)
@pytest.mark.parametrize("is_mirrored", [False, True])
def test_a_loop_of_its_own_is_stopped_before_its_first_step(
    package, loop, is_mirrored, dataset, fn_args
):
    strategy = tf.distribute.get_strategy()
    if is_mirrored:
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        model = mlp(package)
    before = [weight.copy() for weight in model.get_weights()]
    with pytest.raises(ValueError, match="takes an optimizer step outside of") as told:
        capture(lambda _: loop(model, dataset), fn_args)
    assert LR_FINDER_FN_TO_ADD in str(told.value)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_loop_that_catches_everything_still_takes_no_step(k, dataset, fn_args):
    model = mlp(k)
    before = model.get_weights()[0].copy()

    def run_fn(_):
        for x, y in dataset:
            with contextlib.suppress(BaseException):
                model.train_on_batch(x, y)
        model.fit(dataset)

    with pytest.raises(ValueError, match="takes an optimizer step outside of fit"):
        capture(run_fn, fn_args)
    np.testing.assert_array_equal(model.get_weights()[0], before)


def test_a_legacy_optimizer_is_stopped_too(dataset, fn_args):
    model = mlp(tf_keras, tf_keras.optimizers.legacy.SGD(0.1))
    with pytest.raises(ValueError, match="takes an optimizer step outside of fit"):
        capture(lambda _: own_loop(model, dataset), fn_args)


def test_the_optimizers_work_as_before_afterwards(k, dataset, fn_args):
    model = mlp(k)
    capture(lambda _: model.fit(dataset), fn_args)
    model.fit(dataset, verbose=0)
    assert int(tf.convert_to_tensor(model.optimizer.iterations)) == 10
