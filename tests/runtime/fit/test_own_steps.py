"""Optimizer steps of `run_fn` outside of `fit`, before, beside and after it."""

import os

import pytest
import tensorflow as tf

from tests.keras_models import mlp
from tests.runtime.fit.conftest import FOUND, brief_fit
from tfx_lr_finder import learning_rate


def train_outside_fit(model, optimizer, dataset, *, traced=False):
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(x) - y) ** 2)
        variables = model.trainable_variables
        gradients = tape.gradient(loss, variables)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))

    if traced:
        step = tf.function(step)
    for x, y in dataset.take(2):
        step(x, y)


def assert_doubted(train, run_fn, message):
    with pytest.raises(ValueError, match=message):
        train(run_fn)
    assert train.used["learning_rate_used"] is None


def save(model, fn_args):
    os.makedirs(fn_args.serving_model_dir)
    model.save(os.path.join(fn_args.serving_model_dir, "model.keras"))


@pytest.mark.parametrize("traced", [False, True])
def test_a_larger_rate_in_a_loop_after_fit_is_a_doubt(k, traced, dataset, train):
    model = mlp(k, k.optimizers.SGD(0.5))

    def run_fn(fn_args):
        brief_fit(k, model, dataset)
        train_outside_fit(model, k.optimizers.Adam(0.25), dataset, traced=traced)
        save(model, fn_args)

    message = "outside of fit on the same weights, with Adam and the rate 0.25"
    assert_doubted(train, run_fn, message)
    (steps,) = train.used["steps_outside_fit"]
    assert steps == {
        "after_fit": 1,
        "optimizer": "Adam",
        "rate_at_first_step": 0.25,
        "highest_rate": 0.25,
    }


@pytest.mark.parametrize("own", [True, False], ids=["own optimizer", "that of fit"])
def test_a_loop_after_fit_with_no_larger_rate_is_no_doubt(k, own, dataset, train):
    model = mlp(k, k.optimizers.SGD(0.5))

    def run_fn(_):
        brief_fit(k, model, dataset)
        optimizer = k.optimizers.SGD(1e-4) if own else model.optimizer
        train_outside_fit(model, optimizer, dataset)

    used = train(run_fn)
    assert used["learning_rate_used"] == FOUND
    assert len(used["steps_outside_fit"]) == 1


def test_a_loop_with_a_schedule_shows_its_first_and_its_highest_rate(k, dataset, train):
    model = mlp(k, k.optimizers.SGD(0.5))
    doubling = k.optimizers.schedules.ExponentialDecay(1e-4, 1, 2.0)

    def run_fn(_):
        brief_fit(k, model, dataset)
        train_outside_fit(model, k.optimizers.SGD(doubling), dataset)

    (steps,) = train(run_fn)["steps_outside_fit"]
    assert steps["rate_at_first_step"] == pytest.approx(1e-4)
    assert steps["highest_rate"] == pytest.approx(2e-4)


def test_a_loop_before_fit_is_no_doubt(k, dataset, train):
    model = mlp(k, k.optimizers.SGD(0.5))

    def run_fn(_):
        train_outside_fit(model, k.optimizers.SGD(0.25), dataset)
        brief_fit(k, model, dataset)

    assert train(run_fn)["learning_rate_used"] == FOUND


def test_the_steps_of_fit_are_not_outside_of_it(k, dataset, train):
    model = mlp(k, k.optimizers.SGD(0.5))
    used = train(lambda _: model.fit(dataset, verbose=0))
    assert used["steps_outside_fit"] == []


def test_a_saved_model_that_only_a_loop_trained_is_a_doubt(k, dataset, train):
    fitted, saved = (mlp(k, k.optimizers.SGD(0.5)) for _ in range(2))

    def run_fn(fn_args):
        brief_fit(k, fitted, dataset)
        train_outside_fit(saved, k.optimizers.SGD(0.25), dataset)
        save(saved, fn_args)

    message = "trained this model with optimizer steps outside of fit, with SGD and the"
    assert_doubted(train, run_fn, message)


def test_a_loop_on_a_model_that_is_not_saved_is_no_doubt(k, dataset, train):
    saved, other = (mlp(k, k.optimizers.SGD(0.5)) for _ in range(2))

    def run_fn(fn_args):
        brief_fit(k, saved, dataset)
        train_outside_fit(other, k.optimizers.SGD(0.25), dataset)
        save(saved, fn_args)

    assert train(run_fn)["learning_rate_used"] == FOUND


def test_a_copy_of_a_model_that_a_loop_trained_is_a_doubt(k, dataset, train):
    model = mlp(k, k.optimizers.SGD(0.5))

    def run_fn(fn_args):
        brief_fit(k, model, dataset)
        train_outside_fit(model, k.optimizers.SGD(0.25), dataset)
        copy = k.models.clone_model(model)
        copy.set_weights(model.get_weights())
        save(copy, fn_args)

    message = "outside of fit on the same weights, with SGD and the rate 0.25"
    assert_doubted(train, run_fn, message)


def test_a_loop_with_the_rate_of_the_raw_dict_used_it(k, dataset, train):
    def run_fn(fn_args):
        rate = fn_args.custom_config["learning_rate"]
        model = mlp(k, "sgd")
        train_outside_fit(model, k.optimizers.SGD(rate), dataset)

    used = train(run_fn)
    assert used["learning_rate_used"] == FOUND
    assert used["how"] == "run_fn took its own steps with it"


