"""What the written modules share: TFX's penguin data and a small model."""

import os

import keras
import numpy as np
import tensorflow as tf

FEATURES = ("culmen_length_mm", "culmen_depth_mm", "flipper_length_mm", "body_mass_g")
NUM_SPECIES = 3
BATCH_SIZE = 16


def arrays(files):
    """Returns features from 0 to 1, float32 `[n, 4]`, and species, int64 `[n]`."""
    spec = {name: tf.io.FixedLenFeature([], tf.float32) for name in FEATURES}
    spec["species"] = tf.io.FixedLenFeature([], tf.int64)
    paths = tf.io.gfile.glob(files)
    records = list(tf.data.TFRecordDataset(paths, "GZIP"))
    parsed = tf.io.parse_example(tf.stack(records), spec)
    x = np.stack([parsed[name].numpy() for name in FEATURES], axis=1)
    return x, parsed["species"].numpy()


def dataset(files, batch_size=BATCH_SIZE):
    """Returns shuffled batches of one pass over the data."""
    rows = tf.data.Dataset.from_tensor_slices(arrays(files))
    return rows.shuffle(400, seed=0).batch(batch_size)


def network():
    """Returns a dense network that is not compiled."""
    layers = [keras.Input((len(FEATURES),)), keras.layers.Dense(32, "relu")]
    return keras.Sequential([*layers, keras.layers.Dense(NUM_SPECIES)])


def compiled(optimizer="sgd"):
    """Returns the network with its loss."""
    model = network()
    model.compile(optimizer, loss())
    return model


def loss():
    """Returns the cross-entropy of logits."""
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def save(model, fn_args):
    """Writes the model where the Trainer expects it."""
    os.makedirs(fn_args.serving_model_dir, exist_ok=True)
    model.save(os.path.join(fn_args.serving_model_dir, "model.keras"))
