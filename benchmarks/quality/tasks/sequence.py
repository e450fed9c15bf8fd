"""Short sequences: a recurrent net, a one-dimensional convolution, a transformer."""

from typing import Any

import keras
import numpy as np
from keras import layers

from benchmarks.quality.task import Data, Task
from benchmarks.quality.tasks.dense import split_rows


def _signals() -> Data:
    """Noisy sums of two waves; the label is the pair of frequency classes."""
    rng = np.random.default_rng(9)
    count = 6000 + 512 + 4096
    first, second = rng.integers(0, 3, count), rng.integers(0, 2, count)
    time = np.arange(16)[None, :]
    phases = rng.uniform(0, 2 * np.pi, (2, count, 1))
    waves = np.sin((0.3 + 0.35 * first[:, None]) * time + phases[0])
    waves += np.sin((1.5 + 0.5 * second[:, None]) * time + phases[1])
    waves += 0.5 * rng.normal(size=waves.shape)
    labels = (2 * first + second).astype(np.int32)
    return split_rows(waves[..., None].astype(np.float32), labels, 6000, 512)


def _gru_adam(seed: int) -> Any:
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((16, 1)), layers.GRU(12, unroll=True), layers.Dense(6)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(), loss)
    return model


def _conv1d_rmsprop(seed: int) -> Any:
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((16, 1)),
            layers.Conv1D(16, 5, activation="relu"),
            layers.Conv1D(16, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(6),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.RMSprop(), loss)
    return model


def _tokens() -> Data:
    """Walks of ten tokens; the label is which of four chains made the walk."""
    rng = np.random.default_rng(10)
    count = 8000 + 512 + 4096
    labels = rng.integers(0, 4, count).astype(np.int32)
    chains = rng.dirichlet(np.full(12, 0.5), (4, 12)).cumsum(axis=-1)
    tokens = np.empty((count, 10), np.int32)
    tokens[:, 0] = rng.integers(0, 12, count)
    for place in range(1, 10):
        steps = chains[labels, tokens[:, place - 1]]
        draws = rng.random((count, 1))
        tokens[:, place] = np.minimum((draws > steps).sum(axis=1), 11)
    return split_rows(tokens, labels, 8000, 512)


class _Positions(layers.Layer):
    def build(self, shape: Any) -> None:
        self.table = self.add_weight(shape=shape[1:], initializer="normal")

    def call(self, values: Any) -> Any:
        return values + self.table


def _transformer_adamw(seed: int) -> Any:
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((10,), dtype="int32")
    hidden = _Positions()(layers.Embedding(12, 16)(inputs))
    attended = layers.MultiHeadAttention(2, 8)(
        *[layers.LayerNormalization()(hidden)] * 2
    )
    hidden = hidden + attended
    mixed = layers.Dense(32, activation="gelu")(layers.LayerNormalization()(hidden))
    hidden = hidden + layers.Dense(16)(mixed)
    pooled = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(hidden))
    model = keras.Model(inputs, layers.Dense(4)(pooled))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(weight_decay=0.01), loss)
    return model


TASKS = (
    Task(
        name="signals_gru_adam",
        optimizer="Adam",
        batch_size=64,
        train_steps=1500,
        make_data=_signals,
        build=_gru_adam,
    ),
    Task(
        name="signals_conv1d_rmsprop",
        optimizer="RMSprop",
        batch_size=32,
        train_steps=1500,
        make_data=_signals,
        build=_conv1d_rmsprop,
        xla=False,
    ),
    Task(
        name="tokens_transformer_adamw",
        optimizer="AdamW",
        batch_size=32,
        train_steps=1000,
        make_data=_tokens,
        build=_transformer_adamw,
    ),
)
