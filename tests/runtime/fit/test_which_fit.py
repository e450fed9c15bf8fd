"""Which `fit` gets the rate, and which model the statement is about."""

import os

import keras
import keras_tuner
import pytest
import tensorflow as tf

from tests.keras_models import mlp
from tests.runtime.fit.conftest import FOUND, brief_fit
from tfx_lr_finder import LRFinderTrainer
from tfx_lr_finder.runtime.fit.set_rate import current_rate
from tfx_lr_finder.settings.trainer_options import TrainerOptions


def fit_new(k, dataset, rate):
    model = mlp(k, k.optimizers.SGD(rate))
    brief_fit(k, model, dataset)
    return model


def test_another_model_that_is_trained_last_is_a_doubt(k, dataset, train):
    def run_fn(_):
        fit_new(k, dataset, 0.5)
        fit_new(k, dataset, 0.001)

    with pytest.raises(ValueError, match=r"trained last is another one: fit 2") as told:
        train(run_fn)
    assert "0.001" in str(told.value)
    assert "Set which_fit to '2' in LRFinder and LRFinderTrainer" in str(told.value)
    assert train.used["learning_rate_used"] is None
    assert [fit["rate_set"] for fit in train.used["fits"]] == [FOUND, None]


@pytest.mark.parametrize(("which_fit", "num_set"), [("2", 1), ("every", 2)])
def test_the_rate_is_set_at_the_fit_that_which_fit_names(
    k, dataset, train, which_fit, num_set
):
    def run_fn(_):
        fit_new(k, dataset, 0.5)
        run_fn.model = fit_new(k, dataset, 0.001)

    used = train(run_fn, which_fit=which_fit)
    assert current_rate(run_fn.model.optimizer) == pytest.approx(FOUND)
    assert used["learning_rate_used"] == FOUND
    assert sum(fit["rate_set"] is not None for fit in used["fits"]) == num_set


def test_a_number_of_a_fit_that_does_not_happen_is_a_doubt(k, dataset, train):
    with pytest.raises(ValueError, match="which_fit is '3', and run_fn called fit 1"):
        train(lambda _: fit_new(k, dataset, 0.001), which_fit="3")


def save_whole(k, model, folder):
    tf.saved_model.save(model, folder)


def export(k, model, folder):
    model.export(folder)


def save_file(k, model, folder):
    model.save(os.path.join(folder, "model.keras"))


