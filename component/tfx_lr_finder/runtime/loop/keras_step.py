"""Keras' own training and test steps, many of them in one compiled function."""

from typing import Any

import tensorflow as tf
from absl import logging

from tfx_lr_finder.runtime.loop import first_step
from tfx_lr_finder.runtime.loop.optimizers import SweptRate
from tfx_lr_finder.runtime.loop.row_losses import RowLosses


class KerasStep:
    """Runs the model's `train_step` at one rate after the other, on the device.

    The rate variable, the step, the record of the losses and the test that ends a chunk
    early are one graph, traced once.

    Args:
      model: A compiled Keras model, Keras 3 or tf_keras.
      rate: Sets the optimizer's learning rate.
      first_batch: A training batch, from which the model is built.
      iterator: Has the type of every iterator that `run` gets.
      jit_compile: Whether XLA compiles the step.
      stops_early: Whether a chunk ends at a bad loss. On a GPU this would make the host
        wait for every step.

    Attributes:
      eager: Whether the step runs eagerly, because it cannot be compiled.
      model: The model.
      graph: The traced training step; None if it runs eagerly.
      num_traces: How often the training step was traced.
      run: Trains on the next batches of an iterator at each of some rates, float32
        `[n]`; returns the losses, float32 `[m]`. If `stops_early`, they end at the
        first one that is not finite or above a limit, the third argument.
    """

    def __init__(
        self,
        model: Any,
        rate: SweptRate,
        first_batch: Any,
        iterator: Any,
        *,
        jit_compile: bool,
        stops_early: bool = True,
    ) -> None:
        """Builds the model if it is not built, and traces the step."""
        self.model = model
        self._rate = rate
        self._strategy = model.distribute_strategy
        self._jit_compile = jit_compile
        self._stops_early = stops_early
        self.num_traces = 0
        self.eager = bool(model.run_eagerly)
        self.graph: Any = None
        self._has_run = first_step.build(model, first_batch)
        self._step: Any = self._train_on_next
        self._test: Any = self._test_on_next
        self._compiled_tests: dict[int, Any] = {}
        self._row_losses: RowLosses | None = None
        self.run = self._compile(first_batch, iterator)

    def evaluate(self, iterator: Any, num_batches: int) -> tf.Tensor:
        """Returns the loss of each of the next batches, float32 `[num_batches]`."""
        if num_batches not in self._compiled_tests:
            self._compiled_tests[num_batches] = self._compile_test(
                lambda batches: self._test_batches(batches, num_batches), iterator
            )
        return self._compiled_tests[num_batches](iterator)

    def _compile_test(self, test: Any, iterator: Any) -> Any:
        """Returns the evaluation as one traced function, as `_compile` the training."""
        if self.eager:
            return test
        for step in (self._test_on_next, tf.function(self._test_on_next)):
            self._test = step
            try:
                traced: Any = tf.function(test, autograph=False)
                return traced.get_concrete_function(iterator)
            except Exception as error:  # noqa: BLE001 - user code may raise anything
                reason = f"{type(error).__name__}: {error}"
                logging.info("LRFinder: the test step was not traced: %s", reason)
        logging.warning(
            "LRFinder: running the test step eagerly: it cannot be compiled (%s).",
            reason,
        )
        self._test = self._test_on_next
        return test

    def row_losses(self, batch: Any, train_batch_size: int) -> RowLosses | None:
        """Returns the losses by row; None, with a line in the log, if there are none.

        They are verified at the first call only.

        Args:
          batch: See `RowLosses`.
          train_batch_size: See `RowLosses`.
        """
        if self._row_losses is None:
            test_loss: Any = self.test_loss
            if self._strategy.num_replicas_in_sync > 1 and not self.eager:
                # Keras 3 returns Python numbers eagerly, which no strategy can reduce.
                test_loss = tf.function(test_loss, autograph=False)
            try:
                self._row_losses = RowLosses(
                    self.model, batch, test_loss, train_batch_size
                )
            except Exception as error:  # noqa: BLE001 - user code may raise anything
                logging.info(
                    "LRFinder: the evidence is counted in batches, because the loss "
                    "has no value for each row: %s: %s",
                    type(error).__name__,
                    error,
                )
        return self._row_losses

    def test_loss(self, batch: Any) -> tf.Tensor:
        """Returns the loss of a batch under `test_step`, float32 scalar."""
        return self._batch_loss(self.model.test_step, batch)

    def _compile(self, first_batch: Any, iterator: Any) -> Any:
        """Returns `_train_chunk` as one traced function, for chunks of any length.

        The step is traced without autograph. If that fails, autograph converts it, as
        tf_keras' `fit` always does (20 s, because it converts tf_keras as well). If
        that fails too, the step runs eagerly, with a warning.
        """
        reason = "the model was compiled with run_eagerly=True"
        if not self.eager:
            try:
                return self._trace(iterator)
            except Exception as error:  # noqa: BLE001 - user code may raise anything
                logging.info(
                    "LRFinder: trying autograph on the training step: %s", error
                )
            if not self._has_run:
                first_step.check_training(self.model, first_batch)
            self._step = tf.function(self._train_on_next)
            try:
                return self._trace(iterator)
            except Exception as error:  # noqa: BLE001
                reason = f"it cannot be compiled ({type(error).__name__}: {error})"
        logging.warning(
            "LRFinder: running the training step eagerly, about 20 times slower: %s.",
            reason,
        )
        self.eager = True
        self._step = self._train_on_next
        first_step.check_training(self.model, first_batch)
        return self._train_chunk

    def _trace(self, iterator: Any) -> Any:
        """Returns the traced chunk; traces again if the first trace built metrics."""
        while True:
            num_known = len(_metric_variables(self.model))
            run: Any = tf.function(self._train_chunk, autograph=False)
            traced = run.get_concrete_function(
                iterator,
                tf.TensorSpec([None], tf.float32),
                tf.TensorSpec([], tf.float32),
            )
            if len(_metric_variables(self.model)) == num_known:
                self.graph = traced.graph
                return traced

    def _train_chunk(
        self, iterator: Any, rates: tf.Tensor, stop_above: tf.Tensor
    ) -> tf.Tensor:
        """Returns the losses of a chunk; see `run`."""
        size = tf.size(rates)
        losses = tf.TensorArray(tf.float32, size=size, element_shape=())

        def one_rate(i: Any, continues: Any, losses: Any) -> Any:
            del continues
            self._rate.assign(tf.gather(rates, i))
            loss = self._step(iterator)
            continues = tf.constant(True)
            if self._stops_early:
                continues = tf.math.is_finite(loss) & (loss <= stop_above)
            return i + 1, continues, losses.write(i, loss)

        num_steps, _, losses = tf.while_loop(
            lambda i, continues, _: (
                continues & (i < size) if self._stops_early else i < size
            ),
            one_rate,
            (tf.constant(0), tf.constant(True), losses),
            parallel_iterations=1,
        )
        return losses.stack()[:num_steps]

    def _test_batches(self, iterator: Any, num_batches: int) -> tf.Tensor:
        losses = tf.TensorArray(tf.float32, size=num_batches, element_shape=())

        def one_batch(i: Any, losses: Any) -> Any:
            return i + 1, losses.write(i, self._test(iterator))

        _, losses = tf.while_loop(
            lambda i, losses: i < num_batches,
            one_batch,
            (tf.constant(0), losses),
            parallel_iterations=1,
        )
        return losses.stack()

    def _train_on_next(self, iterator: Any) -> tf.Tensor:
        """Returns the loss of the next batch, float32 scalar, after training on it."""
        self.num_traces += 1
        return self._batch_loss(self.model.train_step, next(iterator))

    def _test_on_next(self, iterator: Any) -> tf.Tensor:
        """Returns the loss of the next batch, float32 scalar, under `test_step`."""
        return self._batch_loss(self.model.test_step, next(iterator))

    def _batch_loss(self, keras_step: Any, batch: Any) -> tf.Tensor:
        # Keras returns the mean of the loss since its metrics were last reset. Reset
        # before each batch, it is the loss of that batch, in a custom step as well.
        for metric in self.model.metrics:
            metric.reset_state()
        step = (
            tf.function(keras_step, jit_compile=True)
            if self._jit_compile
            else keras_step
        )
        logs = self._strategy.run(step, args=(batch,))
        if not isinstance(logs, dict) or "loss" not in logs:
            got = sorted(logs) if isinstance(logs, dict) else type(logs).__name__
            raise ValueError(
                f"train_step and test_step must return a dict with 'loss', got {got}. "
                "Add the loss to be minimised under that name."
            )
        loss = logs["loss"]
        if self._strategy.num_replicas_in_sync > 1:
            loss = self._strategy.reduce(tf.distribute.ReduceOp.MEAN, loss, axis=None)
        loss = tf.cast(loss, tf.float32)
        return loss if loss.shape.rank == 0 else tf.reduce_mean(loss)


def _metric_variables(model: Any) -> list[Any]:
    return [variable for metric in model.metrics for variable in metric.variables]
