"""Sampling with invalid data and invalid options."""

import shutil

import pytest
import tensorflow as tf

from tests.runtime.sampling.sampled_data import (
    artifact,
    data,
    draw,
    numbered,
    write_rows,
)
from tfx_lr_finder.runtime.examples import splits
from tfx_lr_finder.runtime.sampling import draw as sampling
from tfx_lr_finder.settings.sample import sample_config


@pytest.mark.parametrize("size", [10**12, "9" * 5000, "1e3", -1, 2.5, True, b"5", []])
def test_an_invalid_size_is_refused_by_name(size):
    with pytest.raises(ValueError, match="sample_size must be a whole number"):
        sample_config({"sample_size": size})


def test_a_huge_minimum_per_label_keeps_no_more_than_the_sample(tmp_path):
    made = data(tmp_path / "data", [numbered(3000)])
    sample = draw(
        made, tmp_path, sample_size=30, stratify_by="label", min_per_label=10**12
    )
    assert sample.facts["train_sample_labels"] == (
        "a: 10 of 1000, b: 10 of 1000, c: 10 of 1000"
    )


def test_a_split_without_files_is_refused(tmp_path):
    made = data(tmp_path / "data", [numbered(30)])
    shutil.rmtree(tmp_path / "data" / "Split-eval")
    with pytest.raises(
        ValueError, match="There is no file in the split eval of .*data"
    ):
        draw(made, tmp_path, sample_size=10)


def test_a_split_that_does_not_exist_is_refused_with_those_that_do(tmp_path):
    made = data(tmp_path / "data", [numbered(30)])
    with pytest.raises(ValueError, match="no split 'nope', only train, eval. Name one"):
        splits.check({"examples": [made]}, ["nope"], ["eval"])


def test_empty_files_and_folders_in_a_split_are_ignored(tmp_path):
    made = data(tmp_path / "data", [numbered(30)])
    split = tmp_path / "data" / "Split-train"
    (split / "_SUCCESS").touch()
    (split / "data-9.gz").touch()
    (split / "folder").mkdir()
    assert draw(made, tmp_path, sample_size=10).facts["train_sample_of"] == 30


def test_a_file_deleted_before_it_is_read_fails_with_its_name(tmp_path, monkeypatch):
    made = data(tmp_path / "data", [numbered(30)])
    (path,) = (tmp_path / "data" / "Split-train").iterdir()
    build = sampling.build

    def remove_and_build(*arguments):
        path.unlink()
        build(*arguments)

    monkeypatch.setattr(sampling, "build", remove_and_build)
    with pytest.raises(RuntimeError, match=f"draws the sample failed.*{path}"):
        draw(made, tmp_path, sample_size=10)


def test_long_labels_are_shortened_in_the_report_and_stay_different(tmp_path):
    records = numbered(20, label=lambda number: "x" * 10**5 + str(number % 2))
    made = data(tmp_path / "data", [records])
    sample = draw(made, tmp_path, sample_size=20, stratify_by="label")
    labels = sample.facts["train_sample_labels"]
    assert labels.count("x... (") == 2
    assert labels.count(": 10 of 10") == 2
    assert len(labels) < 400


def test_parquet_files_of_different_types_are_refused_by_their_column(tmp_path):
    for split in ("train", "eval"):
        rows = [[{"number": 1}], [{"number": "one"}]]
        write_rows(tmp_path / "data", split, rows)
    made = artifact(tmp_path / "data", payload="FORMAT_PARQUET")
    with pytest.raises(ValueError, match="columns of different types: .*number"):
        draw(made, tmp_path, sample_size=10)


def test_an_invalid_first_example_does_not_stop_the_check_of_the_features(tmp_path):
    made = data(tmp_path / "data", [[b"\xff nonsense", *numbered(3)]])
    graph = artifact(tmp_path / "graph")
    for kind, feature in (("metadata", "other"), ("transformed_metadata", "number")):
        (tmp_path / "graph" / kind).mkdir(parents=True)
        schema = tmp_path / "graph" / kind / "schema.pbtxt"
        schema.write_text(f'feature {{ name: "{feature}" }}')
    inputs = {"examples": [made], "transform_graph": [graph]}
    splits.check(inputs, ["train"], ["eval"])
    schema.write_text('feature { name: "another" }')
    with pytest.raises(ValueError, match="they have the features label, number"):
        splits.check(inputs, ["train"], ["eval"])


def test_a_sequence_example_without_a_feature_is_refused(tmp_path):
    empty = tf.train.SequenceExample().SerializeToString()
    made = data(tmp_path / "data", [[empty]])
    made.set_string_custom_property("payload_format", "FORMAT_TF_SEQUENCE_EXAMPLE")
    with pytest.raises(ValueError, match="record 1: not a tf.SequenceExample"):
        draw(made, tmp_path, sample_size=10)
