"""How many batches one pass over the training examples has."""

import pathlib

import pytest
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.types import artifact_utils, standard_artifacts

from tests.executor.user_modules import write_module
from tests.runtime.sampling.sampled_data import data, numbered
from tfx_lr_finder import read_result
from tfx_lr_finder.runtime.examples import example_count

COUNTED = """
    def lr_finder_fn(fn_args):
        return LRFinderFnResult(compiled(), {dataset}, num_train_examples={number})
    """


@pytest.mark.parametrize(
    ("dataset", "number", "num_batches"),
    [("data.repeat()", None, 59), ("data.repeat()", 8, 2), ("data", None, 10)],
    ids=[
        "the split's 234 rows",
        "the hook's number",
        "its own 10 batches",
    ],
)
def test_the_batches_of_one_pass_are_counted_even_if_the_dataset_repeats(
    dataset, number, num_batches, run_finder, penguin_examples, tmp_path
):
    outputs = run_finder(
        {"examples": penguin_examples},
        module_file=write_module(
            tmp_path, COUNTED.format(dataset=dataset, number=number)
        ),
        on_inconclusive="fallback",
        default_learning_rate=0.1,
    )
    environment = read_result(outputs["lr_finder_result"]).environment
    assert environment["num_train_batches"] == num_batches


def test_examples_in_large_files_are_not_counted(penguin_examples, monkeypatch):
    inputs = {"examples": [penguin_examples]}
    assert example_count.count_train_examples(inputs, ["train"]) == 234
    monkeypatch.setattr(example_count, "MAX_BYTES", 1000)
    assert example_count.count_train_examples(inputs, ["train"]) is None


@pytest.mark.parametrize("file_format", ["tfrecords_gzip", "FORMAT_TFRECORDS_GZIP"])
def test_records_are_counted_under_both_names_of_the_gzip_format(file_format, tmp_path):
    examples = data(tmp_path, [numbered(30), numbered(12)])
    examples.set_string_custom_property("file_format", file_format)
    inputs = {"examples": [examples]}
    assert example_count.count_train_examples(inputs, ["train"]) == 42


@pytest.fixture
def statistics(tmp_path):
    """Statistics that count 70,000 training examples and 2 others."""
    artifact = standard_artifacts.ExampleStatistics()
    artifact.uri = str(tmp_path / "statistics")
    artifact.split_names = artifact_utils.encode_split_names(["train", "eval"])
    for split, number in (("train", 70_000), ("eval", 2)):
        found = statistics_pb2.DatasetFeatureStatisticsList()
        found.datasets.add().num_examples = number
        folder = pathlib.Path(artifact.uri, f"Split-{split}")
        folder.mkdir(parents=True)
        (folder / "FeatureStats.pb").write_bytes(found.SerializeToString())
    return artifact


def test_the_number_of_training_examples_comes_from_the_statistics(
    statistics, penguin_examples
):
    inputs = {"examples": [penguin_examples], "statistics": [statistics]}
    assert example_count.count_train_examples(inputs, ["train"]) == 70_000
    with pytest.raises(ValueError, match="have no split 'first', only train, eval"):
        example_count.count_train_examples(inputs, ["first"])


def test_the_number_of_examples_in_the_statistics_is_used_in_the_report(
    run_finder, statistics, penguin_examples, tmp_path
):
    dataset = "data.repeat()"
    outputs = run_finder(
        {"examples": penguin_examples, "statistics": statistics},
        module_file=write_module(
            tmp_path, COUNTED.format(dataset=dataset, number=None)
        ),
        on_inconclusive="fallback",
        default_learning_rate=0.1,
    )
    environment = read_result(outputs["lr_finder_result"]).environment
    assert environment["num_train_batches"] == 70_000 // 4
