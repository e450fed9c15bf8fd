"""A fast training loop: many steps, each with its own rate, in one compiled call.

It is the referee of this benchmark, so it shares no code with the finder. It trains the
task's own compiled model through the task's own optimizer; only the Python loop around
the steps is gone.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from benchmarks.quality.task import Split, Task

_CHUNK = 100

State = list[npt.NDArray[Any]]


class TrainingLoop:
    """Trains one task's model at any rates, from any saved state."""

    def __init__(self, task: Task) -> None:
        """Builds the model of seed 0 and traces the three compiled functions."""
        self._task = task
        self._model = task.build(0)
        self._model.optimizer.build(self._model.trainable_variables)
        self._variables = _all_variables(self._model)
        data = task.data
        self._train = _as_tensors(data.train)
        self._splits = {"eval": _as_tensors(data.eval), "test": _as_tensors(data.test)}
        self._train_chunk = tf.function(
            self._train_chunk_eager, jit_compile=task.xla, autograph=False
        )
        self._mean_loss = tf.function(
            self._mean_loss_eager, jit_compile=task.xla, autograph=False
        )

    def initial_state(self, seed: int) -> State:
        """Returns the variables of a freshly built model of this seed."""
        model = self._task.build(seed)
        model.optimizer.build(model.trainable_variables)
        return [np.array(variable) for variable in _all_variables(model)]

    def restore(self, state: State) -> None:
        """Puts model and optimizer back into ``state``."""
        for variable, value in zip(self._variables, state, strict=True):
            variable.assign(value)

    def save(self) -> State:
        """Returns a copy of every variable of model and optimizer."""
        return [np.array(variable) for variable in self._variables]

    def train(
        self, learning_rates: npt.ArrayLike, rows: npt.NDArray[np.int32]
    ) -> npt.NDArray[np.float64]:
        """Returns the loss of each batch, measured before that batch's update.

        Args:
            learning_rates: float ``[num_steps]``, the rate of each step.
            rows: int32 ``[num_steps, batch_size]``, see `epoch_order`.

        Returns:
            float64 ``[num_steps]``.
        """
        rates = np.asarray(learning_rates, np.float32)
        losses = []
        for start in range(0, len(rates), _CHUNK):
            count = min(_CHUNK, len(rates) - start)
            padded_rates = np.zeros(_CHUNK, np.float32)
            padded_rates[:count] = rates[start : start + count]
            padded_rows = np.zeros((_CHUNK, rows.shape[1]), np.int32)
            padded_rows[:count] = rows[start : start + count]
            chunk = self._train_chunk(padded_rates, padded_rows, np.int32(count))
            losses.append(chunk.numpy()[:count])
            if not np.isfinite(losses[-1][-1]):
                missing = len(rates) - start - count
                losses.append(np.full(missing, np.nan, np.float32))
                break
        return np.concatenate(losses).astype(np.float64)

    def loss(self, split: str) -> float:
        """Returns the mean loss over the ``eval`` or the ``test`` split."""
        return float(self._mean_loss(*self._splits[split]))

    def batch_losses(self, split: str, num_batches: int) -> npt.NDArray[np.float64]:
        """Returns the mean loss of equal parts of a split, ``[<= num_batches]``."""
        features, labels = self._splits[split]
        size = max(self._task.batch_size, len(labels) // num_batches)
        losses = []
        for begin in range(0, len(labels) - size + 1, size):
            part = tf.nest.map_structure(lambda x: x[begin : begin + size], features)  # noqa: B023
            losses.append(self._mean_loss(part, labels[begin : begin + size]))
        return np.array([float(loss) for loss in losses])

    def _train_chunk_eager(
        self, rates: tf.Tensor, rows: tf.Tensor, count: tf.Tensor
    ) -> tf.Tensor:
        features, labels = self._train

        def body(step: tf.Tensor, losses: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            batch = tf.nest.map_structure(lambda x: tf.gather(x, rows[step]), features)
            loss = self._step(batch, tf.gather(labels, rows[step]), rates[step])
            return step + 1, tf.tensor_scatter_nd_update(losses, [[step]], [loss])

        _, losses = tf.while_loop(
            lambda step, _: step < count, body, (tf.constant(0), tf.zeros(_CHUNK))
        )
        return losses

    def _step(
        self, features: tf.Tensor, labels: tf.Tensor, rate: tf.Tensor
    ) -> tf.Tensor:
        model = self._model
        model.optimizer.learning_rate.assign(rate)
        variables = model.trainable_variables
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model.loss(labels, model(features, training=True)))
            if model.losses:
                loss += tf.add_n(model.losses)
        gradients = tape.gradient(loss, variables)
        model.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return loss

    def _mean_loss_eager(self, features: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        predictions = self._model(features, training=False)
        return tf.reduce_mean(self._model.loss(labels, predictions))


def _all_variables(model: Any) -> list[Any]:
    optimizer = model.optimizer.variables
    return list(model.variables) + list(
        optimizer() if callable(optimizer) else optimizer
    )


def _as_tensors(split: Split) -> tuple[Any, tf.Tensor]:
    features = tf.nest.map_structure(tf.constant, split.features)
    return features, tf.constant(split.labels)
