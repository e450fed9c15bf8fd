"""Pre-trains with a schedule and fine-tunes with a rate of its own; knows no finder.

`fit` is in a helper, and inside a strategy scope.
"""

import importlib
import json
import os

import tensorflow as tf

FEATURES = ("body_mass_g", "culmen_depth_mm", "culmen_length_mm", "flipper_length_mm")
LABEL = "species"
FINE = 1e-5


def run_fn(fn_args):
    k = importlib.import_module(fn_args.custom_config["keras"])
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        model = k.Sequential([k.layers.Dense(8, activation="relu"), k.layers.Dense(3)])
        schedule = k.optimizers.schedules.CosineDecay(
            0.0, 40, warmup_target=7.0, warmup_steps=10
        )
        first = _fit(k, model, schedule, fn_args)
        model.layers[0].trainable = False
        second = _fit(k, model, FINE, fn_args)
    seen = {
        "schedule": type(first._learning_rate).__name__,
        "at step 10": float(first._learning_rate(10)),
        "steps": int(tf.convert_to_tensor(first.iterations)),
        "second": float(tf.convert_to_tensor(second.learning_rate)),
    }
    tf.io.gfile.makedirs(fn_args.model_run_dir)
    with tf.io.gfile.GFile(os.path.join(fn_args.model_run_dir, "seen.json"), "w") as f:
        f.write(json.dumps(seen))
    tf.saved_model.save(model, fn_args.serving_model_dir)


def _fit(k, model, rate, fn_args):
    """Compiles and trains; returns the optimizer."""
    loss = k.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(k.optimizers.SGD(rate, momentum=0.9), loss)
    batches = _batches(fn_args.train_files)
    model.fit(batches, steps_per_epoch=fn_args.train_steps, verbose=0)
    return model.optimizer


def _batches(patterns):
    spec = {name: tf.io.FixedLenFeature([], tf.float32) for name in FEATURES}
    spec[LABEL] = tf.io.FixedLenFeature([], tf.int64)

    def parse(records):
        rows = tf.io.parse_example(records, spec)
        return tf.stack([rows[name] for name in FEATURES], 1), rows[LABEL]

    files = tf.io.gfile.glob(patterns)
    records = tf.data.TFRecordDataset(files, compression_type="GZIP")
    return records.shuffle(300, seed=0).repeat().batch(20).map(parse)
