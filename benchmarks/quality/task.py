"""What a task of this benchmark is: data, a compiled model, a number of steps."""

import ast
import dataclasses
import functools
import hashlib
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[Any] | dict[str, npt.NDArray[Any]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Split:
    """Rows of a data set.

    Attributes:
        features: array ``[rows, ...]``, or one such array per input name.
        labels: array ``[rows, ...]``.
    """

    features: Features
    labels: npt.NDArray[Any]

    def __len__(self) -> int:
        """Returns the number of rows."""
        return len(self.labels)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Data:
    """The three splits: ``test`` is the truth's alone, no finder ever sees it."""

    train: Split
    eval: Split
    test: Split


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task:
    """A small training job whose best constant rate can be found by brute force.

    Attributes:
        name: unique, lower case.
        optimizer: name of the optimizer, for the tables.
        batch_size: rows per step.
        train_steps: steps of the whole job.
        make_data: returns the same splits at every call.
        build: takes a seed, returns a compiled model with weights of that seed.
        xla: whether the referee's loop is faster under XLA (convolutions are not).
    """

    name: str
    optimizer: str
    batch_size: int
    train_steps: int
    make_data: Callable[[], Data]
    build: Callable[[int], Any]
    xla: bool = True

    @functools.cached_property
    def data(self) -> Data:
        """The splits, made once."""
        return self.make_data()

    def datasets(self, seed: int) -> tuple[Any, Any]:
        """Returns the train and eval `tf.data` sets a finder is given.

        Args:
            seed: of the shuffle of the training rows.

        Returns:
            One shuffled epoch of batches, reshuffled at each pass, and the eval split.
        """
        import tensorflow as tf

        train, evaluation = self.data.train, self.data.eval
        rows = tf.data.Dataset.from_tensor_slices((train.features, train.labels))
        rows = rows.shuffle(len(train), seed=seed, reshuffle_each_iteration=True)
        held_out = tf.data.Dataset.from_tensor_slices(
            (evaluation.features, evaluation.labels)
        )
        return (
            rows.batch(self.batch_size, drop_remainder=True),
            held_out.batch(self.batch_size),
        )

    def fingerprint(self) -> str:
        """Returns a hash of what decides the truth: the data and the model's code.

        The data count by their shapes and moments, the code by its syntax tree, so that
        neither another processor's last digit nor a formatter changes it.
        """
        parts = [f"{self.optimizer} {self.batch_size} {self.train_steps}"]
        for split in (self.data.train, self.data.eval, self.data.test):
            features = split.features
            arrays = features.values() if isinstance(features, dict) else [features]
            for array in [*arrays, split.labels]:
                moments = f"{np.mean(array, dtype=float):.4g} {np.std(array):.4g}"
                parts.append(f"{array.shape} {moments}")
        parts.append(ast.dump(ast.parse(inspect.getsource(self.build))))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def epoch_order(
    num_rows: int, batch_size: int, num_steps: int, seed: int
) -> npt.NDArray[np.int32]:
    """Returns the rows of each batch: whole epochs, each newly shuffled.

    Args:
        num_rows: rows of the training split, at least ``batch_size``.
        batch_size: rows per step.
        num_steps: steps wanted.
        seed: of the shuffles.

    Returns:
        int32 ``[num_steps, batch_size]``; the remainder of an epoch is dropped.
    """
    rng = np.random.default_rng([seed, 17])
    per_epoch = num_rows // batch_size
    epochs = []
    for _ in range(-(-num_steps // per_epoch)):
        rows = rng.permutation(num_rows)[: per_epoch * batch_size]
        epochs.append(rows.reshape(per_epoch, batch_size))
    return np.concatenate(epochs)[:num_steps].astype(np.int32)
