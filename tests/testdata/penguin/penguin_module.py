"""A user module over the raw penguin data, without a transform graph."""

import json
import os

import keras
import tensorflow as tf
from tfx.dsl.io import fileio

from tfx_lr_finder import LRFinderFnResult

FEATURES = ("body_mass_g", "culmen_depth_mm", "culmen_length_mm", "flipper_length_mm")
LABEL = "species"


def lr_finder_fn(fn_args):
    model = _model(learning_rate=123.0)
    if (fn_args.custom_config or {}).get("constant_loss"):
        model.compile(keras.optimizers.SGD(), _constant_loss)
    return LRFinderFnResult(
        model=model,
        train_dataset=_dataset(fn_args, fn_args.train_files),
        eval_dataset=_dataset(fn_args, fn_args.eval_files),
    )


def run_fn(fn_args):
    """Trains two steps; leaves the optimizer's rate and what came in beside it."""
    learning_rate = (fn_args.custom_config or {}).get("learning_rate")
    if learning_rate is None:  # the stock Trainer's only way
        learning_rate = fn_args.hyperparameters["values"]["learning_rate"]
    model = _model(learning_rate)
    model.fit(_dataset(fn_args, fn_args.train_files), steps_per_epoch=2, verbose=0)
    seen = {
        "optimizer_learning_rate": float(model.optimizer.learning_rate.numpy()),
        "learning_rate": learning_rate,
        "custom_config": fn_args.custom_config,
        "hyperparameters": fn_args.hyperparameters,
    }
    fileio.makedirs(fn_args.model_run_dir)
    with fileio.open(os.path.join(fn_args.model_run_dir, "seen.json"), "w") as file:
        file.write(json.dumps(seen))
    fileio.makedirs(fn_args.serving_model_dir)
    model.save(os.path.join(fn_args.serving_model_dir, "model.keras"))


def _model(learning_rate):
    model = keras.Sequential([keras.layers.Dense(3)])
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


def _constant_loss(labels, logits):
    return 0.0 * keras.ops.mean(logits, axis=-1) + 1.0


def _dataset(fn_args, files):
    spec = {name: tf.io.FixedLenFeature([1], tf.float32) for name in FEATURES}
    spec[LABEL] = tf.io.FixedLenFeature([1], tf.int64)
    return (
        tf.data.Dataset.list_files(files, shuffle=False)
        .interleave(lambda path: tf.data.TFRecordDataset(path, "GZIP"))
        .repeat()
        .shuffle(256, seed=1)
        .batch(20)
        .map(lambda records: tf.io.parse_example(records, spec))
        .map(_split)
    )


def _split(features):
    measured = tf.concat([features[name] for name in FEATURES], axis=1)
    return measured, features[LABEL]
