"""Tables: taxi-like rides, rare positives, scikit-learn's small medical sets."""

from typing import Any

import keras
import numpy as np
import tf_keras
from keras import layers
from sklearn import datasets

from benchmarks.quality.task import Data, Task
from benchmarks.quality.tasks.dense import split_rows


def _rides(num_train: int, seed: int) -> Data:
    """Rides with skewed fares, categories of unequal frequency and a noisy tip."""
    rng = np.random.default_rng(seed)
    count = num_train + 512 + 4096
    miles = rng.lognormal(0.8, 0.9, count)
    seconds = miles * rng.lognormal(5.0, 0.4, count)
    fare = 4.0 + 2.2 * miles + 0.004 * seconds + rng.uniform(-1, 1, count)
    area = np.minimum(rng.geometric(0.06, count), 59)
    company = np.minimum(rng.geometric(0.1, count), 29)
    hour = rng.integers(0, 24, count)
    card = rng.random(count) < 0.45
    area_effect, company_effect = rng.normal(0, 1.0, 60), rng.normal(0, 0.7, 30)
    score = area_effect[area] + company_effect[company] + 0.8 * np.sin(hour / 3.8)
    score += np.where(card, 2.0, -2.5) + 0.8 * (np.log(fare) - 2.3)
    labels = (rng.random(count) < 1 / (1 + np.exp(-score))).astype(np.float32)
    numbers = np.stack([miles, seconds, fare], axis=1)
    numbers = (numbers - numbers.mean(0)) / numbers.std(0)
    features = {
        "numbers": np.concatenate([numbers, card[:, None]], 1).astype(np.float32),
        "area": area.astype(np.int32),
        "company": company.astype(np.int32),
        "hour": hour.astype(np.int32),
    }
    return split_rows(features, labels[:, None], num_train, 512)


def _wide_and_deep(optimizer: Any, seed: int) -> Any:
    keras.utils.set_random_seed(seed)
    sizes = {"area": 60, "company": 30, "hour": 24}
    inputs: dict[str, Any] = {"numbers": keras.Input((4,), name="numbers")}
    inputs |= {name: keras.Input((), name=name, dtype="int32") for name in sizes}
    deep = [layers.Embedding(size, 6)(inputs[name]) for name, size in sizes.items()]
    wide = [layers.Embedding(size, 1)(inputs[name]) for name, size in sizes.items()]
    hidden = layers.Concatenate()([inputs["numbers"], *deep])
    hidden = layers.Dense(32, activation="relu")(hidden)
    hidden = layers.Dense(16, activation="relu")(hidden)
    output = layers.Add()([layers.Dense(1)(hidden), *wide])
    model = keras.Model(inputs, output)
    model.compile(optimizer, keras.losses.BinaryCrossentropy(from_logits=True))
    return model


def _embeddings_rmsprop(seed: int) -> Any:
    return _wide_and_deep(keras.optimizers.RMSprop(), seed)


def _wide_deep_adam(seed: int) -> Any:
    return _wide_and_deep(keras.optimizers.Adam(), seed)


def _rare_positives() -> Data:
    rng = np.random.default_rng(8)
    rows = rng.normal(size=(12000 + 1024 + 8192, 20)).astype(np.float32)
    score = 1.6 * rows[:, 0] * rows[:, 1] + 1.5 * rows[:, 2] - 5.2
    labels = rng.random(len(rows)) < 1 / (1 + np.exp(-score))
    return split_rows(rows, labels[:, None].astype(np.float32), 12000, 1024)


def _imbalanced_adam(seed: int) -> Any:
    tf_keras.utils.set_random_seed(seed)
    model = tf_keras.Sequential(
        [
            tf_keras.Input((20,)),
            tf_keras.layers.Dense(48, activation="relu"),
            tf_keras.layers.Dense(24, activation="relu"),
            tf_keras.layers.Dense(1),
        ],
        name="imbalanced",
    )
    model.compile(
        tf_keras.optimizers.Adam(jit_compile=False),
        tf_keras.losses.BinaryCrossentropy(from_logits=True),
    )
    return model


def _breast_cancer() -> Data:
    rows, labels = datasets.load_breast_cancer(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(rows))
    rows, labels = rows[order], labels[order]
    rows = (rows - rows[:250].mean(0)) / rows[:250].std(0)
    labels = labels[:, None].astype(np.float32)
    return split_rows(rows.astype(np.float32), labels, 250, 119)


def _logistic_sgd(seed: int) -> Any:
    keras.utils.set_random_seed(seed)
    decay = keras.regularizers.L2(1e-3)
    model = keras.Sequential(
        [keras.Input((30,)), layers.Dense(1, kernel_regularizer=decay)]
    )
    model.compile(
        keras.optimizers.SGD(), keras.losses.BinaryCrossentropy(from_logits=True)
    )
    return model


def _diabetes() -> Data:
    rows, labels = datasets.load_diabetes(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(rows))
    rows = (rows[order] / rows.std(0)).astype(np.float32)
    labels = (labels[order] - labels.mean()) / labels.std()
    return split_rows(rows, labels[:, None].astype(np.float32), 200, 100)


def _diabetes_rmsprop(seed: int) -> Any:
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((10,)), layers.Dense(16, activation="relu"), layers.Dense(1)]
    )
    model.compile(keras.optimizers.RMSprop(), keras.losses.MeanSquaredError())
    return model


TASKS = (
    Task(
        name="rides_embeddings_rmsprop",
        optimizer="RMSprop",
        batch_size=128,
        train_steps=2000,
        make_data=lambda: _rides(20000, 6),
        build=_embeddings_rmsprop,
    ),
    Task(
        name="rides_wide_deep_adam",
        optimizer="Adam",
        batch_size=512,
        train_steps=1000,
        make_data=lambda: _rides(40000, 7),
        build=_wide_deep_adam,
    ),
    Task(
        name="imbalanced_adam",
        optimizer="Adam",
        batch_size=256,
        train_steps=1500,
        make_data=_rare_positives,
        build=_imbalanced_adam,
    ),
    Task(
        name="breast_cancer_logistic_sgd",
        optimizer="SGD",
        batch_size=16,
        train_steps=1500,
        make_data=_breast_cancer,
        build=_logistic_sgd,
    ),
    Task(
        name="diabetes_rmsprop",
        optimizer="RMSprop",
        batch_size=32,
        train_steps=1000,
        make_data=_diabetes,
        build=_diabetes_rmsprop,
    ),
)
