"""The models and data that the sweeps run on, for Keras 3 and tf_keras alike."""

import dataclasses
import functools
import importlib.util
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

BATCH_SIZE = 32
TAXI_CSV = "examples/chicago_taxi_pipeline/data/simple/data.csv"
HASH_BUCKETS = 100
EMBEDDING_ROWS = 500_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Problem:
    """A model and its data.

    Attributes:
      title: For the tables.
      build: The Keras package (keras or tf_keras) to a compiled model.
      data: To arrays (x, y), the same every time.
      deterministic: Whether a step depends on nothing but weights and batch.
    """

    title: str
    build: Callable[[Any], Any]
    data: Callable[[], tuple[Any, Any]]
    deterministic: bool = True

    def model(self, keras: Any) -> Any:
        """Returns a fresh model, of the same weights every time.

        Args:
          keras: The package keras or tf_keras.
        """
        keras.backend.clear_session()
        keras.utils.set_random_seed(0)
        return self.build(keras)

    def dataset(self) -> Any:
        """Returns the tf.data.Dataset of batches `(x, y)`.

        Without autotuning: with it, TensorFlow now and then ends an iterator only at
        the autotuner's next tick, at 0.6, 1.3, 2.6, 5.1 ... seconds of its life, which
        would double the time of whoever it hits.
        """
        import tensorflow as tf

        slices = tf.data.Dataset.from_tensor_slices(self.data())
        options = tf.data.Options()
        options.autotune.enabled = False
        return slices.batch(BATCH_SIZE, drop_remainder=True).with_options(options)


def _mlp(keras: Any) -> Any:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((20,)),
            layers.Dense(64, activation="relu"),
            layers.Dense(64, activation="relu"),
            layers.Dense(1),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="mse")
    return model


@functools.cache
def _mlp_data() -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    x = random.normal(size=(4096, 20)).astype(np.float32)
    y = np.sin(x[:, :5].sum(axis=1, keepdims=True)) + 0.1 * x[:, 5:6]
    return x, y.astype(np.float32)


_NUMBERS = ("trip_miles", "fare", "trip_seconds")
_VOCABULARIES = {
    "trip_start_hour": 24,
    "trip_start_day": 8,
    "trip_start_month": 13,
    "payment_type": HASH_BUCKETS,
    "company": HASH_BUCKETS,
}


def _wide_and_deep(keras: Any) -> Any:
    layers = keras.layers
    numbers = {name: keras.Input((1,), name=name) for name in _NUMBERS}
    words = {
        name: keras.Input((1,), name=name, dtype="int32") for name in _VOCABULARIES
    }
    wide = [
        layers.Flatten()(layers.Embedding(size, 1)(words[name]))
        for name, size in _VOCABULARIES.items()
    ]
    deep = [
        layers.Flatten()(layers.Embedding(size, 8)(words[name]))
        for name, size in _VOCABULARIES.items()
    ]
    deep = layers.Concatenate()([*numbers.values(), *deep])
    for units in (100, 70, 50, 25):
        deep = layers.Dense(units, activation="relu")(deep)
    logit = layers.Dense(1)(layers.Concatenate()([*wide, deep]))
    inputs = {**numbers, **words}
    model = keras.Model(inputs, layers.Activation("sigmoid")(logit))
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss="binary_crossentropy",
        metrics=[keras.metrics.BinaryAccuracy()],
    )
    return model


@functools.cache
def _taxi_data() -> tuple[Any, Any]:
    import pandas as pd

    tfx = importlib.util.find_spec("tfx")
    if tfx is None or tfx.origin is None:
        raise SystemExit("The taxi data come with tfx; install it: make venv.")
    rows = pd.read_csv(pathlib.Path(tfx.origin).parent / TAXI_CSV)
    numbers = rows[list(_NUMBERS)].fillna(0.0).astype(np.float32)
    numbers = (numbers - numbers.mean()) / numbers.std()
    x = {name: numbers[[name]].to_numpy() for name in _NUMBERS}
    for name, size in _VOCABULARIES.items():
        column = rows[name]
        if size == HASH_BUCKETS:
            column = pd.util.hash_array(column.fillna("").to_numpy(object)) % size
        x[name] = np.asarray(column, np.int32).reshape(-1, 1)
    tipped = rows["tips"].fillna(0.0) > 0.2 * rows["fare"].fillna(0.0)
    return x, tipped.to_numpy(np.float32).reshape(-1, 1)


def _convolutional(keras: Any) -> Any:
    layers = keras.layers
    image = keras.Input((32, 32, 3))
    hidden = image
    for filters in (16, 32, 64):
        hidden = layers.Conv2D(filters, 3, strides=2, use_bias=False, padding="same")(
            hidden
        )
        hidden = layers.BatchNormalization()(hidden)
        hidden = layers.ReLU()(hidden)
    hidden = layers.GlobalAveragePooling2D()(hidden)
    model = keras.Model(image, layers.Dense(10)(hidden))
    model.compile(
        optimizer=keras.optimizers.SGD(1e-2, momentum=0.9),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


@functools.cache
def _image_data() -> tuple[Any, Any]:
    random = np.random.default_rng(1)
    y = random.integers(10, size=2048)
    patterns = random.normal(size=(10, 32, 32, 3))
    x = patterns[y] + 2.0 * random.normal(size=(2048, 32, 32, 3))
    return x.astype(np.float32), y.astype(np.int32)


def _transformer(keras: Any, width: int = 32, words: int = 16) -> Any:
    layers = keras.layers
    tokens = keras.Input((words,), dtype="int32")
    hidden = layers.Embedding(1000, width)(tokens)
    for _ in range(2):
        attended = layers.MultiHeadAttention(2, width // 2, dropout=0.1)(hidden, hidden)
        hidden = layers.LayerNormalization()(layers.Add()([hidden, attended]))
        wider = layers.Dense(2 * width, activation="gelu")(hidden)
        narrow = layers.Dropout(0.1)(layers.Dense(width)(wider))
        hidden = layers.LayerNormalization()(layers.Add()([hidden, narrow]))
    return _classifier(keras, tokens, hidden)


def _classifier(keras: Any, tokens: Any, hidden: Any) -> Any:
    """Returns the compiled model that tells two classes by the mean over tokens."""
    pooled = keras.layers.GlobalAveragePooling1D()(hidden)
    model = keras.Model(tokens, keras.layers.Dense(2)(pooled))
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


@functools.cache
def _token_data() -> tuple[Any, Any]:
    random = np.random.default_rng(2)
    x = random.integers(1000, size=(4096, 16))
    y = (x < 100).sum(axis=1) > 1
    return x.astype(np.int32), y.astype(np.int32)


def _big_embedding(keras: Any) -> Any:
    tokens = keras.Input((16,), dtype="int32")
    hidden = keras.layers.Embedding(EMBEDDING_ROWS, 64)(tokens)
    return _classifier(keras, tokens, hidden)


PROBLEMS = {
    "embedding": Problem(
        title="embedding, 32 million parameters",
        build=_big_embedding,
        data=_token_data,
    ),
    "mlp": Problem(title="MLP", build=_mlp, data=_mlp_data),
    "wide_and_deep": Problem(
        title="wide and deep, taxi", build=_wide_and_deep, data=_taxi_data
    ),
    "conv": Problem(
        title="convolutional, batch norm", build=_convolutional, data=_image_data
    ),
    "transformer": Problem(
        title="transformer",
        build=_transformer,
        data=_token_data,
        deterministic=False,
    ),
}
