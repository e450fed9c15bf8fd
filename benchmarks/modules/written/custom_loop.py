"""Trains in a loop of its own, without `fit`."""

import keras
import tensorflow as tf

from benchmarks.modules.written import penguins


def run_fn(fn_args):
    """Trains and saves."""
    model = penguins.network()
    optimizer, loss = keras.optimizers.Adam(), penguins.loss()
    for x, y in (
        penguins.dataset(fn_args.train_files).repeat().take(fn_args.train_steps)
    ):
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=True))
        gradients = tape.gradient(value, model.trainable_variables)
        optimizer.apply_gradients(
            zip(gradients, model.trainable_variables, strict=True)
        )
    penguins.save(model, fn_args)
