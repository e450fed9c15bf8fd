"""scikit-learn's 8 by 8 digits: a convolution with batch norm, an autoencoder."""

from typing import Any

import keras
import numpy as np
from keras import layers
from sklearn import datasets

from benchmarks.quality.task import Data, Task
from benchmarks.quality.tasks.dense import split_rows


def load_digits(num_train: int, num_eval: int) -> Data:
    """Returns images ``[rows, 8, 8, 1]`` in 0 to 1 with their digit."""
    images, labels = datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    images = (images[order] / 16.0).astype(np.float32).reshape(-1, 8, 8, 1)
    return split_rows(images, labels[order].astype(np.int32), num_train, num_eval)


def _flat_pairs() -> Data:
    images, _ = datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    images = (images[order] / 16.0).astype(np.float32)
    return split_rows(images, images, 1000, 200)


def _conv_batch_norm_momentum(seed: int) -> Any:
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(8, 3, use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Conv2D(16, 3, use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(momentum=0.9, nesterov=True), loss)
    return model


def _autoencoder_adamw(seed: int) -> Any:
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            layers.Dense(48, activation="relu"),
            layers.Dense(8),
            layers.Dense(48, activation="relu"),
            layers.Dense(64, activation="sigmoid"),
        ]
    )
    model.compile(
        keras.optimizers.AdamW(weight_decay=0.01), keras.losses.MeanSquaredError()
    )
    return model


TASKS = (
    Task(
        name="digits_conv_batch_norm_momentum",
        optimizer="momentum",
        batch_size=64,
        train_steps=800,
        make_data=lambda: load_digits(900, 200),
        build=_conv_batch_norm_momentum,
        xla=False,
    ),
    Task(
        name="digits_autoencoder_adamw",
        optimizer="AdamW",
        batch_size=128,
        train_steps=1500,
        make_data=_flat_pairs,
        build=_autoencoder_adamw,
    ),
)
