"""Dense networks on data drawn from random teachers."""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tf_keras
from keras import layers

from benchmarks.quality.task import Data, Split, Task

Array = npt.NDArray[Any]


def split_rows(features: Any, labels: Array, num_train: int, num_eval: int) -> Data:
    """Returns the first rows to train on, the next to evaluate on, the rest to test."""
    names = features if isinstance(features, dict) else None

    def part(start: int, stop: int | None) -> Split:
        rows = slice(start, stop)
        chosen = {k: v[rows] for k, v in features.items()} if names else features[rows]
        return Split(features=chosen, labels=labels[rows])

    end = num_train + num_eval
    return Data(
        train=part(0, num_train), eval=part(num_train, end), test=part(end, None)
    )


def teacher(rng: np.random.Generator, widths: list[int], rows: Array) -> Array:
    """Returns the outputs of a random tanh network."""
    values = rows
    for index, (fan_in, fan_out) in enumerate(zip(widths, widths[1:], strict=False)):
        weights = rng.normal(size=(fan_in, fan_out)) * 1.5 / np.sqrt(fan_in)
        values = values @ weights + 0.3 * rng.normal(size=fan_out)
        if index < len(widths) - 2:
            values = np.tanh(values)
    return values


def _teacher_classes(noise: float, num_train: int, seed: int) -> Data:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(num_train + 512 + 4096, 24)).astype(np.float32)
    labels = np.argmax(teacher(rng, [24, 32, 8], rows), axis=1)
    flip = rng.random(len(labels)) < noise
    labels = np.where(flip, rng.integers(0, 8, len(labels)), labels).astype(np.int32)
    return split_rows(rows, labels, num_train, 512)


def _mlp_sgd(seed: int) -> Any:
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((24,)),
            layers.Dense(64, activation="relu"),
            layers.Dense(64, activation="relu"),
            layers.Dense(8),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(), loss)
    return model


def _noisy_labels_momentum(seed: int) -> Any:
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((24,)),
            layers.Dense(48, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(8),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(momentum=0.9), loss)
    return model


def _heavy_tail_regression() -> Data:
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(8000 + 512 + 4096, 16)).astype(np.float32)
    clean = teacher(rng, [16, 24, 24, 1], rows)
    labels = clean + 0.3 * rng.standard_t(2.5, size=clean.shape)
    return split_rows(rows, labels.astype(np.float32), 8000, 512)


def _regression_adam(seed: int) -> Any:
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((16,)),
            layers.Dense(64, activation="gelu"),
            layers.Dense(32, activation="gelu"),
            layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.Adam(), keras.losses.Huber())
    return model


def _deep_plain_sgd(seed: int) -> Any:
    keras.utils.set_random_seed(seed)
    hidden = [
        layers.Dense(32, activation="tanh", kernel_initializer="glorot_normal")
        for _ in range(8)
    ]
    model = keras.Sequential([keras.Input((24,)), *hidden, layers.Dense(8)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(momentum=0.9), loss)
    return model


def _ill_conditioned() -> Data:
    rng = np.random.default_rng(5)
    scales = np.logspace(0, -1.5, 20)
    rows = (rng.normal(size=(6000 + 512 + 4096, 20)) * scales).astype(np.float32)
    weights = rng.normal(size=(20, 1)) / scales[:, None] ** 0.5
    labels = rows @ weights + 0.1 * rng.normal(size=(len(rows), 1))
    return split_rows(rows, labels.astype(np.float32), 6000, 512)


def _ill_conditioned_sgd(seed: int) -> Any:
    tf_keras.utils.set_random_seed(seed)
    model = tf_keras.Sequential(
        [tf_keras.Input((20,)), tf_keras.layers.Dense(1)], name="ill_conditioned"
    )
    model.compile(
        tf_keras.optimizers.SGD(jit_compile=False), tf_keras.losses.MeanSquaredError()
    )
    return model


TASKS = (
    Task(
        name="mlp_classes_sgd",
        optimizer="SGD",
        batch_size=64,
        train_steps=2000,
        make_data=lambda: _teacher_classes(0.0, 8000, 1),
        build=_mlp_sgd,
    ),
    Task(
        name="noisy_labels_momentum",
        optimizer="momentum",
        batch_size=64,
        train_steps=2000,
        make_data=lambda: _teacher_classes(0.3, 4000, 2),
        build=_noisy_labels_momentum,
    ),
    Task(
        name="heavy_tail_regression_adam",
        optimizer="Adam",
        batch_size=128,
        train_steps=2000,
        make_data=_heavy_tail_regression,
        build=_regression_adam,
    ),
    Task(
        name="deep_plain_momentum",
        optimizer="momentum",
        batch_size=64,
        train_steps=1500,
        make_data=lambda: _teacher_classes(0.05, 8000, 4),
        build=_deep_plain_sgd,
    ),
    Task(
        name="ill_conditioned_linear_sgd",
        optimizer="SGD",
        batch_size=32,
        train_steps=3000,
        make_data=_ill_conditioned,
        build=_ill_conditioned_sgd,
    ),
)
