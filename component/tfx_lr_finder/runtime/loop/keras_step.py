"""Keras' own training and test steps, many of them in one compiled function."""

from typing import Any

import tensorflow as tf
from absl import logging

from tfx_lr_finder.runtime.loop.optimizers import SweptRate, build_optimizer
from tfx_lr_finder.runtime.loop.snapshot import Snapshot, state_variables


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

    Attributes:
      eager: Whether the step runs eagerly, because it cannot be compiled.
      graph: The traced training step; None if it runs eagerly.
      num_traces: How often the training step was traced.
      run: Trains on the next batches of an iterator at each of some rates, float32
        `[n]`; returns the losses, float32 `[m]`, up to the first one that is not finite
        or above a limit, the third argument.
    """

    def __init__(
        self,
        model: Any,
        rate: SweptRate,
        first_batch: Any,
        iterator: Any,
        *,
        jit_compile: bool,
    ) -> None:
        """Builds the model if it is not built, and traces the step."""
        self._model = model
        self._rate = rate
        self._strategy = model.distribute_strategy
        self._jit_compile = jit_compile
        self.num_traces = 0
        self.eager = bool(model.run_eagerly)
        self.graph: Any = None
        _build(model, first_batch)
        self._step: Any = self._train_on_next
        self._compiled_test: Any = None
        self.run = self._compile(first_batch, iterator)

    def evaluate(self, iterator: Any, num_batches: int) -> tf.Tensor:
        """Returns the loss of each of the next batches, float32 `[num_batches]`."""
        if self._compiled_test is None:
            self._compiled_test = (
                self._test_batches
                if self.eager
                else tf.function(self._test_batches, autograph=False)
            )
        return self._compiled_test(iterator, num_batches)

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
        _try_step(self._model, first_batch)
        return self._train_chunk

    def _trace(self, iterator: Any) -> Any:
        """Returns the traced chunk; traces again if the first trace built metrics."""
        while True:
            num_known = len(_metric_variables(self._model))
            run: Any = tf.function(self._train_chunk, autograph=False)
            traced = run.get_concrete_function(
                iterator,
                tf.TensorSpec([None], tf.float32),
                tf.TensorSpec([], tf.float32),
            )
            if len(_metric_variables(self._model)) == num_known:
                self.graph = traced.graph
                return traced

    def _train_chunk(
        self, iterator: Any, rates: tf.Tensor, stop_above: tf.Tensor
    ) -> tf.Tensor:
        """Returns the losses up to one that is not finite or above `stop_above`."""
        size = tf.size(rates)
        losses = tf.TensorArray(tf.float32, size=size, element_shape=())

        def one_rate(i: Any, continues: Any, losses: Any) -> Any:
            del continues
            self._rate.assign(rates[i])
            loss = self._step(iterator)
            continues = tf.math.is_finite(loss) & (loss <= stop_above)
            return i + 1, continues, losses.write(i, loss)

        num_steps, _, losses = tf.while_loop(
            lambda i, continues, _: continues & (i < size),
            one_rate,
            (tf.constant(0), tf.constant(True), losses),
            parallel_iterations=1,
        )
        return losses.stack()[:num_steps]

    def _test_batches(self, iterator: Any, num_batches: int) -> tf.Tensor:
        losses = tf.TensorArray(tf.float32, size=num_batches, element_shape=())

        def one_batch(i: Any, losses: Any) -> Any:
            loss = self._batch_loss(self._model.test_step, next(iterator))
            return i + 1, losses.write(i, loss)

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
        return self._batch_loss(self._model.train_step, next(iterator))

    def _batch_loss(self, keras_step: Any, batch: Any) -> tf.Tensor:
        # Keras returns the mean of the loss since its metrics were last reset. Reset
        # before each batch, it is the loss of that batch, in a custom step as well.
        for metric in self._model.metrics:
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
        return tf.reduce_mean(tf.cast(loss, tf.float32))


def is_keras_3(model: Any) -> bool:
    """Returns whether the model is a Keras 3 model, not a tf_keras one."""
    return any(base.__module__.startswith("keras.") for base in type(model).__mro__)


def _metric_variables(model: Any) -> list[Any]:
    return [variable for metric in model.metrics for variable in metric.variables]


def _build(model: Any, batch: Any) -> None:
    """Builds model, metrics and optimizer before the step is traced.

    If that fails (a custom step may need other data), the first trace builds them.
    """
    metrics = Snapshot(_metric_variables(model))
    try:
        with model.distribute_strategy.scope():
            model.distribute_strategy.run(model.test_step, args=(batch,))
        model.reset_metrics()
        metrics.restore()
    except Exception as error:  # noqa: BLE001 - tracing reports whatever is wrong
        logging.info("LRFinder: the first step has to build the model: %s", error)
    if model.built:
        with model.distribute_strategy.scope():
            build_optimizer(model.optimizer, model.trainable_variables)


def _try_step(model: Any, batch: Any) -> None:
    """Trains on one batch and undoes it, to find faults in the model or the data."""
    start = Snapshot(state_variables(model))
    try:
        model.train_step(batch)
        start.restore()
    except Exception as error:
        raise ValueError(
            f"The model cannot be run on the first training batch: "
            f"{type(error).__name__}: {error}. Check that the batches are (x, y) "
            "or (x, y, sample_weight) in the form that model.fit takes."
        ) from error
