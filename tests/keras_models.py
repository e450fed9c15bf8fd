"""Small Keras models, and the loop that trains them."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tfx_lr_finder.runtime.loop.batches import Batches
from tfx_lr_finder.runtime.loop.optimizers import swept_learning_rate
from tfx_lr_finder.runtime.loop.trainer_loop import TrainerLoop

keras_3_only = pytest.mark.parametrize("k", [keras], ids=["keras"])
"""Marks a test of code that does not depend on the Keras of the model."""


def linear_dataset():
    """Ten batches of 16 rows, y linear in x, in a fixed order."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(160, 4)).astype("float32")
    y = (x @ np.array([[1.0], [-2.0], [0.5], [0.0]]) + 0.3).astype("float32")
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(16)


def mlp(k, optimizer=None, loss="mse", layers=(), metrics=None, seed=0):
    """A small network, compiled."""
    k.utils.set_random_seed(seed)
    model = k.Sequential(
        [
            k.layers.InputLayer((4,)) if k is tf_keras else k.Input((4,)),
            k.layers.Dense(8, activation="tanh"),
            *layers,
            k.layers.Dense(1),
        ]
    )
    model.compile(optimizer or k.optimizers.SGD(0.05), loss, metrics=metrics)
    return model


@contextlib.contextmanager
def loop_of(model, dataset, evaluation=None, num_eval_batches=4, **options):
    """The `TrainerLoop` of a model, for as long as its learning rate is replaced."""
    strategy = model.distribute_strategy
    with swept_learning_rate(model.optimizer, strategy) as rate:
        yield TrainerLoop(
            model,
            rate,
            Batches(dataset, strategy, "training dataset", num_replayed=5),
            Batches(
                evaluation or dataset,
                strategy,
                "evaluation dataset",
                num_replayed=num_eval_batches,
                read_once=True,
            ),
            **options,
        )


def train(loop, rates):
    """Trains one step at each rate, and returns the losses."""
    losses = np.empty(0)
    while len(losses) < len(rates):
        losses = np.append(losses, loop.train(np.asarray(rates)[len(losses) :]))
    return losses
