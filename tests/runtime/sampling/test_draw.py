import collections
import pathlib
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from scipy import stats

import tests
from tests.runtime.sampling.sampled_data import (
    artifact,
    data,
    draw,
    number_of,
    numbered,
    records_of,
    shards_of,
    write_rows,
    write_split,
)
from tfx_lr_finder.runtime.sampling import draw as sampling
from tfx_lr_finder.settings.sample import SampleConfig


def _dealt(records, num_shards):
    return [records[i::num_shards] for i in range(num_shards)]


def test_the_sample_depends_on_the_data_and_the_seed_but_not_on_their_folder(tmp_path):
    records = numbered(500)
    checksums = []
    for place, seed in (("1", 0), ("2", 0), ("3", 1)):
        examples = data(tmp_path / place / "data", [records[:100], records[100:]])
        sample = draw(examples, tmp_path / place, sample_size=60, seed=seed)
        checksums.append(sample.facts["train_sample_checksum"])
        drawn = records_of(sample.train_files)
        assert len(set(drawn)) == 60
        assert set(drawn) <= set(records)
        assert drawn != sorted(drawn)
    assert checksums[0] == checksums[1] != checksums[2]


def test_shards_are_named_as_tfx_names_them_and_differ_by_one_at_most(tmp_path):
    sample = draw(data(tmp_path / "data", [numbered(90)]), tmp_path, sample_size=50)
    shards = shards_of(sample.train_files)
    assert [pathlib.Path(path).name for path in shards] == [
        f"data_tfrecord-{i:05d}-of-00004.gz" for i in range(4)
    ]
    assert sorted(map(len, shards.values())) == [12, 12, 13, 13]
    assert sample.num_train_examples == 50


