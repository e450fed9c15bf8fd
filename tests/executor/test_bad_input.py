"""Bad modules, examples and parameters."""

import pytest
import tensorflow as tf
from tfx.proto import trainer_pb2

from tests.executor.user_modules import write_module
from tfx_lr_finder.executor import Executor

BAD_HOOKS = {
    "no hook": ("", r"defines no function lr_finder_fn(.|\n)*def lr_finder_fn"),
    "a tuple": (
        "def lr_finder_fn(fn_args):\n    return compiled(), data",
        r"must return an LRFinderFnResult, got builtins.tuple(.|\n)*def lr_finder_fn",
    ),
    "no model": (
        "def lr_finder_fn(fn_args):\n    return LRFinderFnResult(5, data)",
        "model must be a compiled Keras model .* got builtins.int",
    ),
    "not compiled": (
        "def lr_finder_fn(fn_args):\n"
        "    model = keras.Sequential([keras.layers.Dense(1)], name='raw')\n"
        "    return LRFinderFnResult(model, data)",
        "The model 'raw' is not compiled",
    ),
    "an array": (
        "def lr_finder_fn(fn_args):\n    return LRFinderFnResult(compiled(), (x, y))",
        "training dataset must be a tf.data.Dataset of batches, got builtins.tuple",
    ),
    "a list to evaluate": (
        "def lr_finder_fn(fn_args):\n"
        "    return LRFinderFnResult(compiled(), data, [x])",
        "evaluation dataset must be a tf.data.Dataset of batches, got builtins.list",
    ),
    "no data": (
        "def lr_finder_fn(fn_args):\n"
        "    return LRFinderFnResult(compiled(), data.take(0))",
        "training dataset has no batch",
    ),
    "no labels": (
        "def lr_finder_fn(fn_args):\n"
        "    return LRFinderFnResult(compiled(), data.map(lambda x, y: x))",
        "labels are missing: the training dataset gives TensorSpec",
    ),
    "no number": (
        "def lr_finder_fn(fn_args):\n"
        "    return LRFinderFnResult(compiled(), data, num_train_examples=0)",
        "num_train_examples must be an integer of at least 1",
    ),
    "unreadable": (
        "def lr_finder_fn(fn_args):\n"
        "    spec = {'nothing': tf.io.FixedLenFeature([1], tf.float32)}\n"
        "    files = tf.io.gfile.glob(fn_args.train_files)\n"
        "    records = tf.data.TFRecordDataset(files, 'GZIP').batch(4)\n"
        "    parsed = records.map(lambda r: (tf.io.parse_example(r, spec), 0))\n"
        "    return LRFinderFnResult(compiled(), parsed)",
        r"first batch of the training dataset (.|\n)*match the transform graph or ",
    ),
}


@pytest.mark.parametrize("name", BAD_HOOKS)
def test_a_bad_hook_is_refused_before_any_training(
    name, run_finder, penguin_examples, tmp_path
):
    body, complaint = BAD_HOOKS[name]
    with pytest.raises(ValueError, match=complaint):
        run_finder(
            {"examples": penguin_examples}, module_file=write_module(tmp_path, body)
        )
    assert not (run_finder.root / "lr_finder_result").exists()


def test_a_hook_by_dotted_path_that_does_not_exist_is_named(
    run_finder, penguin_examples
):
    with pytest.raises(ValueError, match="keras.utils.no_such_fn defines no function"):
        run_finder(
            {"examples": penguin_examples}, lr_finder_fn="keras.utils.no_such_fn"
        )


def test_a_missing_split_is_named_with_those_that_exist(
    run_finder, penguin_examples, penguin_module
):
    complaint = r"no split 'test', only train, eval. .* eval_args="
    with pytest.raises(ValueError, match=complaint):
        run_finder(
            {"examples": penguin_examples},
            module_file=penguin_module,
            eval_args=trainer_pb2.EvalArgs(splits=["test"]),
        )


@pytest.mark.parametrize("num_files", [0, 1], ids=["no file", "no record"])
def test_an_empty_split_is_refused(
    num_files, run_finder, make_examples, penguin_examples, penguin_module, tmp_path
):
    (tmp_path / "Split-train").mkdir()
    (tmp_path / "Split-eval").symlink_to(f"{penguin_examples.uri}/Split-eval")
    for number in range(num_files):
        path = str(tmp_path / "Split-train" / f"data-{number}.gz")
        tf.io.TFRecordWriter(path, "GZIP").close()
    with pytest.raises(ValueError, match="split 'train' holds no readable example"):
        run_finder({"examples": make_examples(tmp_path)}, module_file=penguin_module)


def test_examples_of_another_data_set_than_the_graphs_are_refused(
    run_finder, penguin_examples, taxi_graph, taxi_module
):
    complaint = "do not match the transform graph .* features body_mass_g"
    with pytest.raises(ValueError, match=complaint):
        run_finder(
            {"examples": penguin_examples, "transform_graph": taxi_graph},
            module_file=taxi_module,
        )


def test_raw_examples_where_transformed_ones_are_parsed_are_refused(
    run_finder, raw_taxi_examples, taxi_graph, taxi_module
):
    with pytest.raises(ValueError, match="transformed examples the transformed schema"):
        run_finder(
            {"examples": raw_taxi_examples, "transform_graph": taxi_graph},
            module_file=taxi_module,
            custom_config={"raw": False},
        )


@pytest.mark.parametrize(
    ("properties", "complaint"),
    [
        ({"min_lr": 1.0, "max_lr": 0.1}, "min_lr must be below max_lr"),
        ({"rule": "guess"}, "rule must be one of"),
        ({"num_rates": 5.5}, "num_rates must be a whole number"),
        ({"on_inconclusive": "fallback"}, "needs default_learning_rate"),
        ({"sample_size": "many"}, "sample_size must be a whole number"),
        ({"stratify_by": "label"}, "stratify_by needs a sample"),
        ({"on_inconclusive": "shrug"}, "must be 'fail', 'fallback' or 'last_good'"),
    ],
    ids=str,
)
def test_the_value_of_a_runtime_parameter_is_checked_before_the_data(
    properties, complaint
):
    with pytest.raises(ValueError, match=complaint):
        Executor().Do({}, {}, properties)
