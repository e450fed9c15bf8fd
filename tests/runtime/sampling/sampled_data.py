"""Write examples for the tests of sampling, and draw samples of them."""

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
from tfx.types import artifact_utils, standard_artifacts

from tfx_lr_finder import RangeTestConfig
from tfx_lr_finder.runtime.sampling import draw as sampling
from tfx_lr_finder.runtime.sampling.source import Source
from tfx_lr_finder.settings.sample import SampleConfig

IN_MEMORY = ("--runner=FnApiRunner",)


def example(number, label):
    """A serialized tf.Example, the same bytes for the same values."""
    made = tf.train.Example()
    made.features.feature["number"].int64_list.value.append(number)
    made.features.feature["label"].bytes_list.value.append(label.encode())
    return made.SerializeToString(deterministic=True)


def numbered(count, first=0, label=lambda number: "abc"[number % 3]):
    """Examples numbered from `first` on."""
    return [example(number, label(number)) for number in range(first, first + count)]


def number_of(record):
    """The number of an example."""
    parsed = tf.train.Example.FromString(record)
    return parsed.features.feature["number"].int64_list.value[0]


def write_split(folder, split, shards):
    """Writes lists of records as the TFRecord files of a split."""
    (folder / f"Split-{split}").mkdir(parents=True, exist_ok=True)
    for index, records in enumerate(shards):
        name = f"data_tfrecord-{index:05d}-of-{len(shards):05d}.gz"
        path = str(folder / f"Split-{split}" / name)
        with tf.io.TFRecordWriter(path, "GZIP") as writer:
            for record in records:
                writer.write(record)


def write_rows(folder, split, shards):
    """Writes lists of rows as the Parquet files of a split."""
    (folder / f"Split-{split}").mkdir(parents=True, exist_ok=True)
    for index, rows in enumerate(shards):
        path = folder / f"Split-{split}" / f"data-{index}.parquet"
        pq.write_table(pa.Table.from_pylist(rows), path)


def artifact(folder, splits=("train", "eval"), payload="FORMAT_TF_EXAMPLE"):
    """An Examples artifact of a folder."""
    made = standard_artifacts.Examples()
    made.uri = str(folder)
    made.split_names = artifact_utils.encode_split_names(list(splits))
    made.set_string_custom_property("payload_format", payload)
    return made


def data(folder, shards, held_out=None):
    """An Examples artifact with these records in its train split."""
    write_split(folder, "train", shards)
    write_split(folder, "eval", held_out or [numbered(20, first=10**6)])
    return artifact(folder)


def draw(artifacts, folder, *, argv=IN_MEMORY, seed=0, inputs=(), splits=(), **options):
    """Draws a sample as the executor does."""
    folder.mkdir(parents=True, exist_ok=True)
    source = Source(
        input_dict={
            "examples": artifacts if isinstance(artifacts, list) else [artifacts],
            **dict(inputs),
        },
        train_splits=splits or ("train",),
        eval_splits=("eval",),
        make_pipeline=lambda: beam.Pipeline(argv=list(argv)),
        folder=str(folder),
    )
    return sampling.draw(SampleConfig(**options), RangeTestConfig(seed=seed), source)


def shards_of(patterns):
    """The records of each file, in the order of the files' names."""
    return {
        path: [record.numpy() for record in tf.data.TFRecordDataset(path, "GZIP")]
        for path in sorted(tf.io.gfile.glob(patterns))
    }


def records_of(patterns):
    """All records of some files."""
    return [record for part in shards_of(patterns).values() for record in part]
