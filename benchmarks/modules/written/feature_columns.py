"""tf_keras with TensorFlow's feature columns."""

import tensorflow as tf
import tf_keras

from benchmarks.modules.written import penguins


def _named(files):
    def name(x, y):
        columns = tf.unstack(x, axis=1)
        return dict(zip(penguins.FEATURES, columns, strict=True)), y

    return penguins.dataset(files).map(name)


def run_fn(fn_args):
    """Trains and saves."""
    columns = [tf.feature_column.numeric_column(name) for name in penguins.FEATURES]
    layers = [tf_keras.layers.DenseFeatures(columns), tf_keras.layers.Dense(16, "relu")]
    model = tf_keras.Sequential([*layers, tf_keras.layers.Dense(penguins.NUM_SPECIES)])
    entropy = tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", entropy)
    held_out = _named(fn_args.eval_files)
    model.fit(
        _named(fn_args.train_files), epochs=20, validation_data=held_out, verbose=0
    )
    model.save(fn_args.serving_model_dir, save_format="tf")
