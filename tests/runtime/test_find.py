import functools
import random
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.keras_models import keras_3_only, mlp
from tfx_lr_finder.range_test.report import LRFinderReport, StopReason, Verdict
from tfx_lr_finder.runtime.find import find_learning_rate

QUICK = {"max_steps": 300, "num_eval_batches": 4}


def regression(num_rows=640):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(num_rows, 4)).astype("float32")
    y = x @ np.array([[1.0], [-2.0], [0.5], [0.0]], "float32") + 0.3
    return tf.data.Dataset.from_tensor_slices((x, y))


def batches():
    rows = regression()
    return rows.skip(128).batch(16), rows.take(128).batch(16)


@functools.cache
def report_of(k, **parameters):
    """The report of `mlp(k)` on `batches()`. Several tests read it."""
    return find_learning_rate(mlp(k), *batches(), **parameters)


@pytest.fixture
def data():
    return batches()


def states(model):
    variables = [*model.variables, *model.optimizer.variables]
    return [np.array(tf.convert_to_tensor(v)) for v in variables]


def test_a_linear_regression_gives_a_confirmed_rate_with_the_verdict_ok(k):
    report = report_of(k)
    assert report.verdict is Verdict.OK, report.reasons
    assert report.source == "confirmed"
    assert 1e-3 < report.learning_rate < 0.5
    assert report.final_check.eval_loss < report.untrained_loss
    assert report.steps_spent <= 600
    assert report.environment["num_traces"] == 1


def test_two_runs_are_identical(k, data):
    layers = [k.layers.Dropout(0.3)]
    reports = [
        find_learning_rate(mlp(k, layers=layers), *data, **QUICK) for _ in range(2)
    ]
    assert reports[0].sweeps == reports[1].sweeps
    assert reports[0].candidates == reports[1].candidates
    assert reports[0].learning_rate == reports[1].learning_rate


@keras_3_only
def test_runs_are_identical_although_prefetching_reads_past_a_reshuffle(k, data):
    def report():
        rows = regression(64).shuffle(64, seed=1).batch(16)  # four steps a pass
        return find_learning_rate(mlp(k), rows, data[1], **QUICK)

    first = report()
    for _ in range(2):
        repeated = report()
        assert repeated.sweeps == first.sweeps
        assert repeated.candidates == first.candidates


def test_model_optimizer_and_random_states_are_restored(k, data):
    model = mlp(k, k.optimizers.Adam(0.0123))
    model.fit(data[0].take(3), verbose=0)
    before = states(model)
    tf.random.set_seed(5)
    np.random.seed(5)
    random.seed(5)
    expected = (tf.random.uniform([]).numpy(), np.random.rand(), random.random())
    tf.random.set_seed(5)
    np.random.seed(5)
    random.seed(5)
    find_learning_rate(model, *data, **QUICK)
    assert (
        tf.random.uniform([]).numpy(),
        np.random.rand(),
        random.random(),
    ) == expected
    for old, new in zip(before, states(model), strict=True):
        np.testing.assert_array_equal(old, new)


@keras_3_only
def test_the_model_is_restored_after_an_error(k, data):
    model = mlp(k)
    model.fit(data[0].take(1), verbose=0)
    before = states(model)
    wrong = data[1].map(lambda x, y: (x[:, :3], y))
    with pytest.raises(Exception, match="[Ss]hape|incompatible|compatible"):
        find_learning_rate(model, data[0], wrong, **QUICK)
    for old, new in zip(before, states(model), strict=True):
        np.testing.assert_array_equal(old, new)


@keras_3_only
def test_a_function_that_builds_the_model_gives_the_same_rate(k, data):
    built = find_learning_rate(lambda: mlp(k), *data, **QUICK)
    assert built.learning_rate == report_of(k, **QUICK).learning_rate


def test_a_schedule_is_replaced_and_named_in_the_report(k, data):
    schedule = k.optimizers.schedules.ExponentialDecay(1.0, 10, 0.5)
    report = find_learning_rate(mlp(k, k.optimizers.SGD(schedule)), *data, **QUICK)
    plain = report_of(k, **QUICK).learning_rate
    assert report.environment["replaced_learning_rate"] == "ExponentialDecay"
    assert report.learning_rate == pytest.approx(plain, rel=1e-6)