def save_module(k, model, folder):
    class Serving(tf.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        @tf.function(input_signature=[tf.TensorSpec([None, 4])])
        def serve(self, rows):
            return self.model(rows)

    tf.saved_model.save(Serving(), folder)


@pytest.mark.parametrize("save", [save_whole, export, save_file, save_module])
def test_the_statement_is_about_the_model_that_is_saved(
    k, save, dataset, train, serving_dir
):
    os.makedirs(serving_dir)

    def run_fn(_):
        model = fit_new(k, dataset, 0.5)
        fit_new(k, dataset, 0.001)  # an auxiliary model
        save(k, model, serving_dir)

    assert train(run_fn)["learning_rate_used"] == FOUND


def test_a_saved_model_that_was_not_set_is_a_doubt(k, dataset, train, serving_dir):
    os.makedirs(serving_dir)

    def run_fn(_):
        trial = fit_new(k, dataset, 0.5)
        model = fit_new(k, dataset, 0.001)
        brief_fit(k, trial, dataset)
        save_file(k, model, serving_dir)

    with pytest.raises(ValueError, match="run_fn saved is another one: fit 2"):
        train(run_fn)


def test_a_saved_copy_of_the_only_model_is_no_doubt(k, dataset, train, serving_dir):
    os.makedirs(serving_dir)

    def run_fn(_):
        model = fit_new(k, dataset, 0.5)
        copy = k.models.clone_model(model)
        copy.set_weights(model.get_weights())
        save_file(k, copy, serving_dir)

    assert train(run_fn)["learning_rate_used"] == FOUND


def test_fine_tuning_of_the_same_weights_with_a_smaller_rate_is_no_doubt(
    k, dataset, train
):
    def run_fn(_):
        base = k.Sequential([k.Input((4,)), k.layers.Dense(3)])
        base.trainable = False
        head = k.layers.Dense(1)
        inputs = k.Input((4,))
        model = k.Model(inputs, head(base(inputs)))
        model.compile(k.optimizers.SGD(0.5), "mse")
        brief_fit(k, model, dataset)
        base.trainable = True
        tuned = k.Model(inputs, model.output)
        tuned.compile(k.optimizers.SGD(1e-5), "mse")
        brief_fit(k, tuned, dataset)

    used = train(run_fn)
    assert used["learning_rate_used"] == FOUND
    assert used["fits"][1]["rate_at_first_step"] == pytest.approx(1e-5)


def test_training_the_same_weights_again_with_a_larger_rate_is_a_doubt(
    k, dataset, train
):
    def run_fn(_):
        model = fit_new(k, dataset, 0.5)
        model.compile(k.optimizers.SGD(0.04), "mse")
        brief_fit(k, model, dataset)

    message = r"fit 2 then trained the same weights with a larger one, 0\.03"
    with pytest.raises(ValueError, match=message):
        train(run_fn)


def test_a_callback_that_raises_the_rate_later_is_a_doubt(k, dataset, train):
    def rate(epoch, rate):
        return rate if epoch < 1 else 0.3

    callback = k.callbacks.LearningRateScheduler(rate)

    def run_fn(_):
        mlp(k).fit(dataset, epochs=3, callbacks=[callback], verbose=0)

    with pytest.raises(ValueError, match="a later step used 0.3.* callback raised it"):
        train(run_fn)


@pytest.mark.parametrize(("factor", "doubted"), [(10.0, True), (0.1, False)])
def test_a_callback_that_changes_the_rate_within_an_epoch_is_seen(
    k, factor, doubted, dataset, train
):
    """The rate is back at the end of the epoch, as in one cycle."""

    class Cycle(k.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch in (1, 2):
                rate = FOUND * factor if batch == 1 else FOUND
                self.model.optimizer.learning_rate = rate

    def run_fn(_):
        mlp(k).fit(dataset, epochs=1, callbacks=[Cycle()], verbose=0)

    if doubted:
        with pytest.raises(ValueError, match=r"a later step used 0\.2.* raised it"):
            train(run_fn)
        assert train.used["learning_rate_used"] is None
    else:
        assert train(run_fn)["learning_rate_used"] == FOUND


def with_a_tuner_inside(dataset, folder):
    """A `run_fn` that searches, builds the best model, trains and keeps it."""

    def build(space):
        units = space.Int("units", 2, 4)
        model = keras.Sequential([keras.layers.Dense(units), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.001), "mse")
        return model

    def run_fn(fn_args):
        tuner = keras_tuner.RandomSearch(
            build,
            "loss",
            max_trials=2,
            seed=0,
            directory=folder,
            overwrite=True,
        )
        tuner.search(dataset, verbose=0)
        run_fn.model = tuner.get_best_models()[0]
        run_fn.model.fit(dataset, epochs=2, verbose=0)

    return run_fn


def test_a_keras_tuner_search_inside_run_fn_is_a_doubt_until_which_fit_is_set(
    dataset, train, tmp_path
):
    run_fn = with_a_tuner_inside(dataset, str(tmp_path / "search"))
    with pytest.raises(ValueError, match="fit 3 trained it, starting with 0.001"):
        train(run_fn)
    assert train.used["num_fits"] == 3
    assert train.used["learning_rate_used"] is None
    used = train(run_fn, which_fit="3")
    assert current_rate(run_fn.model.optimizer) == pytest.approx(FOUND)
    assert used["learning_rate_used"] == FOUND


def test_the_models_of_a_search_are_not_kept_alive(k, dataset, train):
    import gc
    import weakref

    models = []

    def run_fn(_):
        models.append(weakref.ref(fit_new(k, dataset, 0.5)))
        gc.collect()
        run_fn.is_alive = models[0]() is not None
        fit_new(k, dataset, 0.5)

    train(run_fn, which_fit="every")
    assert not run_fn.is_alive


@pytest.mark.parametrize("bad", ["0", "last", "1.5", -1, True, "-2", ""])
def test_an_unknown_which_fit_is_refused(bad):
    with pytest.raises(ValueError, match="which_fit must be 'first', 'every' or"):
        TrainerOptions(which_fit=bad)


def test_the_trainer_takes_the_number_as_an_int(make_examples, tmp_path):
    from tfx import types
    from tfx.types import standard_artifacts

    trainer = LRFinderTrainer(
        examples=types.Channel(type=standard_artifacts.Examples),
        run_fn="module.run_fn",
        which_fit=3,
    )
    assert trainer.exec_properties["which_fit"] == "3"


def with_batches(make_report, size):
    return make_report(learning_rate=FOUND, environment={"global_batch_size": size})


@pytest.mark.parametrize(
    ("optimizer", "advice"),
    [
        ("SGD", "linearly, here by the factor 2"),
        ("Adam", "with the square root of the batch size, here by the factor 1.41"),
    ],
)
def test_other_batches_than_the_tested_ones_are_a_doubt_with_advice(
    k, optimizer, advice, dataset, train, make_report
):
    model = mlp(k, getattr(k.optimizers, optimizer)(0.5))
    message = f"batches of 16 examples, .* found on batches of 8. With {optimizer}, .*"
    with pytest.raises(ValueError, match=message + advice):
        train(
            lambda _: brief_fit(k, model, dataset), report=with_batches(make_report, 8)
        )
    assert train.used["learning_rate_used"] == FOUND


def test_arrays_and_equal_batches_are_compared_too(k, dataset, train, make_report):
    (x, y), *_ = dataset.as_numpy_iterator()
    report = with_batches(make_report, 16)
    train(lambda _: mlp(k).fit(dataset, verbose=0), report=report)
    train(lambda _: mlp(k).fit(x, y, batch_size=16, verbose=0), report=report)
    with pytest.raises(ValueError, match="batches of 8 examples"):
        train(lambda _: mlp(k).fit(x, y, batch_size=8, verbose=0), report=report)
