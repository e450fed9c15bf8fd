import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tfx.components.trainer.fn_args_utils import FnArgs

from tests.keras_models import mlp
from tests.runtime.fit.conftest import BY_SCHEDULE, FOUND, brief_fit
from tfx_lr_finder import Cyclical, OneCycle, RangeTestConfig, learning_rate
from tfx_lr_finder.fn_args import PassedResult
from tfx_lr_finder.runtime.fit.set_rate import current_rate
from tfx_lr_finder.runtime.fit.trainer_session import with_rate
from tfx_lr_finder.runtime.loop.optimizers import inner_optimizer
from tfx_lr_finder.schedules.scaled import rates
from tfx_lr_finder.settings.trainer_options import TrainerOptions


def schedule_of(model):
    return inner_optimizer(model.optimizer)._learning_rate


OPTIMIZERS = {
    "plain": lambda k: k.optimizers.SGD(0.5),
    "adam": lambda k: k.optimizers.Adam(0.5),
    "legacy": lambda k: tf_keras.optimizers.legacy.SGD(0.5),
    "loss scale": lambda k: (
        k.optimizers.LossScaleOptimizer(k.optimizers.SGD(0.5))
        if k is keras
        else k.mixed_precision.LossScaleOptimizer(k.optimizers.SGD(0.5))
    ),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_plain_rate_is_replaced(k, name, dataset, train):
    if name == "legacy" and k is keras:
        k = tf_keras
    model = mlp(k, OPTIMIZERS[name](k))

    def run_fn(_):
        if name == "plain":
            model.fit(dataset, verbose=0)
        else:
            brief_fit(k, model, dataset)

    used = train(run_fn)
    assert np.float32(current_rate(model.optimizer)) == np.float32(FOUND)
    assert used["learning_rate_found"] == used["learning_rate_used"] == FOUND
    assert np.float32(used["learning_rate_at_first_step"]) == np.float32(FOUND)
    assert used["replaced"] == "constant 0.5"
    assert used["doubt"] is None


def test_training_equals_that_with_the_rate_written_in_run_fn(k, dataset, train):
    by_hand, ours = mlp(k, k.optimizers.SGD(FOUND)), mlp(k, k.optimizers.SGD(9.0))
    by_hand.fit(dataset, verbose=0, shuffle=False)
    train(lambda _: ours.fit(dataset, verbose=0, shuffle=False))
    for one, other in zip(by_hand.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


SCHEDULES = {
    "cosine": lambda s: s.CosineDecay(0.5, 40),
    "warm-up": lambda s: s.CosineDecay(
        0.0, 30, warmup_target=0.4, warmup_steps=7, alpha=0.1
    ),
    "restarts": lambda s: s.CosineDecayRestarts(0.5, 10),
    "exponential": lambda s: s.ExponentialDecay(0.5, 10, 0.5),
    "inverse time": lambda s: s.InverseTimeDecay(0.5, 10, 1.0),
    "polynomial": lambda s: s.PolynomialDecay(0.5, 40, 0.01, power=2.0),
    "piecewise": lambda s: s.PiecewiseConstantDecay([10, 20], [0.1, 0.5, 0.02]),
}
STEPS = list(range(60))


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_keeps_its_class_and_shape_and_peaks_at_the_rate_for_it(
    k, name, dataset, train
):
    schedule = SCHEDULES[name](k.optimizers.schedules)
    model = mlp(k, k.optimizers.SGD(schedule))
    used = train(lambda _: brief_fit(k, model, dataset, epochs=4))
    after = schedule_of(model)
    assert type(after) is type(schedule)
    before, now = rates(schedule, STEPS), rates(after, STEPS)
    np.testing.assert_allclose(now.max(), BY_SCHEDULE["cosine"], rtol=1e-5)
    np.testing.assert_allclose(now / now.max(), before / before.max(), rtol=1e-4)
    assert used["learning_rate_used"] == BY_SCHEDULE["cosine"]
    assert used["schedule"] == "cosine"
    assert used["replaced"].startswith(f"{type(schedule).__name__} with the peak 0.")


def own_schedule(k):
    class Triangle(k.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            step = tf.cast(step, tf.float32)
            return 0.3 * (1 - tf.abs(step - 17) / 40)

        def get_config(self):
            return {}

    return Triangle()


def test_a_custom_schedule_is_scaled(k, dataset, train):
    schedule = own_schedule(k)
    model = mlp(k, k.optimizers.SGD(schedule))
    train(lambda _: model.fit(dataset, epochs=4, verbose=0))
    now = rates(schedule_of(model), STEPS)
    np.testing.assert_allclose(now, 0.2 * rates(schedule, STEPS), rtol=1e-4)


def test_a_model_with_a_scaled_schedule_is_saved_and_loaded(
    k, dataset, train, tmp_path
):
    class Halving(k.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.3 * 0.5 ** (tf.cast(step, tf.float32) / 10)

        def get_config(self):
            return {}

    k.saving.register_keras_serializable(package="tests")(Halving)
    model = mlp(k, k.optimizers.SGD(Halving()))
    train(lambda _: model.fit(dataset, epochs=4, verbose=0))
    path = str(tmp_path / "model.keras")
    model.save(path)
    loaded = k.models.load_model(path)
    np.testing.assert_allclose(
        rates(schedule_of(loaded), STEPS), rates(schedule_of(model), STEPS)
    )


def test_a_nearly_constant_schedule_gets_the_rate_for_constant_training(
    k, dataset, train
):
    slow = k.optimizers.schedules.ExponentialDecay(0.5, 100_000, 0.96)
    model = mlp(k, k.optimizers.SGD(slow))
    used = train(lambda _: brief_fit(k, model, dataset))
    assert used["schedule"] == "constant"
    assert current_rate(model.optimizer) == pytest.approx(FOUND, rel=1e-3)


def test_a_first_fit_that_ends_in_the_warm_up_does_not_raise_the_peak(
    k, dataset, train
):
    schedule = k.optimizers.schedules.CosineDecay(
        0.0, 100, warmup_target=0.4, warmup_steps=50
    )
    model = mlp(k, k.optimizers.SGD(schedule))
    train(lambda _: brief_fit(k, model, dataset))
    peak = rates(schedule_of(model), list(range(150))).max()
    assert peak == pytest.approx(BY_SCHEDULE["cosine"], rel=1e-5)


def test_the_schedule_option_of_lr_finder_wins(k, dataset, train, make_report):
    config = RangeTestConfig(schedule="one_cycle")
    report = make_report(
        learning_rate=0.06, learning_rates_by_schedule=BY_SCHEDULE, config=config
    )
    model = mlp(k, k.optimizers.SGD(0.5))
    used = train(lambda _: brief_fit(k, model, dataset), report=report)
    assert (used["learning_rate_used"], used["schedule"]) == (0.06, "one_cycle")


def test_a_fallback_rate_becomes_the_peak_of_a_schedule(k, dataset, train, make_report):
    report = make_report(learning_rate=0.25, learning_rates_by_schedule={})
    model = mlp(k, k.optimizers.SGD(k.optimizers.schedules.CosineDecay(0.5, 40)))
    used = train(lambda _: brief_fit(k, model, dataset, epochs=4), report=report)
    assert used["learning_rate_used"] == 0.25


def test_a_schedule_that_run_fn_built_from_the_rate_stays(k, dataset, train):
    def run_fn(fn_args):
        schedule = k.optimizers.schedules.CosineDecay(learning_rate(fn_args), 40)
        run_fn.model = mlp(k, k.optimizers.SGD(schedule))
        brief_fit(k, run_fn.model, dataset, epochs=4)

    used = train(run_fn)
    assert rates(schedule_of(run_fn.model), [0])[0] == pytest.approx(FOUND)
    assert used["how"] == "run_fn had set it already"
    assert used["read_by_run_fn"]


FOUND_RANGE = (0.004, 0.03)


@pytest.fixture
def report_with_range(report):
    return dataclasses.replace(report, learning_rate_range=FOUND_RANGE)


BUILT_FROM_IT = {
    "one cycle": (lambda args: OneCycle.from_fn_args(args, 40), 0.06, "one_cycle"),
    "cyclical": (lambda args: Cyclical.from_fn_args(args, 7), 0.03, "cyclical"),
    "exp_range": (
        lambda args: Cyclical.from_fn_args(args, 7, mode="exp_range", gamma=0.9),
        0.03,
        "cyclical",
    ),
    "one cycle, by hand": (lambda args: OneCycle(learning_rate(args), 40), 0.02, None),
}


@pytest.mark.parametrize("name", BUILT_FROM_IT)
def test_a_cycle_built_from_the_result_is_not_scaled_again(
    k, name, dataset, train, report_with_range
):
    build, peak, kind = BUILT_FROM_IT[name]

    def run_fn(fn_args):
        run_fn.schedule = build(fn_args)
        run_fn.model = mlp(k, k.optimizers.SGD(run_fn.schedule))
        brief_fit(k, run_fn.model, dataset)

    used = train(run_fn, report=report_with_range)
    assert schedule_of(run_fn.model) is run_fn.schedule
    assert run_fn.schedule.max_lr == used["learning_rate_used"] == peak
    assert used["how"] == "run_fn had set it already"
    assert used["schedule"] == (kind or "one_cycle")


BY_HAND = {
    "one cycle": (OneCycle(0.5, 40), 0.06, {"min_lr": 0.006, "final_lr": 0.00006}),
    "cyclical": (Cyclical(0.1, 0.5, 7), 0.03, {"min_lr": 0.006}),
    "exp_range": (
        Cyclical(0.1, 0.5, 7, mode="exp_range", gamma=0.9),
        0.03,
        {"min_lr": 0.006, "gamma": 0.9},
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_a_cycle_with_other_rates_is_scaled_to_the_rate_for_its_kind(
    k, name, dataset, train, report_with_range
):
    schedule, peak, others = BY_HAND[name]
    model = mlp(k, k.optimizers.SGD(schedule))
    used = train(lambda _: brief_fit(k, model, dataset), report=report_with_range)
    after = schedule_of(model)
    assert type(after) is type(schedule)
    assert after.max_lr == pytest.approx(peak)
    for field, value in others.items():
        assert getattr(after, field) == pytest.approx(value)
    assert used["learning_rate_used"] == pytest.approx(peak)


def test_a_rate_that_run_fn_only_looked_at_is_set(k, dataset, train):
    model = mlp(k, k.optimizers.SGD(0.5))

    def run_fn(fn_args):
        str(dict(fn_args.custom_config.items()))
        brief_fit(k, model, dataset)

    used = train(run_fn)
    assert used["how"] == "set at fit"
    assert used["read_by_run_fn"] is None
    assert current_rate(model.optimizer) == pytest.approx(FOUND)


def test_a_schedule_built_from_the_raw_custom_config_stays(k, dataset, train):
    def run_fn(fn_args):
        rate = fn_args.custom_config["learning_rate"]
        schedule = k.optimizers.schedules.CosineDecay(rate, 40)
        run_fn.model = mlp(k, k.optimizers.SGD(schedule))
        brief_fit(k, run_fn.model, dataset)

    used = train(run_fn)
    assert rates(schedule_of(run_fn.model), [0])[0] == pytest.approx(FOUND)
    assert used["learning_rate_used"] == FOUND
    assert used["how"] == "run_fn had set it already"


def test_reduce_on_plateau_works_from_the_rate_found(k, dataset, train):
    model = mlp(k, k.optimizers.SGD(0.5))
    callback = k.callbacks.ReduceLROnPlateau(
        monitor="loss", factor=0.5, patience=1, min_delta=1e9
    )
    train(lambda _: model.fit(dataset, epochs=3, callbacks=[callback], verbose=0))
    assert current_rate(model.optimizer) == pytest.approx(FOUND / 4)


def test_a_callback_that_sets_another_rate_is_a_doubt(k, dataset, train):
    model = mlp(k)
    callback = k.callbacks.LearningRateScheduler(lambda epoch: 0.7)

    def run_fn(_):
        model.fit(dataset, callbacks=[callback], verbose=0)

    with pytest.raises(ValueError, match="used 0.69.*because a callback set it"):
        train(run_fn)
    assert train.used["learning_rate_used"] is None
    assert train.used["learning_rate_at_first_step"] == pytest.approx(0.7)


def test_an_optimizer_without_a_step_is_a_doubt(k, dataset, train):
    class Own(k.Sequential):
        def train_step(self, data):
            return {"loss": tf.constant(0.0)}

    model = Own([k.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="optimizer took no step"):
        train(lambda _: model.fit(dataset, verbose=0))


def test_inside_a_scope_every_replica_has_the_rate(k, dataset, train):
    def run_fn(_):
        with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
            run_fn.model = mlp(k, k.optimizers.SGD(0.5))
            run_fn.model.fit(dataset, verbose=0)

    used = train(run_fn)
    assert run_fn.model.distribute_strategy.num_replicas_in_sync == 2
    assert current_rate(run_fn.model.optimizer) == pytest.approx(FOUND)
    assert used["learning_rate_used"] == FOUND


def test_a_second_fit_keeps_the_rate_of_run_fn(k, dataset, train):
    model = mlp(k, k.optimizers.SGD(0.5))

    def run_fn(_):
        model.fit(dataset, verbose=0)
        model.compile(k.optimizers.SGD(1e-5), "mse")
        model.fit(dataset, verbose=0)

    used = train(run_fn)
    assert current_rate(model.optimizer) == pytest.approx(1e-5)
    assert used["num_fits"] == 2
    assert used["learning_rate_used"] == FOUND


def fit_with(k, dataset, rate):
    """Trains at a rate; returns the model."""
    model = mlp(k, k.optimizers.SGD(rate))
    brief_fit(k, model, dataset)
    return model


def test_on_hyperparameters_the_optimizer_keeps_the_rate_of_run_fn(k, dataset, train):
    def run_fn(fn_args):
        run_fn.model = fit_with(k, dataset, learning_rate(fn_args) / 2)

    used = train(run_fn, set_rate_on="hyperparameters")
    assert current_rate(run_fn.model.optimizer) == pytest.approx(FOUND / 2)
    assert used["how"] == "read by run_fn"
    assert used["learning_rate_used"] is None
    assert used["learning_rate_at_first_step"] == pytest.approx(FOUND / 2)


def test_on_hyperparameters_the_first_step_shows_a_rate_read_from_the_raw_dict(
    k, dataset, train
):
    def run_fn(fn_args):
        fit_with(k, dataset, fn_args.hyperparameters["values"]["learning_rate"])

    used = train(run_fn, set_rate_on="hyperparameters")
    assert used["learning_rate_used"] == FOUND
    assert used["how"] == "run_fn had set it already"
    assert used["read_by_run_fn"] is None


def test_on_hyperparameters_another_rate_without_a_read_is_a_doubt(k, dataset, train):
    with pytest.raises(ValueError, match="unknown .* fit 1 started with 0.5"):
        train(lambda _: fit_with(k, dataset, 0.5), set_rate_on="hyperparameters")
    assert train.used["learning_rate_used"] is None


@pytest.mark.parametrize("set_rate_on", ["optimizer", "hyperparameters"])
def test_a_run_fn_without_fit_or_a_read_fails_or_warns(set_rate_on, train, caplog):
    message = r"unknown whether run_fn used .* called no fit .*learning_rate\("
    with pytest.raises(ValueError, match=message):
        train(lambda _: None, set_rate_on=set_rate_on)
    used = train(lambda _: None, set_rate_on=set_rate_on, on_unused="warn")
    assert used["learning_rate_used"] is None
    assert used["how"] == "unknown"
    assert "It is unknown whether run_fn used the rate" in caplog.text


def test_a_custom_loop_that_reads_the_rate_is_no_doubt(train):
    used = train(learning_rate)
    assert used["how"] == "read by run_fn"
    assert used["learning_rate_used"] is None
    assert used["num_fits"] == 0


def test_hyperparameters_stay_none_but_a_tuners_get_the_rate(report):
    passed, options = PassedResult(report=report), TrainerOptions()
    assert with_rate(FnArgs(), passed, options).hyperparameters is None
    tuned = FnArgs(hyperparameters={"space": [], "values": {"units": 3}})
    values = with_rate(tuned, passed, options).hyperparameters["values"]
    assert values == {"units": 3, "learning_rate": FOUND}


def test_run_fn_gets_every_argument_of_the_stock_trainer(report):
    stock = FnArgs(train_files=["a"], train_steps=7, custom_config={"dropout": 0.1})
    passed = with_rate(stock, PassedResult(report=report), TrainerOptions())
    assert isinstance(passed, FnArgs)
    assert (passed.train_files, passed.train_steps) == (["a"], 7)
    assert passed.custom_config == {"dropout": 0.1, "learning_rate": FOUND}
    assert stock.custom_config == {"dropout": 0.1}
