"""OneCycle, Cyclical and MomentumCycle, in both Kerases."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tfx.components.trainer.fn_args_utils import FnArgs

from tests.keras_models import mlp
from tests.runtime.fit.conftest import brief_fit
from tfx_lr_finder import Cyclical, MomentumCycle, OneCycle, find_learning_rate
from tfx_lr_finder.runtime.fit.set_rate import current_rate
from tfx_lr_finder.runtime.loop.optimizers import inner_optimizer
from tfx_lr_finder.schedules import SCALED_SCHEDULES
from tfx_lr_finder.schedules.scaled import rates

STEPS = list(range(60))


@pytest.mark.parametrize(
    ("mode", "gamma"), [("triangular", None), ("triangular2", None), ("exp_range", 0.9)]
)
def test_cyclical_follows_the_formula_of_its_source(mode, gamma):
    schedule = Cyclical(0.1, 0.4, 7, mode=mode, gamma=gamma)
    step = np.array(STEPS, float)
    cycle = np.floor(1 + step / (2 * 7))
    height = 0.3 * np.maximum(0, 1 - np.abs(step / 7 - 2 * cycle + 1))
    shrunk = {
        "triangular": 1,
        "triangular2": 0.5 ** (cycle - 1),
        "exp_range": 0.9**step,
    }
    expected = 0.1 + height * shrunk[mode]
    np.testing.assert_allclose(rates(schedule, STEPS), expected, rtol=1e-5)


def test_one_cycle_rises_and_falls_over_as_many_steps_and_ends_very_low():
    now = rates(OneCycle(1.0, 51), [*STEPS, 10_000])
    np.testing.assert_allclose(now[[0, 22, 44, 50]], [0.1, 1.0, 0.1, 1e-3], rtol=1e-5)
    np.testing.assert_allclose(np.diff(now[:23]), 0.9 / 22, rtol=1e-4)
    np.testing.assert_allclose(now[:23], now[22:45][::-1], rtol=1e-4)
    assert (np.diff(now[44:51]) < 0).all()
    assert (now[50:] == now[50]).all()


@pytest.mark.parametrize("total_steps", [3, 4, 10, 101])
@pytest.mark.parametrize("final_fraction", [0.0, 0.3, 0.99])
def test_one_cycle_peaks_and_never_leaves_its_bounds(total_steps, final_fraction):
    schedule = OneCycle(0.5, total_steps, final_fraction=final_fraction)
    now = rates(schedule, list(range(total_steps)))
    assert now.max() == pytest.approx(0.5)
    assert now.min() >= schedule.final_lr * (1 - 1e-5)


def schedules():
    return [
        OneCycle(0.3, 40, min_lr=0.02, final_lr=1e-5, final_fraction=0.2),
        Cyclical(0.1, 0.4, 7, mode="exp_range", gamma=0.99),
    ]


@pytest.mark.parametrize("schedule", schedules(), ids=["one_cycle", "cyclical"])
@pytest.mark.parametrize("kind", ["model.keras", "saved_model"])
def test_a_model_trained_with_a_schedule_is_saved_and_loaded(
    k, kind, schedule, dataset, tmp_path
):
    model = mlp(k, k.optimizers.SGD(schedule))
    brief_fit(k, model, dataset)
    path = str(tmp_path / kind)
    if kind == "saved_model" and k is keras:
        tf.saved_model.save(model, path)
        assert tf.saved_model.load(path) is not None
        return
    model.save(path)
    loaded = k.models.load_model(path)
    after = inner_optimizer(loaded.optimizer)._learning_rate
    assert type(after) is type(schedule)
    assert after.get_config() == schedule.get_config()
    brief_fit(k, loaded, dataset)
    expected = float(schedule(int(loaded.optimizer.iterations)))
    assert current_rate(loaded.optimizer) == pytest.approx(expected)


def test_the_optimizer_steps_with_the_rates_of_the_schedule(k, dataset):
    schedule = OneCycle(0.3, 20)
    model = mlp(k, k.optimizers.SGD(schedule))
    seen = []
    look = k.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: seen.append(
            current_rate(model.optimizer)
        )
    )
    model.fit(dataset, epochs=2, callbacks=[look], verbose=0)
    np.testing.assert_allclose(seen, rates(schedule, list(range(20))), rtol=1e-5)


def test_a_sweep_restores_the_schedule_of_the_model(k, dataset):
    schedule = OneCycle(0.3, 40)
    model = mlp(k, k.optimizers.SGD(schedule))
    report = find_learning_rate(
        model, dataset, dataset, num_rates=10, num_sweeps=1, confirm_steps=0
    )
    assert len(report.sweeps[0].losses) > 3
    assert inner_optimizer(model.optimizer)._learning_rate is schedule


OUT_OF_RANGE = {
    "a rate of 0": (OneCycle, (0.0, 10), {}, "max_lr must be positive"),
    "a rate that is no number": (OneCycle, ("1", 10), {}, "max_lr must be positive"),
    "two steps": (OneCycle, (0.1, 2), {}, "total_steps must be .* at least 3"),
    "unknown steps": (OneCycle, (0.1, None), {}, "total_steps .*TrainArgs"),
    "a floor above the peak": (OneCycle, (0.1, 9), {"min_lr": 1.0}, "min_lr < max_lr"),
    "nothing but an end": (OneCycle, (0.1, 9), {"final_fraction": 1}, "final_fraction"),
    "ends that are swapped": (Cyclical, (0.4, 0.1, 7), {}, "min_lr < max_lr"),
    "no half cycle": (Cyclical, (0.1, 0.4, 0), {}, "step_size must be"),
    "another mode": (Cyclical, (0.1, 0.4, 7), {"mode": "sine"}, "triangular2"),
    "gamma without need": (Cyclical, (0.1, 0.4, 7), {"gamma": 0.9}, "gamma must be"),
    "no gamma": (Cyclical, (0.1, 0.4, 7), {"mode": "exp_range"}, "gamma must be"),
    "a growing gamma": (
        Cyclical,
        (0.1, 0.4, 7),
        {"mode": "exp_range", "gamma": 1.1},
        "gamma must be",
    ),
}


@pytest.mark.parametrize("name", OUT_OF_RANGE)
def test_arguments_out_of_range_are_refused(name):
    schedule_class, arguments, options, message = OUT_OF_RANGE[name]
    with pytest.raises(ValueError, match=message):
        schedule_class(*arguments, **options)


def test_a_report_gives_the_peak_of_one_cycle_and_the_ends_of_the_range(make_report):
    report = make_report(
        learning_rate=0.02,
        learning_rate_range=(0.005, 0.04),
        learning_rates_by_schedule={"constant": 0.02, "one_cycle": 0.07},
    )
    assert OneCycle.from_report(report, 100, final_fraction=0.2).max_lr == 0.07
    cyclical = Cyclical.from_report(report, 50, mode="triangular2")
    assert (cyclical.min_lr, cyclical.max_lr) == (0.005, 0.04)
    assert cyclical.mode == "triangular2"


@pytest.mark.parametrize("found", [None, (0.02, 0.02)], ids=["no range", "one rate"])
def test_without_a_range_a_quarter_of_the_rate_is_the_lower_end(found, make_report):
    report = make_report(
        learning_rate=0.02, learning_rate_range=found, learning_rates_by_schedule={}
    )
    cyclical = Cyclical.from_report(report, 50)
    assert (cyclical.min_lr, cyclical.max_lr) == (0.005, 0.02)
    assert OneCycle.from_report(report, 50).max_lr == 0.02


@pytest.mark.parametrize("schedule_class", [OneCycle, Cyclical])
def test_a_report_without_a_rate_is_refused(schedule_class, make_inconclusive):
    with pytest.raises(ValueError, match="no learning rate .* INCONCLUSIVE"):
        schedule_class.from_report(make_inconclusive(), 100)


def test_under_the_stock_trainer_its_one_rate_is_the_peak():
    fn_args = FnArgs(hyperparameters={"values": {"learning_rate": 0.2}}, train_steps=70)
    one = OneCycle.from_fn_args(fn_args)
    assert (one.max_lr, one.total_steps) == (0.2, 70)
    cyclical = Cyclical.from_fn_args(fn_args, 7)
    assert (cyclical.min_lr, cyclical.max_lr) == (0.05, 0.2)


def momentum_at(step):
    """From 0.95 down to 0.85 and back, five steps each way."""
    return 0.95 - 0.1 * (1 - abs(step % 10 / 5 - 1))


def trained_by_hand(optimizer, num_steps):
    """One weight that starts at 1 with the loss w: the gradient is 1."""
    weight, first, second = 1.0, 0.0, 0.0
    schedule = Cyclical(0.1, 0.4, 5)
    for step in range(num_steps):
        rate, momentum = float(schedule(step)), momentum_at(step)
        if optimizer == "SGD":
            first = momentum * first - rate
            weight += first
        else:
            first += (1 - momentum) * (1 - first)
            second += 0.001 * (1 - second)
            scale = np.sqrt(1 - 0.999 ** (step + 1)) / (1 - momentum ** (step + 1))
            weight -= rate * scale * first / (np.sqrt(second) + 1e-7)
    return weight


def one_weight(k, optimizer):
    model = k.Sequential([k.layers.Dense(1, use_bias=False)])
    model.compile(optimizer, loss=lambda y, prediction: prediction)
    model.build((None, 1))
    model.set_weights([np.ones((1, 1))])
    return model


ONES = tf.data.Dataset.from_tensor_slices((np.ones((13, 1)), np.ones((13, 1)))).batch(1)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_the_momentum_falls_while_the_rate_rises(k, name):
    schedule = Cyclical(0.1, 0.4, 5)
    options = {"SGD": {"momentum": 0.9}, "Adam": {}, "AdamW": {"weight_decay": 0.0}}
    model = one_weight(k, getattr(k.optimizers, name)(schedule, **options[name]))
    model.fit(ONES, callbacks=[MomentumCycle(schedule)], verbose=0)
    expected = trained_by_hand("SGD" if name == "SGD" else "Adam", 13)
    np.testing.assert_allclose(model.get_weights()[0][0, 0], expected, rtol=1e-4)


def test_the_momentum_of_the_optimizer_is_restored_after_fit(k):
    model = one_weight(k, k.optimizers.SGD(0.1, momentum=0.5))
    model.fit(ONES, callbacks=[MomentumCycle(Cyclical(0.1, 0.4, 5))], verbose=0)
    assert type(model.optimizer.momentum) is float
    assert model.optimizer.momentum == 0.5
    again = one_weight(k, k.optimizers.SGD(0.1, momentum=0.5))
    again.set_weights(model.get_weights())
    again.optimizer.build(again.trainable_variables)
    for own, other in zip(
        again.optimizer.momentums, model.optimizer.momentums, strict=True
    ):
        own.assign(other)
    for other in (model, again):
        other.fit(ONES, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], again.get_weights()[0])


def test_a_checkpoint_during_training_holds_the_original_momentum(k, tmp_path):
    schedule = OneCycle(0.3, 26)
    model = one_weight(k, k.optimizers.SGD(schedule, momentum=0.9))
    model.compile(model.optimizer, "mse")
    path = str(tmp_path / "checkpoint.keras")
    callbacks = [MomentumCycle(schedule), k.callbacks.ModelCheckpoint(path)]
    model.fit(ONES, epochs=2, callbacks=callbacks, verbose=0)
    assert k.models.load_model(path).optimizer.momentum == 0.9


def test_inside_a_scope_the_momentum_cycles_on_every_replica(k):
    schedule = Cyclical(0.1, 0.4, 5)
    strategy = tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"],
        # Collectives of two strategies in one process get into each other's way.
        cross_device_ops=tf.distribute.HierarchicalCopyAllReduce(),
    )
    with strategy.scope():
        model = one_weight(k, k.optimizers.SGD(schedule, momentum=0.9))
    pairs = ONES.unbatch().repeat().batch(2)
    cycle = MomentumCycle(schedule)
    model.fit(pairs, steps_per_epoch=13, callbacks=[cycle], verbose=0)
    expected = trained_by_hand("SGD", 13)
    np.testing.assert_allclose(model.get_weights()[0][0, 0], expected, rtol=1e-4)


OTHERS = {
    "no momentum": lambda k: k.optimizers.SGD(0.1),
    "another optimizer": lambda k: k.optimizers.RMSprop(0.1, momentum=0.9),
    "legacy": lambda k: tf_keras.optimizers.legacy.SGD(0.1, momentum=0.9),
}


@pytest.mark.parametrize("name", OTHERS)
def test_momentum_cycle_refuses_an_optimizer_without_momentum(k, name):
    k = tf_keras if name == "legacy" else k
    model = one_weight(k, OTHERS[name](k))
    callback = MomentumCycle(Cyclical(0.1, 0.4, 5))
    with pytest.raises(ValueError, match="SGD with a momentum above 0, Adam or AdamW"):
        model.fit(ONES, callbacks=[callback], verbose=0)


def test_momentum_cycle_refuses_other_schedules_and_swapped_bounds(k):
    with pytest.raises(ValueError, match="OneCycle or Cyclical .* CosineDecay"):
        MomentumCycle(k.optimizers.schedules.CosineDecay(0.1, 10))
    with pytest.raises(ValueError, match="min_momentum < max_momentum < 1"):
        MomentumCycle(OneCycle(0.1, 10), 0.95, 0.85)


LOAD = """
import sys
import keras
import tf_keras
import tfx_lr_finder.schedules
for path, k in zip(sys.argv[1:], (keras, tf_keras) * 2):
    print(type(k.models.load_model(path).optimizer._learning_rate).__name__)
"""


@pytest.mark.long
def test_another_process_loads_saved_models_after_importing_the_schedules(tmp_path):
    paths = []
    for name in ("OneCycle", "ScaledSchedule"):
        for k in (keras, tf_keras):
            schedule = OneCycle(0.3, 40)
            if name == "ScaledSchedule":
                schedule = SCALED_SCHEDULES[k.__name__](schedule, 0.5)
            model = mlp(k, k.optimizers.SGD(schedule))
            paths.append(str(tmp_path / f"{name}_{k.__name__}.keras"))
            model.save(paths[-1])
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *paths], capture_output=True, text=True
    )
    expected = ["OneCycle", "OneCycle", "ScaledSchedule", "ScaledSchedule"]
    assert done.stdout.split() == expected, done.stderr[-2000:]
