"""Synthetic examples of four classes, sorted by class, in eight shards."""

import itertools
import pathlib

import numpy as np
import pyarrow as pa
import tensorflow as tf
from tfx.types import artifact_utils, standard_artifacts
from tfx_bsl.coders import example_coder

NUM_SHARDS = 8
NUM_CLASSES = 4
NUM_FEATURES = 8
CHUNK = 10_000


def make(folder, size):
    """Returns an Examples artifact of `size` training examples, sorted by class."""
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 1, [NUM_CLASSES, NUM_FEATURES])
    for split, count in (("train", size), ("eval", 2048)):
        parent = pathlib.Path(folder) / f"Split-{split}"
        parent.mkdir(parents=True)
        ends = [shard * count // NUM_SHARDS for shard in range(NUM_SHARDS + 1)]
        for shard, (first, end) in enumerate(itertools.pairwise(ends)):
            name = f"data_tfrecord-{shard:05d}-of-{NUM_SHARDS:05d}.gz"
            with tf.io.TFRecordWriter(str(parent / name), "GZIP") as writer:
                for start in range(first, end, CHUNK):
                    numbers = np.arange(start, min(end, start + CHUNK))
                    for record in _examples(rng, centres, numbers, count):
                        writer.write(record)
    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder)
    artifact.split_names = artifact_utils.encode_split_names(["train", "eval"])
    return artifact


def _examples(rng, centres, numbers, count):
    """Returns a batch of serialized examples."""
    labels = numbers * NUM_CLASSES // count
    values = centres[labels] + rng.normal(0, 1.5, [len(numbers), NUM_FEATURES])
    columns = {
        "x": pa.array(list(values.astype(np.float32)), pa.large_list(pa.float32())),
        "label": pa.array(labels[:, None].tolist(), pa.large_list(pa.int64())),
        "number": pa.array(numbers[:, None].tolist(), pa.large_list(pa.int64())),
    }
    batch = pa.RecordBatch.from_pydict(columns)
    return example_coder.RecordBatchToExamplesEncoder().encode(batch)


def parse(records):
    """Returns features, label and number of serialized examples."""
    spec = {
        "x": tf.io.FixedLenFeature([NUM_FEATURES], tf.float32),
        "label": tf.io.FixedLenFeature([], tf.int64),
        "number": tf.io.FixedLenFeature([], tf.int64),
    }
    return tf.io.parse_example(records, spec)