def traced_step(model, optimizer):
    """Returns a `tf.function` that takes one step."""

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(x) - y) ** 2)
        variables = model.trainable_variables
        gradients = tape.gradient(loss, variables)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))

    return step


def test_a_function_traced_before_fit_and_called_after_it_is_a_doubt(k, dataset, train):
    model = mlp(k, k.optimizers.SGD(0.5))
    step = traced_step(model, k.optimizers.SGD(0.25))
    batch = next(iter(dataset))

    def run_fn(fn_args):
        step(*batch)
        brief_fit(k, model, dataset)
        step(*batch)
        save(model, fn_args)

    assert_doubted(train, run_fn, "outside of fit on the same weights, with SGD")
    assert [steps["after_fit"] for steps in train.used["steps_outside_fit"]] == [0, 1]


def test_a_rate_that_is_raised_after_the_trace_is_a_doubt(k, dataset, train):
    model = mlp(k, k.optimizers.SGD(0.5))
    optimizer = k.optimizers.SGD(1e-4)
    step = traced_step(model, optimizer)
    batch = next(iter(dataset))

    def run_fn(fn_args):
        brief_fit(k, model, dataset)
        step(*batch)
        optimizer.learning_rate = 0.25
        step(*batch)
        save(model, fn_args)

    assert_doubted(train, run_fn, "with SGD and the rate 0.25")


def test_train_on_batch_with_the_function_that_fit_traced_is_a_doubt(k, dataset, train):
    model = mlp(k, k.optimizers.SGD(0.5))

    def run_fn(fn_args):
        model.fit(dataset, epochs=1, steps_per_epoch=1, verbose=0)
        model.optimizer.learning_rate = 0.25
        model.train_on_batch(*next(iter(dataset)))
        save(model, fn_args)

    assert_doubted(train, run_fn, "with SGD and the rate 0.25")


def test_a_loop_after_the_save_is_no_doubt(k, dataset, train):
    model = mlp(k, k.optimizers.SGD(0.5))

    def run_fn(fn_args):
        brief_fit(k, model, dataset)
        save(model, fn_args)
        train_outside_fit(model, k.optimizers.SGD(0.25), dataset)

    used = train(run_fn)
    assert used["learning_rate_used"] == FOUND
    assert len(used["steps_outside_fit"]) == 1


def test_a_model_that_is_saved_before_fit_did_not_use_the_rate(k, dataset, train):
    model = mlp(k, k.optimizers.SGD(0.5))

    def run_fn(fn_args):
        save(model, fn_args)
        brief_fit(k, model, dataset)

    assert_doubted(train, run_fn, "saved the model before it called fit")


@pytest.mark.parametrize("traced", [False, True])
def test_a_larger_rate_than_the_one_that_was_read_is_a_doubt_in_a_loop(
    k, traced, dataset, train
):
    model = mlp(k, "sgd")

    def run_fn(fn_args):
        learning_rate(fn_args)
        train_outside_fit(model, k.optimizers.SGD(0.25), dataset, traced=traced)

    assert_doubted(train, run_fn, "read the rate 0.02, but its own steps used the rate")


def test_a_rate_that_was_read_may_be_warmed_up(k, dataset, train):
    model = mlp(k, "sgd")

    def run_fn(fn_args):
        rate = learning_rate(fn_args)
        warmup = k.optimizers.schedules.PolynomialDecay(rate / 10, 10, rate)
        train_outside_fit(model, k.optimizers.SGD(warmup), dataset)

    assert train(run_fn)["doubt"] is None


def test_a_larger_rate_than_the_one_that_was_read_is_a_doubt_in_fit(k, dataset, train):
    model = mlp(k, k.optimizers.SGD(0.5))

    def run_fn(fn_args):
        learning_rate(fn_args)
        brief_fit(k, model, dataset)

    with pytest.raises(ValueError, match=r"read the rate 0.02, but fit 1 used 0.5"):
        train(run_fn, set_rate_on="hyperparameters")


@pytest.mark.parametrize("rate", [0.25, FOUND])
def test_a_second_optimizer_in_train_step_has_to_use_the_rate_too(
    k, rate, dataset, train
):
    class Two(k.Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = k.layers.Dense(4), k.layers.Dense(1)
            self.more = {"second": k.optimizers.SGD(rate)}

        def call(self, x):
            return self.second(self.first(x))

        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((self(x) - y) ** 2)
            parts = [layer.trainable_variables for layer in (self.first, self.second)]
            gradients = tape.gradient(loss, parts)
            optimizers = [self.optimizer, self.more["second"]]
            for optimizer, *pairs in zip(optimizers, gradients, parts, strict=True):
                optimizer.apply_gradients(zip(*pairs, strict=True))
            return {"loss": loss}

    model = Two()
    model(next(iter(dataset))[0])
    model.compile(k.optimizers.SGD(0.5), loss="mse")

    def run_fn(_):
        brief_fit(k, model, dataset)

    if rate == FOUND:
        assert train(run_fn)["learning_rate_used"] == FOUND
    else:
        message = "also trained weights of the model with SGD and the rate 0.25"
        assert_doubted(train, run_fn, message)
