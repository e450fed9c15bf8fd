import contextlib
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tfx.components.trainer.fn_args_utils import FnArgs

from tests.keras_models import mlp
from tfx_lr_finder import learning_rate
from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.runtime.fit.fit_steps import fit_steps
from tfx_lr_finder.runtime.fit.intercept import intercepted_fit
from tfx_lr_finder.runtime.user_module import fit_data
from tfx_lr_finder.runtime.user_module.call import LR_FINDER_FN_TO_ADD
from tfx_lr_finder.runtime.user_module.fit_capture import _with_train_steps
from tfx_lr_finder.runtime.user_module.reach_fit import reach_fit

X = np.arange(24, dtype=np.float64).reshape(12, 2)
Y = np.arange(12) % 3


@pytest.fixture
def fn_args(tmp_path):
    return FnArgs(working_dir=str(tmp_path), train_steps=7, eval_steps=3)


def capture(run_fn, fn_args, seed=0, which_fit="first"):
    """The model, the data and the steps of a `fit`."""
    call = reach_fit(run_fn, fn_args, which_fit)
    train, validation = fit_data.datasets(call, RangeTestConfig(seed=seed))
    return types.SimpleNamespace(
        model=call.model,
        train_dataset=train,
        eval_dataset=validation,
        train_steps=fit_steps(call).steps,
    )


@pytest.fixture
def captured(k, fn_args):
    """Captures a fit with the given arguments."""

    def run(*args, **kwargs):
        return capture(lambda _: mlp(k).fit(*args, **kwargs), fn_args)

    return run


def rows(dataset):
    """All batches of one pass, each part joined."""
    batches = [tf.nest.map_structure(np.asarray, b) for b in dataset]
    return tuple(np.concatenate(parts) for parts in zip(*batches, strict=True))


def functional(k):
    inputs = k.Input((4,))
    return k.Model(inputs, k.layers.Dense(1)(inputs))


def sequential(k):
    return k.Sequential([k.layers.Dense(1)])


def subclassed(k):
    class Own(k.Model):
        def __init__(self):
            super().__init__()
            self.dense = k.layers.Dense(1)

        def call(self, x):
            return self.dense(x)

    return Own()


def with_a_fit_of_its_own(k):
    class Own(k.Sequential):
        def fit(self, data, **kwargs):
            return super().fit(data, epochs=2, **kwargs)

    return Own([k.layers.Dense(1)])


@pytest.mark.parametrize(
    "build", [functional, sequential, subclassed, with_a_fit_of_its_own]
)
def test_any_model_is_captured_with_its_data(k, build, dataset, fn_args):
    model = build(k)
    model.compile("sgd", "mse")
    result = capture(lambda _: model.fit(dataset), fn_args)
    assert result.model is model
    assert result.train_dataset is dataset
    assert result.eval_dataset is None


def test_a_helper_inside_a_scope_is_reached(k, dataset, fn_args):
    def helper(model):
        model.fit(dataset)

    def run_fn(_):
        with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
            helper(mlp(k))

    model = capture(run_fn, fn_args).model
    assert model.distribute_strategy.num_replicas_in_sync == 2
    assert tf.distribute.get_strategy().num_replicas_in_sync == 1


def test_nothing_after_fit_runs_even_inside_try_except(k, dataset, fn_args):
    ran = []

    def run_fn(_):
        try:
            mlp(k).fit(dataset)
        except Exception:  # noqa: BLE001
            ran.append("except")
        ran.append("after")

    capture(run_fn, fn_args)
    assert ran == []


def test_the_first_fit_counts_even_if_run_fn_swallows_base_exceptions(
    k, dataset, fn_args
):
    models = [mlp(k), mlp(k)]

    def run_fn(_):
        for model in models:
            with contextlib.suppress(BaseException):
                model.fit(dataset)
        raise KeyError("history")

    assert capture(run_fn, fn_args).model is models[0]


def test_keras_fit_is_restored_afterwards(k, dataset, fn_args):
    before = [package.Model.fit for package in (keras, tf_keras)]
    held = ["fit" in vars(package.Model) for package in (keras, tf_keras)]
    capture(lambda _: mlp(k).fit(dataset), fn_args)
    assert [package.Model.fit for package in (keras, tf_keras)] == before
    assert ["fit" in vars(package.Model) for package in (keras, tf_keras)] == held