@keras_3_only
def test_without_held_out_data_rows_are_split_off_and_never_shared(k):
    rows = regression().shuffle(640).batch(16).repeat()
    report = find_learning_rate(mlp(k), rows, num_train_examples=640, **QUICK)
    assert report.verdict is Verdict.OK, report.reasons
    assert report.held_out.unit == "row"
    assert report.held_out.overlap_fraction == 0.0
    assert 0.6 * 40 < report.environment["num_train_batches"] < 40


def test_num_train_examples_less_the_rows_held_out_size_an_endless_dataset(data):
    endless = data[0].repeat()
    sized = find_learning_rate(mlp(keras), endless, num_train_examples=512, **QUICK)
    assert 0.6 * 32 < sized.environment["num_train_batches"] < 32
    unsized = find_learning_rate(mlp(keras), endless, **QUICK)
    assert unsized.environment["num_train_batches"] is None


@keras_3_only
def test_data_shorter_than_a_sweep_are_repeated_with_a_warning(k, caplog):
    short = regression(48).batch(16)
    report = find_learning_rate(mlp(k), short, regression(64).batch(16), **QUICK)
    assert report.environment["num_train_batches"] == 3
    assert report.steps_spent > 3
    assert "the training data have 3 batches" in caplog.text


@keras_3_only
def test_noise_never_gives_the_verdict_ok(k):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 640, 4)).astype("float32")
    rows = tf.data.Dataset.from_tensor_slices((x, y[:, :1]))
    model = k.Sequential([k.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(k.optimizers.SGD(0.1), "mse")
    report = find_learning_rate(
        model, rows.take(512).batch(16), rows.skip(512).batch(16)
    )
    assert report.verdict is not Verdict.OK
    assert report.reasons


def random_labels(num_rows, seed=1):
    x, y = np.random.default_rng(seed).normal(size=(2, num_rows, 4)).astype("float32")
    return tf.data.Dataset.from_tensor_slices((x, y[:, :1]))


@pytest.mark.parametrize(
    ("train", "held_out"),
    [
        (random_labels(32), None),
        (random_labels(3), None),
        (random_labels(512), random_labels(1, seed=2)),
        (random_labels(512), random_labels(40, seed=2).repeat()),
        (random_labels(128), random_labels(128).shuffle(128)),
    ],
    ids=["one batch", "3 rows", "1 held-out row", "repeated", "same rows"],
)
def test_random_labels_give_no_rate_on_few_or_repeated_or_training_rows(
    train, held_out
):
    held_out = held_out and held_out.batch(32)
    report = find_learning_rate(mlp(keras), train.batch(32), held_out, max_steps=200)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert report.held_out.num_independent <= 40


@keras_3_only
def test_a_loss_that_is_nan_from_the_first_step_is_inconclusive(k, data):
    nan = data[0].map(lambda x, y: (x, y * np.nan))
    report = find_learning_rate(mlp(k), nan, **QUICK)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert report.stop_reason is StopReason.NON_FINITE
    assert report.steps_spent <= 3


@keras_3_only
def test_a_negative_loss_gives_a_rate_near_that_of_the_unshifted_loss(k, data):
    def shifted(y, prediction):
        return k.losses.mean_squared_error(y, prediction) - 1000.0

    moved = find_learning_rate(mlp(k, loss=shifted), *data)
    assert moved.verdict is Verdict.OK, moved.reasons
    assert abs(np.log10(moved.learning_rate / report_of(k).learning_rate)) <= 0.5


def test_a_report_is_unchanged_by_a_round_trip_through_json():
    report = report_of(keras, **QUICK)
    assert repr(LRFinderReport.from_json(report.to_json())) == repr(report)


BAD = [
    (lambda k: mlp(k), lambda d: d.unbatch(), {}, "single examples|cannot be run"),
    (lambda k: mlp(k), lambda d: d.take(0), {}, "training dataset has no batch"),
    (
        lambda k: mlp(k),
        lambda d: [1, 2],
        {},
        "training dataset must be a tf.data.Dataset",
    ),
    (lambda k: k.Sequential([k.layers.Dense(1)]), lambda d: d, {}, "not compiled"),
    (lambda k: 3, lambda d: d, {}, "must be a compiled Keras model"),
    (lambda k: mlp(k), lambda d: d, {"lr": 3}, "Unknown parameters: lr"),
    (lambda k: mlp(k), lambda d: d, {"lr_min": 3}, r"lr_min \(min_lr\?\)"),
    (lambda k: mlp(k), lambda d: d, {"num_sweep": 3}, r"num_sweep \(num_sweeps\?\)"),
    (lambda k: mlp(k), lambda d: d, {"min_lr": -1}, "min_lr must be a positive"),
    (
        lambda k: k.layers.Dense(1),
        lambda d: d,
        {},
        r"Dense\. Put the layer into",
    ),
    (lambda k: k.Model, lambda d: d, {}, "got the class Model. Pass an instance"),
    (lambda k: lambda width: None, lambda d: d, {}, "must take no arguments"),
    (lambda k: mlp(k), lambda d: d, {"batch_size": 8}, "batch_size=8 is for arrays"),
    (lambda k: mlp(k), lambda d: d.map(lambda x, y: x), {}, "labels are missing"),
]


@pytest.mark.parametrize(("build", "change", "parameters", "message"), BAD)
def test_bad_models_data_and_parameters_are_refused(
    k, data, build, change, parameters, message
):
    with pytest.raises(ValueError, match=message):
        find_learning_rate(build(k), change(data[0]), **parameters)


def rows_of(data):
    """All rows of a dataset as arrays."""
    return tuple(np.concatenate(parts) for parts in zip(*data, strict=True))


CURVE = {"num_rates": 20, "num_sweeps": 1, "confirm_steps": 0, "seed": 3}


def test_arrays_are_swept_and_numpy_parameters_are_plain_numbers(k, data):
    numpy_parameters = {
        "min_lr": np.float32(2.0**-20),
        "max_lr": np.float64(8.0),
        "num_train_examples": np.int64(512),
        **{name: np.int64(value) for name, value in CURVE.items()},
    }
    arrays = [rows_of(part) for part in data]
    report = find_learning_rate(mlp(k), *arrays, batch_size=16, **numpy_parameters)
    plain = {"min_lr": 2.0**-20, "max_lr": 8.0, **CURVE}
    wanted = find_learning_rate(mlp(k), *arrays, batch_size=np.int32(16), **plain)
    assert report.sweeps == wanted.sweeps
    assert report.environment["num_train_batches"] == 32
    assert type(report.config.seed) is int
    assert LRFinderReport.from_json(report.to_json()).config == report.config


def test_a_generator_is_read_once_and_gives_the_rate_of_its_batches(data):
    def batches(dataset):
        return ((x.numpy(), y.numpy()) for x, y in dataset)

    report = find_learning_rate(mlp(keras), *map(batches, data), **QUICK)
    assert report.candidates == report_of(keras, **QUICK).candidates
    assert report.environment["num_train_batches"] == 32


def test_arrays_without_held_out_rows_never_train_on_the_held_out_ones(data):
    train = rows_of(data[0])
    report = find_learning_rate(mlp(keras), train, batch_size=16, **QUICK)
    assert 24 <= report.environment["num_train_batches"] <= 28
    assert report.held_out.num_rows == report.held_out.num_independent == 64
    assert report.held_out.overlap_fraction == 0.0


def test_ten_batches_of_unknown_number_are_split_by_their_rows(data):
    unknown = data[0].take(10).filter(lambda x, y: True)
    report = find_learning_rate(mlp(keras), unknown, max_steps=200)
    assert 10 < report.held_out.num_rows < 60


def test_missing_values_in_one_row_of_a_hundred_are_reported(data):
    def with_missing(dataset):
        rows = dataset.unbatch().enumerate()
        lost = rows.map(
            lambda i, row: (tf.where(i % 100 == 50, np.nan, row[0]), row[1])
        )
        return lost.batch(16)

    train = find_learning_rate(mlp(keras), with_missing(data[0]), data[1], **QUICK)
    assert str(train.non_finite) in train.reasons[0]
    assert f"loss not finite: {train.non_finite}" in str(train)
    held_out = find_learning_rate(mlp(keras), data[0], with_missing(data[1]), **QUICK)
    assert held_out.held_out.num_not_finite == 1
    for report in (train, held_out):
        assert report.verdict is not Verdict.OK
        assert report.reasons[0].startswith("The loss was not finite for ")
        assert "missing or infinite values" in report.reasons[0]


@pytest.mark.long
def test_a_process_that_never_seeded_tensorflow_can_find_a_rate(data):
    script = """
import keras, numpy as np, tensorflow as tf
import tfx_lr_finder
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
x = np.random.default_rng(0).normal(size=(256, 2)).astype("float32")
rows = tf.data.Dataset.from_tensor_slices((x, x[:, :1])).batch(8)
found = tfx_lr_finder.find_learning_rate(model, rows, max_steps=200)
tf.random.uniform([])
print(found.verdict.name, found.learning_rate)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[-1]) > 0


@pytest.mark.parametrize("sizes", [(16, 16, 7), (3, 16, 16), (5,)])
def test_every_held_out_row_counts_once_whatever_its_batch(data, sizes):
    parts = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])
    x = np.random.default_rng(7).normal(size=(sum(sizes), 4)).astype("float32")
    held_out = tf.data.Dataset.from_generator(
        lambda: ((x[part], x[part][:, :1]) for part in parts),
        output_signature=(tf.TensorSpec([None, 4]), tf.TensorSpec([None, 1])),
    )
    report = find_learning_rate(mlp(keras), data[0], held_out, max_steps=200)
    assert report.held_out.num_rows == report.held_out.num_independent == sum(sizes)
    assert len(report.final_check.eval_losses) == sum(sizes)


def test_the_report_records_that_xla_compiled_the_step(data):
    report = find_learning_rate(
        mlp(keras), *data, jit_compile="on", num_sweeps=1, confirm_steps=0
    )
    assert report.environment["jit_compile"] is True
    with pytest.raises(ValueError, match="jit_compile must be one of off, on"):
        find_learning_rate(mlp(keras), *data, jit_compile=True)


def test_the_seconds_add_up_to_the_wall_time_of_the_call(data):
    model = mlp(keras)
    began = time.monotonic()
    report = find_learning_rate(model, *data, **QUICK)
    wall = time.monotonic() - began
    assert list(report.seconds) == [
        "reading", "tracing", "sweeps", "confirmation", "restoring"
    ]  # fmt: skip
    assert min(report.seconds.values()) > 0.0
    assert wall - sum(report.seconds.values()) < 0.05 * wall


@pytest.mark.parametrize(
    ("has_eval", "options", "expected"),
    [
        (True, QUICK, {"train": 2, "eval": 1}),  # candidates, sweeps
        (False, QUICK, {"train": 4}),  # to split the rows, candidates, scores, sweeps
        (True, {"confirm_steps": 0}, {"train": 2}),  # first batch, sweeps
    ],
)
def test_each_pipeline_is_started_once_for_each_use(has_eval, options, expected):
    starts = {}

    def batches(name, size):
        x = np.random.default_rng(size).normal(size=(size, 16, 4)).astype("float32")

        def generate():
            starts[name] = starts.get(name, 0) + 1
            yield from ((rows, rows[:, :1]) for rows in x)

        rows, labels = tf.TensorSpec([16, 4]), tf.TensorSpec([16, 1])
        return tf.data.Dataset.from_generator(generate, output_signature=(rows, labels))

    evaluation = batches("eval", 8) if has_eval else None
    # More batches than steps, so that no repetition starts a pipeline again.
    find_learning_rate(mlp(keras), batches("train", 900), evaluation, **options)
    assert starts == expected
