"""Examples made on the fly: four classes, sorted by class, in eight shards."""

import pathlib

import numpy as np
import tensorflow as tf
from tfx.types import artifact_utils, standard_artifacts

NUM_SHARDS = 8
NUM_CLASSES = 4
NUM_FEATURES = 8


def make(folder, size):
    """Returns an Examples artifact of `size` training examples, sorted by class."""
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 1, [NUM_CLASSES, NUM_FEATURES])
    for split, count in (("train", size), ("eval", 2048)):
        parent = pathlib.Path(folder) / f"Split-{split}"
        parent.mkdir(parents=True)
        number = 0
        for shard in range(NUM_SHARDS):
            name = f"data_tfrecord-{shard:05d}-of-{NUM_SHARDS:05d}.gz"
            with tf.io.TFRecordWriter(str(parent / name), "GZIP") as writer:
                while number < (shard + 1) * count // NUM_SHARDS:
                    label = number * NUM_CLASSES // count
                    writer.write(_example(rng, centres, label, number))
                    number += 1
    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder)
    artifact.split_names = artifact_utils.encode_split_names(["train", "eval"])
    return artifact


def _example(rng, centres, label, number):
    values = centres[label] + rng.normal(0, 1.5, NUM_FEATURES)
    example = tf.train.Example()
    feature = example.features.feature
    feature["x"].float_list.value.extend(values.tolist())
    feature["label"].int64_list.value.append(label)
    feature["number"].int64_list.value.append(number)
    return example.SerializeToString(deterministic=True)


def parse(records):
    """Returns features, label and number of serialized examples."""
    spec = {
        "x": tf.io.FixedLenFeature([NUM_FEATURES], tf.float32),
        "label": tf.io.FixedLenFeature([], tf.int64),
        "number": tf.io.FixedLenFeature([], tf.int64),
    }
    return tf.io.parse_example(records, spec)