def test_capture_leaves_the_weights_unchanged(k, dataset, fn_args):
    model = mlp(k)
    before = model.get_weights()
    capture(lambda _: model.fit(dataset), fn_args)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_run_fn_gets_a_trainers_folders_and_a_rate(k, dataset, fn_args, tmp_path):
    seen = []

    def run_fn(args):
        seen.append(args)
        assert learning_rate(args) > 0
        mlp(k).fit(dataset, steps_per_epoch=args.train_steps)

    assert capture(run_fn, fn_args).train_steps == 7
    (args,) = seen
    for folder in (args.serving_model_dir, args.eval_model_dir, args.model_run_dir):
        assert folder.startswith(str(tmp_path))
    assert fn_args.custom_config is None


def test_a_run_fn_without_fit_is_refused_with_the_lr_finder_fn_to_add(fn_args):
    with pytest.raises(ValueError, match="never calls fit of a Keras model") as raised:
        capture(lambda _: None, fn_args)
    assert LR_FINDER_FN_TO_ADD in str(raised.value)


def test_an_error_before_fit_is_named_in_the_message(fn_args):
    def run_fn(_):
        raise KeyError("num_layers")

    with pytest.raises(ValueError, match="run_fn raised KeyError: 'num_layers'"):
        capture(run_fn, fn_args)


def test_an_unknown_argument_of_fit_gives_keras_own_error(captured):
    with pytest.raises(ValueError, match="TypeError: .*no_such"):
        captured(X, Y, no_such=1)


def test_arrays_become_shuffled_batches_of_32(captured):
    x, y = np.arange(100.0), np.arange(100)
    train = captured(x, y).train_dataset
    sizes = [len(batch[1]) for batch in train]
    assert sizes == [32, 32, 32, 4]
    got_x, got_y = rows(train)
    assert got_x.dtype == np.float32
    np.testing.assert_array_equal(got_x, got_y)
    assert list(got_y) != list(y)
    np.testing.assert_array_equal(np.sort(got_y), y)


def test_shuffle_false_and_batch_size_are_respected(captured):
    train = captured(X, Y, batch_size=5, shuffle=False).train_dataset
    assert [len(batch[1]) for batch in train] == [5, 5, 2]
    np.testing.assert_array_equal(rows(train)[0], X)


