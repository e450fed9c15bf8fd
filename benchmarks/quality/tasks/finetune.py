"""Fine-tuning: weights of a larger job, then little data, so that one can overfit."""

import functools
from typing import Any

import keras
import numpy as np
from keras import layers

from benchmarks.quality.task import Data, Task
from benchmarks.quality.tasks.dense import split_rows, teacher
from benchmarks.quality.tasks.digits import load_digits

_LOSS = keras.losses.SparseCategoricalCrossentropy


def _teacher_rows(shift: float, count: int, seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count, 24)).astype(np.float32)
    scores = teacher(np.random.default_rng(11), [24, 32, 8], rows)
    scores = scores + shift * teacher(np.random.default_rng(12), [24, 32, 8], rows)
    scores = scores + 0.5 * rng.normal(size=scores.shape)
    return rows, np.argmax(scores, axis=1).astype(np.int32)


def _shifted_teacher() -> Data:
    return split_rows(*_teacher_rows(0.7, 256 + 256 + 4096, 13), 256, 256)


def _dense_model() -> Any:
    return keras.Sequential(
        [
            keras.Input((24,)),
            layers.Dense(128, activation="relu"),
            layers.Dense(64, activation="relu"),
            layers.Dense(8),
        ]
    )


@functools.cache
def _pretrained_dense() -> list[Any]:
    keras.utils.set_random_seed(100)
    model = _dense_model()
    model.compile(keras.optimizers.Adam(2e-3), _LOSS(from_logits=True))
    model.fit(*_teacher_rows(0.0, 20000, 14), batch_size=200, epochs=10, verbose=0)
    return list(model.get_weights())


def _finetune_adam(seed: int) -> Any:
    keras.utils.set_random_seed(seed)
    model = _dense_model()
    model.set_weights(_pretrained_dense())
    model.compile(keras.optimizers.Adam(), _LOSS(from_logits=True))
    return model


def _conv_body() -> list[Any]:
    return [
        keras.Input((8, 8, 1)),
        layers.Conv2D(8, 3, activation="relu"),
        layers.Conv2D(16, 3, activation="relu"),
        layers.GlobalMaxPooling2D(),
    ]


@functools.cache
def _pretrained_conv() -> list[Any]:
    keras.utils.set_random_seed(101)
    data = load_digits(1000, 0)
    model = keras.Sequential([*_conv_body(), layers.Dense(10)])
    model.compile(keras.optimizers.Adam(3e-3), _LOSS(from_logits=True))
    upright = data.train
    model.fit(upright.features, upright.labels, batch_size=50, epochs=15, verbose=0)
    return list(model.get_weights()[:-2])


def _turned_digits() -> Data:
    data = load_digits(0, 0)
    images = np.rot90(data.test.features, axes=(1, 2)).copy()
    return split_rows(images[::-1].copy(), data.test.labels[::-1].copy(), 160, 160)


def _new_head_momentum(seed: int) -> Any:
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [*_conv_body(), layers.Dense(10, kernel_initializer="zeros")]
    )
    model.set_weights([*_pretrained_conv(), *model.get_weights()[-2:]])
    model.compile(keras.optimizers.SGD(momentum=0.9), _LOSS(from_logits=True))
    return model


TASKS = (
    Task(
        name="finetune_teacher_adam",
        optimizer="Adam",
        batch_size=16,
        train_steps=1000,
        make_data=_shifted_teacher,
        build=_finetune_adam,
    ),
    Task(
        name="finetune_digits_momentum",
        optimizer="momentum",
        batch_size=16,
        train_steps=1000,
        make_data=_turned_digits,
        build=_new_head_momentum,
        xla=False,
    ),
)
