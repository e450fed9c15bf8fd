"""The held-out loss of every single row, from the loss that the model was given.

Keras' losses are linear in the sample weights, so the loss of a row is the derivative
of the batch's loss with respect to the row's weight. This needs no knowledge of the
kind of the loss, of its outputs or of their weights.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

RELATIVE_TOLERANCE = 1e-3
TOLERANCE = 1e-4
"""Of the largest row, for losses that were rounded to float16."""


class RowLosses:
    """Computes the loss of each row of a batch, if the model's loss allows it.

    Args:
      model: A compiled and built Keras model.
      batch: Held-out rows, at least two, on which the row losses are verified.
        Not distributed.
      batch_loss: Returns the loss of a batch under the model's own `test_step`.
      train_batch_size: Rows of a training batch, by which a loss that is a sum over
        rows is multiplied.

    Raises:
      ValueError: The loss has no value for each row: it mixes the rows of a batch,
        depends on the data in other ways, or comes from a custom step.
    """

    def __init__(
        self,
        model: Any,
        batch: Any,
        batch_loss: Callable[[Any], tf.Tensor],
        train_batch_size: int,
    ) -> None:
        """Compares the rows with those of half the batch, and with the batch loss."""
        self._model = model
        self._strategy = model.distribute_strategy
        self._train_batch_size = train_batch_size
        self._is_mean = True
        self._compiled: Any = None
        self._score: Any = self._of_batch
        whole, offset = self._verifiable(batch)
        half, half_offset = self._verifiable(_first_half(batch))
        if np.allclose(whole[: len(half)], half, **_tolerance(whole)):
            self._is_mean = False
            mean = float(np.sum(whole))
        else:
            whole, half = whole * len(whole), half * len(half)
            mean = float(np.mean(whole))
            if not np.allclose(whole[: len(half)], half, **_tolerance(whole)):
                raise ValueError("the loss of a row depends on the other rows")
        if not np.allclose(offset, half_offset, **_tolerance(whole)):
            raise ValueError("add_loss depends on the data")
        total = float(batch_loss(batch))
        if np.isfinite(mean) and not np.isclose(
            total, mean + offset, rtol=RELATIVE_TOLERANCE, atol=TOLERANCE
        ):
            raise ValueError(
                f"test_step gives the loss {total:.6g}, the rows {mean + offset:.6g}"
            )

    def of_batches(self, iterator: Any, num_batches: int) -> tf.Tensor:
        """Returns the losses of the rows of some batches, float32 `[n, 2]`.

        The first column is the loss, without regularisation. The second is the loss
        with the prediction for the row before.

        Args:
          iterator: Of batches of the strategy's type.
          num_batches: How many of them are scored.
        """
        if self._compiled is None:
            self._compiled = self._compile(iterator, num_batches)
        return self._compiled(iterator, num_batches)

    def _compile(self, iterator: Any, num_batches: int) -> Any:
        """Returns `_of_batches`, traced without autograph or else with it."""
        if self._model.run_eagerly:
            return self._of_batches
        compiled: Any = tf.function(self._of_batches, autograph=False)
        try:
            compiled.get_concrete_function(iterator, num_batches)
        except Exception as error:  # noqa: BLE001 - user code may raise anything
            logging.info("LRFinder: trying autograph on the row losses: %s", error)
            self._score = tf.function(self._of_batch)
            compiled = tf.function(self._of_batches, autograph=False)
        return compiled

    def _of_batches(self, iterator: Any, num_batches: int) -> tf.Tensor:
        losses = tf.TensorArray(
            tf.float32, size=num_batches, element_shape=[None, 2], infer_shape=False
        )

        def one_batch(i: Any, losses: Any) -> Any:
            return i + 1, losses.write(i, self._score(next(iterator)))

        _, losses = tf.while_loop(
            lambda i, losses: i < num_batches,
            one_batch,
            (tf.constant(0), losses),
            parallel_iterations=1,
        )
        return losses.concat()

    def _of_batch(self, batch: Any) -> tf.Tensor:
        """Returns the losses of the rows of all replicas, float32 `[b, 2]`."""
        pairs = self._strategy.run(self._of_replica, args=(batch,))
        return tf.concat(self._strategy.experimental_local_results(pairs), axis=0)

    def _of_replica(self, batch: Any) -> tf.Tensor:
        x, y, weights = unpack(batch)
        predictions = self._predict(x)
        rolled = tf.nest.map_structure(lambda p: tf.roll(p, 1, axis=0), predictions)
        pair = [self._rows(x, y, p, weights)[0] for p in (predictions, rolled)]
        rows = tf.stack(pair, axis=1)
        factor = tf.shape(rows)[0] if self._is_mean else self._train_batch_size
        return rows * tf.cast(factor, tf.float32)

    def _verifiable(self, batch: Any) -> tuple[Any, float]:
        """Returns unscaled row losses, float64 `[b]`, and the loss without any row."""

        def on_replica(batch: Any) -> tuple[tf.Tensor, tf.Tensor]:
            x, y, weights = unpack(batch)
            return self._rows(x, y, self._predict(x), weights)

        results = self._strategy.run(on_replica, args=(batch,))
        rows, offset = (
            self._strategy.experimental_local_results(r)[0] for r in results
        )
        return np.asarray(rows, np.float64), float(offset)

    def _predict(self, x: Any) -> Any:
        if getattr(self._model, "_call_has_training_arg", True):
            return self._model(x, training=False)
        return self._model(x)

    def _rows(
        self, x: Any, y: Any, predictions: Any, weights: Any
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the rows' parts of the batch's loss, and the rest of that loss."""
        if weights is None:
            num_rows = tf.shape(tf.nest.flatten(predictions)[0])[0]
            weights = tf.ones([num_rows], tf.float32)
        weights = tf.nest.map_structure(lambda w: tf.cast(w, tf.float32), weights)
        with tf.GradientTape() as tape:
            tape.watch(weights)
            loss = self._model.compute_loss(
                x=x, y=y, y_pred=predictions, sample_weight=weights
            )
        slopes = tape.gradient(loss, weights)
        parts = [
            _sum_over_rows(weight * slope)
            for weight, slope in zip(
                tf.nest.flatten(weights), tf.nest.flatten(slopes), strict=True
            )
        ]
        replicas = float(self._strategy.num_replicas_in_sync)
        rows = replicas * tf.cast(tf.add_n(parts), tf.float32)
        return rows, replicas * tf.cast(loss, tf.float32) - tf.reduce_sum(rows)


def unpack(batch: Any) -> tuple[Any, Any, Any]:
    """Returns the features, the labels and the weights of a batch, as Keras does."""
    if not isinstance(batch, tuple | list):
        return batch, None, None
    x, y, weights = (*batch, None, None)[:3]
    return x, y, weights


def _sum_over_rows(values: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(values, axis=list(range(1, values.shape.rank)))


def _first_half(batch: Any) -> Any:
    def half(part: Any) -> Any:
        if isinstance(part, tf.SparseTensor):
            num_rows = part.dense_shape[0] // 2
            size = tf.concat([[num_rows], part.dense_shape[1:]], axis=0)
            return tf.sparse.slice(part, tf.zeros_like(size), size)
        return part[: part.shape[0] // 2]

    return tf.nest.map_structure(half, batch)


def _tolerance(rows: Any) -> dict[str, Any]:
    largest = float(np.max(np.abs(rows), initial=0.0, where=np.isfinite(rows)))
    return {
        "rtol": RELATIVE_TOLERANCE,
        "atol": TOLERANCE * largest,
        "equal_nan": True,
    }