def test_the_same_seed_gives_the_same_order(captured):
    first, second = (rows(captured(X, Y).train_dataset)[1] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_lists_of_inputs_dicts_and_weights_stay_together(captured):
    weights = np.linspace(0, 1, 12)
    for x in ([X, X + 1], {"a": X, "b": X + 1}):
        train = captured(
            x, Y, sample_weight=weights, shuffle=False, batch_size=12
        ).train_dataset
        ((got_x, got_y, got_weights),) = list(train)
        first, second = tf.nest.flatten(got_x)
        np.testing.assert_array_equal(first + 1, second)
        np.testing.assert_array_equal(got_y, Y)
        np.testing.assert_allclose(got_weights, weights, rtol=1e-6)


def test_pandas_tables_count_as_arrays(captured):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b"])
    train = captured(frame, pandas.Series(Y), shuffle=False).train_dataset
    np.testing.assert_array_equal(rows(train)[0], X)


def test_the_validation_split_is_the_last_rows(captured):
    found = captured(X, Y, validation_split=0.25)
    np.testing.assert_array_equal(np.sort(rows(found.train_dataset)[0], 0), X[:9])
    np.testing.assert_array_equal(rows(found.eval_dataset)[0], X[9:])


def test_validation_arrays_and_datasets_are_held_out(captured, dataset):
    found = captured(X, Y, validation_data=(X[:5], Y[:5]), validation_batch_size=2)
    sizes = [len(batch[1]) for batch in found.eval_dataset]
    assert sizes == [2, 2, 1]
    assert captured(X, Y, validation_data=dataset).eval_dataset is dataset


@pytest.mark.parametrize("one_hot", [False, True])
def test_class_weights_are_those_of_keras(captured, one_hot):
    labels = np.eye(3)[Y] if one_hot else Y
    given = np.full(12, 0.5)
    train = captured(
        X,
        labels,
        sample_weight=given,
        class_weight={0: 1.0, 1: 2.0, 2: 4.0},
        shuffle=False,
    ).train_dataset
    np.testing.assert_allclose(rows(train)[2], 0.5 * 2.0**Y)


def test_class_weights_work_on_datasets_and_default_to_one(captured):
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(4)
    train = captured(data, class_weight={1: 3.0}).train_dataset
    np.testing.assert_array_equal(rows(train)[2], np.where(Y == 1, 3.0, 1.0))


def test_the_steps_are_those_that_fit_would_take(captured, dataset):
    assert captured(dataset, epochs=3).train_steps == 30
    assert captured(dataset, epochs=3, initial_epoch=1).train_steps == 20
    assert captured(dataset.repeat(), epochs=2, steps_per_epoch=50).train_steps == 100
    assert captured(dataset.repeat()).train_steps is None
    assert captured(X, Y, batch_size=5, epochs=2).train_steps == 6
    assert captured(X, Y, batch_size=5, validation_split=0.25).train_steps == 2


def test_the_steps_of_fit_replace_those_of_train_args():
    assert _with_train_steps(RangeTestConfig(train_steps=9), 900).train_steps == 900
    assert _with_train_steps(RangeTestConfig(train_steps=50), None).train_steps is None
    wide = RangeTestConfig(num_rates=300, num_sweeps=3)
    assert _with_train_steps(wide, 10).train_steps == 10
    assert _with_train_steps(wide, 2**40).train_steps == 2**31 - 1


def _generator():
    while True:
        yield X, Y


def _sequence(k, shift=0):
    base = k.utils.PyDataset if k is keras else k.utils.Sequence

    class Batches(base):
        def __len__(self):
            return 6

        def __getitem__(self, index):
            rows = slice(2 * index, 2 * index + 2)
            return X[rows] + shift, Y[rows]

    return Batches()


def test_a_sequence_gives_its_batches_in_the_shuffled_order_of_the_seed(captured, k):
    found = captured(_sequence(k), validation_data=_sequence(k, shift=1))
    got_x, got_y = rows(found.train_dataset)
    np.testing.assert_array_equal(np.sort(got_x, axis=0), X)
    assert got_y.tolist() != Y.tolist()
    assert got_x[:, 0].tolist() == rows(found.train_dataset)[0][:, 0].tolist()
    np.testing.assert_array_equal(rows(found.eval_dataset)[0], X + 1)
    in_order = captured(_sequence(k), shuffle=False, class_weight={1: 3.0})
    np.testing.assert_array_equal(rows(in_order.train_dataset)[0], X)
    weights = rows(in_order.train_dataset)[2]
    np.testing.assert_array_equal(weights, np.where(Y == 1, 3.0, 1.0))


def test_a_generator_is_read_as_far_as_the_trainer_would_read_it(k, fn_args):
    given = []

    def batches():
        for batch in _generator():
            given.append(batch)
            yield batch

    def run_fn(_):
        mlp(k).fit(batches(), steps_per_epoch=30, validation_data=_generator())

    call = reach_fit(run_fn, fn_args)
    config = _with_train_steps(RangeTestConfig(), fit_steps(call).steps)
    train, validation = fit_data.datasets(call, config)
    assert len(given) == 30 + 5 * 16
    for dataset in (train, validation):
        ((x, y),) = list(dataset.take(1))
        np.testing.assert_array_equal(x, X)
        np.testing.assert_array_equal(y, Y)


def test_other_data_are_refused(captured):
    with pytest.raises(ValueError, match="cannot use the x of this fit") as raised:
        captured(object())
    assert "lr_finder_fn" in str(raised.value)
    with pytest.raises(ValueError, match="cannot use the validation_data"):
        captured(X, Y, validation_data=object())


def test_fit_returns_what_the_handler_returns(k, dataset):
    with intercepted_fit(lambda call: call.proceed(epochs=2, verbose=0)):
        assert len(mlp(k).fit(dataset).history["loss"]) == 2