def test_shards_and_places_in_them_are_equally_likely(tmp_path):
    """Chi-square over 8 shards, and over tenths of the place in the shard."""
    records = numbered(8000)
    shards = [records[i : i + 1000] for i in range(0, 8000, 1000)]
    sample = draw(data(tmp_path / "data", shards), tmp_path, sample_size=1600)
    numbers = [number_of(record) for record in records_of(sample.train_files)]
    for place, bins in ((lambda n: n // 1000, 8), (lambda n: n % 1000 // 100, 10)):
        counts = collections.Counter(map(place, numbers))
        observed = [counts[i] for i in range(bins)]
        assert 1e-4 < stats.chisquare(observed).pvalue < 1 - 1e-4


def test_copies_of_a_record_are_drawn_in_proportion(tmp_path):
    records = numbered(1) * 1000 + numbered(1000, first=1)
    examples = data(tmp_path / "data", _dealt(records, 3))
    sample = draw(examples, tmp_path, sample_size=100)
    drawn = collections.Counter(map(number_of, records_of(sample.train_files)))
    assert 25 < drawn[0] < 75
    assert drawn.total() == 100


def test_a_sample_larger_than_the_data_holds_all_examples_with_a_note(tmp_path):
    records = numbered(30)
    sample = draw(data(tmp_path / "data", [records]), tmp_path, sample_size=1000)
    assert sorted(records_of(sample.train_files)) == sorted(records)
    assert sample.facts["train_sample_fraction"] == 1.0
    assert sample.facts["train_sample_note"] == (
        "the sample holds all 30 examples; 1000 were requested"
    )


def test_rare_labels_are_kept_and_all_labels_are_counted(tmp_path):
    records = numbered(990, label=lambda number: "no") + numbered(
        10, first=990, label=lambda number: "yes"
    )
    examples = data(tmp_path / "data", _dealt(records, 2))
    sample = draw(
        examples, tmp_path, sample_size=100, stratify_by="label", min_per_label=8
    )
    assert sample.facts["train_sample_labels"] == "no: 92 of 990, yes: 8 of 10"
    drawn = [number_of(record) for record in records_of(sample.train_files)]
    assert sum(number >= 990 for number in drawn) == 8


def test_several_spans_and_splits_are_one_sample_and_counted_apart(tmp_path):
    spans = []
    for span in range(2):
        folder = tmp_path / f"span-{span}"
        write_split(folder, "red", [numbered(100, first=1000 * span)])
        write_split(folder, "blue", [numbered(300, first=1000 * span + 500)])
        write_split(folder, "eval", [numbered(10)])
        spans.append(artifact(folder, ("red", "blue", "eval")))
    sample = draw(spans, tmp_path, sample_size=80, splits=("red", "blue"))
    assert sample.facts["train_sample_of"] == 800
    counts = sample.facts["train_sample_splits"]
    blue, red = (int(part.split()[1]) for part in counts.split(", "))
    assert counts == f"blue: {blue} of 600, red: {red} of 200"
    assert blue + red == 80


def test_rows_of_parquet_files_are_sampled_into_parquet_files(tmp_path):
    rows = [{"number": i, "label": "ab"[i % 2], "maybe": None} for i in range(100)]
    rows[3]["maybe"] = 0.5
    for split in ("train", "eval"):
        write_rows(tmp_path / "data", split, [rows[:4], rows[4:]])
    examples = artifact(tmp_path / "data", payload="FORMAT_PARQUET")
    sample = draw(examples, tmp_path, sample_size=20, stratify_by="label")
    files = tf.io.gfile.glob(sample.train_files)
    assert len(files) == 4
    drawn = [row for file in files for row in pq.read_table(file).to_pylist()]
    assert len(drawn) == 20
    assert all(row in rows for row in drawn)


def test_raw_examples_arrive_as_transform_would_have_written_them(
    tmp_path, raw_taxi_examples, taxi_graph
):
    sample = draw(
        raw_taxi_examples,
        tmp_path,
        sample_size=50,
        sample_transform="on",
        inputs={"transform_graph": [taxi_graph]},
    )
    graph = tft.TFTransformOutput(taxi_graph.uri)
    spec = graph.transformed_feature_spec()
    drawn = tf.io.parse_example(records_of(sample.train_files), spec)
    plain = draw(raw_taxi_examples, tmp_path / "raw", sample_size=50)
    raw = tf.io.parse_example(records_of(plain.train_files), graph.raw_feature_spec())
    wanted = graph.transform_features_layer()(raw)
    assert set(drawn) == set(wanted)
    for name, value in wanted.items():
        if isinstance(value, tf.SparseTensor):
            value, drawn[name] = value.values, drawn[name].values
        tf.debugging.assert_near(
            tf.cast(drawn[name], tf.float32), tf.cast(value, tf.float32)
        )


def _corrupt(folder, kind):
    """Examples whose second train file is damaged in some way."""
    examples = data(folder, _dealt(numbered(200), 2))
    path = folder / "Split-train" / "data_tfrecord-00001-of-00002.gz"
    if kind == "no example":
        write_split(folder, "train", [numbered(100), [*numbered(99), b"\xff nonsense"]])
    elif kind == "cut short":
        path.write_bytes(path.read_bytes()[:-100])
    elif kind == "garbage":
        path.write_bytes(b"this is no compressed file")
    elif kind == "wrong checksum":
        plain = folder / "Split-train" / "plain"
        with tf.io.TFRecordWriter(str(plain)) as writer:
            for record in numbered(100):
                writer.write(record)
        content = bytearray(plain.read_bytes())
        content[20] ^= 1
        plain.write_bytes(content)
        path.unlink()
    return examples


KINDS = {
    "no example": "00001-of-00002.gz: record 100: not a tf.Example",
    "cut short": "00001-of-00002.gz: after record .*: EOFError",
    "garbage": "00001-of-00002.gz: after record 0: BadGzipFile",
    "wrong checksum": "plain: after record 0: ValueError: .*Mismatch of data mask",
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_corrupt_file_is_refused_by_name(kind, tmp_path):
    examples = _corrupt(tmp_path / "data", kind)
    with pytest.raises(ValueError, match=KINDS[kind]):
        draw(examples, tmp_path, sample_size=50)


def test_a_label_that_does_not_exist_is_refused_with_those_that_do(tmp_path):
    examples = data(tmp_path / "data", [numbered(30)])
    complaint = "no feature stratify_by='lable'. Their features are label, number."
    with pytest.raises(ValueError, match=complaint):
        draw(examples, tmp_path, sample_size=10, stratify_by="lable")


def test_a_feature_with_too_many_values_is_refused_as_a_label(tmp_path):
    examples = data(tmp_path / "data", [numbered(1100)])
    with pytest.raises(ValueError, match="has more than 1000 values"):
        draw(examples, tmp_path, sample_size=10, stratify_by="number")


def test_an_example_without_the_label_is_counted_as_missing(tmp_path):
    other = tf.train.Example()
    other.features.feature["number"].int64_list.value.append(1)
    records = [*numbered(20, label=lambda _: "x"), other.SerializeToString()]
    examples = data(tmp_path / "data", [records])
    sample = draw(examples, tmp_path, sample_size=99, stratify_by="label")
    assert sample.facts["train_sample_labels"] == "x: 20 of 20, (missing): 1 of 1"


def test_a_transform_needs_its_graph(tmp_path):
    examples = data(tmp_path / "data", [numbered(30)])
    with pytest.raises(ValueError, match="needs the input transform_graph"):
        draw(examples, tmp_path, sample_size=10, sample_transform="on")


def test_a_split_without_an_example_is_refused(tmp_path):
    examples = data(tmp_path / "data", [[]])
    with pytest.raises(ValueError, match="no example in the split train"):
        draw(examples, tmp_path, sample_size=10)


DIE = """
import os, pathlib, sys
from tests.runtime.sampling.sampled_data import artifact, draw
from tfx_lr_finder.runtime.examples import record_files

write = record_files.write_atomically
def write_half_and_die(path, content):
    if "00002-of" in path:
        folder = pathlib.Path(path).parent
        (folder.parent / "half.part").write_bytes(content[:50])
        os._exit(9)
    write(path, content)

record_files.write_atomically = write_half_and_die
draw(artifact(sys.argv[1]), pathlib.Path(sys.argv[2]), sample_size=40)
"""


@pytest.mark.long  # a process of its own
def test_a_worker_that_dies_while_writing_leaves_only_complete_shards(tmp_path):
    """Beam repeats the work elsewhere and finds the shards of the first attempt."""
    examples = data(tmp_path / "data", [numbered(100)])
    died = subprocess.run(
        [sys.executable, "-c", DIE, tmp_path / "data", tmp_path / "1"],
        cwd=pathlib.Path(tests.__file__).parents[1],
        capture_output=True,
        check=False,
    )
    assert died.returncode == 9, died.stderr.decode()[-2000:]
    left = sorted((tmp_path / "1").glob("*/Split-*/*"))
    assert {path.name[14:19] for path in left} == {"00000", "00001"}
    again = draw(examples, tmp_path / "1", sample_size=40)
    fresh = draw(examples, tmp_path / "2", sample_size=40)
    assert [*shards_of(again.train_files).values()] == [
        *shards_of(fresh.train_files).values()
    ]


def test_work_done_twice_gives_the_same_files(tmp_path):
    examples = data(tmp_path / "data", [numbered(100)])
    contents = []
    for _ in range(2):
        sample = draw(examples, tmp_path / "1", sample_size=40)
        files = sorted(tf.io.gfile.glob(sample.train_files))
        contents.append([pathlib.Path(file).read_bytes() for file in files])
    assert contents[0] == contents[1]


def test_the_scratch_folder_is_removed_after_an_error(tmp_path):
    def fail(folder):
        pathlib.Path(folder, "file").write_text("x")
        raise KeyError("no such feature")

    with (
        pytest.raises(KeyError, match="no such feature"),
        sampling.scratch(str(tmp_path)) as folder,
    ):
        fail(folder)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "bad",
    [
        {"sample_size": -1},
        {"sample_size": "some"},
        {"sample_size": 10, "sample_transform": "yes"},
        {"sample_size": 10, "min_per_label": -1},
    ],
    ids=str,
)
def test_a_bad_option_is_refused_by_name(bad):
    with pytest.raises(ValueError, match=f"{next(reversed(bad))} must be"):
        SampleConfig(**bad)


def test_auto_draws_what_the_sweeps_and_the_longest_training_take(make_report):
    config = make_report().config
    sizes = sampling.sample_sizes(SampleConfig(sample_size="auto"), config, 10)
    assert sizes["train"] > 10 * config.sweep_steps
    assert sizes["train"] <= 10 * config.budget
    assert sizes["eval"] == 10 * config.num_eval_batches
