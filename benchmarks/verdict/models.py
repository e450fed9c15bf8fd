"""Small models, each compiled once and started from new weights in each test."""

import contextlib
import dataclasses
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.finder import run_range_test
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.runtime.find import make_batches
from tfx_lr_finder.runtime.loop.optimizers import swept_learning_rate
from tfx_lr_finder.runtime.loop.snapshot import Snapshot, state_variables
from tfx_lr_finder.runtime.loop.trainer_loop import TrainerLoop

NUM_FEATURES = 8
NUM_CLASSES = 3
NUM_HIDDEN = 16
BATCH_SIZE = 32

Array = npt.NDArray[Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Data:
    """One data set.

    Attributes:
      train: Batches of training data.
      held_out: Held-out batches, or None.
      num_train: Training rows, for a dataset that repeats.
      weights: The first weights of the model; None draws them.
    """

    train: tf.data.Dataset
    held_out: tf.data.Dataset | None = None
    num_train: int | None = None
    weights: list[Array] | None = None


class Tester:
    """Runs the range test of one compiled model on one data set after the other.

    Args:
      build: Builds the compiled Keras model.
      label_type: The type of the labels.
    """

    def __init__(self, build: Callable[[], Any], label_type: str) -> None:
        """Traces the model's training step."""
        self._model = build()
        self._exit = contextlib.ExitStack()
        rate = self._exit.enter_context(
            swept_learning_rate(self._model.optimizer, self._model.distribute_strategy)
        )
        features = np.ones((BATCH_SIZE, NUM_FEATURES), np.float32)
        shape = (BATCH_SIZE,) if label_type == "int64" else (BATCH_SIZE, 1)
        labels = np.ones(shape, label_type)
        example = batches(features, labels)
        train, _ = make_batches(
            example, example, self._model.distribute_strategy, RangeTestConfig(), None
        )
        self._loop = TrainerLoop(self._model, rate, train, None)

    def find(self, data: Data, seed: int, **parameters: Any) -> LRFinderReport:
        """Returns the report on one data set.

        Args:
          data: The data, and perhaps the first weights.
          seed: Seeds the first weights.
          **parameters: Fields of `RangeTestConfig`.
        """
        config = RangeTestConfig(seed=seed, **parameters)
        loop = self._loop
        loop.start.restore()
        self._model.set_weights(data.weights or self._draw(seed))
        loop.start = Snapshot(state_variables(self._model))
        train, held_out = make_batches(
            data.train,
            data.held_out,
            self._model.distribute_strategy,
            config,
            data.num_train,
        )
        loop.serve(train, held_out)
        return run_range_test(
            loop,
            config,
            time.monotonic,
            num_train_batches=train.num_batches,
            held_out=loop.scoring.held_out if loop.scoring else None,
        )

    def _draw(self, seed: int) -> list[Array]:
        """Returns Glorot's weights; those of the last layer are 0 for odd seeds."""
        rng = np.random.default_rng([seed, 5])
        drawn = []
        for weight in self._model.get_weights():
            scale = np.sqrt(2.0 / sum(weight.shape)) if weight.ndim > 1 else 0.0
            drawn.append(rng.normal(size=weight.shape).astype("float32") * scale)
        if seed % 2 and len(drawn) > 2:
            drawn[-2][:] = 0.0
        return drawn


def batches(features: Array, labels: Array, size: int = BATCH_SIZE) -> tf.data.Dataset:
    """Returns arrays as batches, in their order."""
    return tf.data.Dataset.from_tensor_slices((features, labels)).batch(size)


def testers() -> dict[str, Tester]:
    """Returns the models by name."""
    import keras

    def network(num_outputs: int, loss: Any, optimizer: str) -> Any:
        layers = [
            keras.Input((NUM_FEATURES,)),
            keras.layers.Dense(NUM_HIDDEN, activation="relu"),
            keras.layers.Dense(num_outputs),
        ]
        model = keras.Sequential(layers)
        model.compile(optimizer, loss)
        return model

    def linear(trainable: bool) -> Any:
        layer = keras.layers.Dense(1, trainable=trainable)
        model = keras.Sequential([keras.Input((NUM_FEATURES,)), layer])
        model.compile("sgd", "mse")
        return model

    def poisson() -> Any:
        layer = keras.layers.Dense(1, activation="exponential")
        model = keras.Sequential([keras.Input((NUM_FEATURES,)), layer])
        model.compile("sgd", "poisson")
        return model

    entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return {
        "classes, SGD": Tester(lambda: network(NUM_CLASSES, entropy, "sgd"), "int64"),
        "classes, Adam": Tester(lambda: network(NUM_CLASSES, entropy, "adam"), "int64"),
        "regression, SGD": Tester(lambda: network(1, "mse", "sgd"), "float32"),
        "regression, Adam": Tester(lambda: network(1, "mse", "adam"), "float32"),
        "linear": Tester(lambda: linear(True), "float32"),
        "frozen": Tester(lambda: linear(False), "float32"),
        "poisson": Tester(poisson, "float32"),
    }
