"""The compiled training loop: a chunk of rates in, the loss of each batch out."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from absl import logging

from tfx_lr_finder.runtime.checkpoint.graphs import draws_outside_variables
from tfx_lr_finder.runtime.loop.batches import Batches
from tfx_lr_finder.runtime.loop.optimizers import SweptRate, build_optimizer
from tfx_lr_finder.runtime.loop.progress import Progress
from tfx_lr_finder.runtime.loop.snapshot import Snapshot, state_variables

FloatArray = npt.NDArray[np.float64]

FIRST_CHUNK = 16
CHUNK_SECONDS = 2.0


class TrainerLoop:
    """Trains the user's model with Keras' own `train_step`, many steps a call.

    The rate variable, the step, the record of the loss and the test for a loss that is
    not finite are one graph; the host sees the losses once a chunk. Sweeps and
    candidates share its one trace. Implements `range_test.sweep.TrainingLoop`.

    Args:
      model: A compiled Keras model, Keras 3 or tf_keras.
      rate: The optimizer's rate, as a sweep has it.
      train: Training batches.
      evaluation: Held-out batches, or None if nothing is to be evaluated.
      num_eval_batches: Batches that `evaluate` scores.
      jit_compile: Whether XLA compiles the step.
      progress: Is told of every chunk.
      seed: Of what draws random numbers outside of variables, from the start of each
        sweep and candidate on.

    Attributes:
      jit_compile: Whether XLA compiles the step.
      num_traces: How often the training step was traced.
      num_steps: Training steps run so far.
      graph: The traced training step; None where it is run eagerly.
    """

    def __init__(
        self,
        model: Any,
        rate: SweptRate,
        train: Batches,
        evaluation: Batches | None,
        *,
        num_eval_batches: int,
        jit_compile: bool = False,
        progress: Progress | None = None,
        seed: int = 0,
    ) -> None:
        """Traces the step, which builds what is not built, and keeps the start."""
        self._model = model
        self._rate = rate
        self._train = train
        self._evaluation = evaluation
        self._num_eval_batches = num_eval_batches
        self.jit_compile = jit_compile
        self._strategy = model.distribute_strategy
        self._chunk = FIRST_CHUNK
        self.num_traces = 0
        self.num_steps = 0
        self._progress = progress
        self._iterator = train.onward()
        self.eager = bool(model.run_eagerly)
        _build(model, train.first)
        self._step: Any = self._one_step
        self._seed = seed
        self.graph: Any = None
        self._run = self._compile_chunk()
        self._reseeds = self.graph is None or draws_outside_variables(self.graph)
        self._test: Any = None
        self._start = Snapshot(state_variables(model))

    def begin_sweep(self) -> None:
        """Goes back to the start; the next batches are ones no sweep has had."""
        self._to_start()
        self._iterator = self._train.onward()

    def begin_candidate(self) -> None:
        """Goes back to the start and to the first of the candidates' batches."""
        self._to_start()
        self._iterator = self._train.again()

    def _to_start(self) -> None:
        self._start.restore()
        if self._reseeds:
            # Also begins the generators inside of compiled kernels anew.
            tf.random.set_seed(self._seed)

    def skip(self, num_batches: int) -> None:
        """Passes over the next batches of the sweep or candidate that has begun."""
        for _ in range(num_batches):
            next(self._iterator)

    def state(self) -> list[bytes] | None:
        """Returns every variable as it is now; None where those are not all.

        A step that draws random numbers outside of variables, or runs on several
        replicas, cannot be gone on with exactly; a sweep or candidate of it is repeated
        from its start.
        """
        replicas = self._strategy.num_replicas_in_sync
        return None if self._reseeds or replicas > 1 else self._start.current()

    def set_state(self, state: list[bytes]) -> None:
        """Sets every variable to what `state` returned."""
        self._start.set(state)

    @property
    def start(self) -> Snapshot:
        """The variables from which every sweep and candidate begins."""
        return self._start

    def train(
        self, learning_rates: FloatArray, look_above: float = np.inf
    ) -> FloatArray:
        """Trains one batch at each rate of a chunk; see `TrainingLoop.train`."""
        rates = tf.constant(learning_rates[: self._chunk], tf.float32)
        began = time.monotonic()
        look = tf.constant(look_above, tf.float32)
        with self._memory_errors():
            losses = np.asarray(self._run(self._iterator, rates, look), np.float64)
        self._adapt(time.monotonic() - began)
        self.num_steps += len(losses)
        if self._progress is not None:
            self._progress.update(learning_rates[: len(losses)], losses)
        return losses

    def _adapt(self, seconds: float) -> None:
        """Makes the chunks last about two seconds, whatever a step takes."""
        if seconds < CHUNK_SECONDS / 2:
            self._chunk *= 2
        elif seconds > 2 * CHUNK_SECONDS:
            self._chunk = max(1, self._chunk // 2)

    def evaluate(self) -> FloatArray:
        """Returns the loss of each held-out batch under `test_step`, float64 `[b]`."""
        if self._evaluation is None:
            return np.empty(0)
        if self._test is None:
            self._test = (
                self._all_tests
                if self.eager
                else tf.function(self._all_tests, autograph=False)
            )
        iterator = self._evaluation.again()
        with self._memory_errors():
            return np.asarray(self._test(iterator), np.float64)

    def restore(self) -> None:
        """Puts the model and its optimizer back to the start."""
        self._start.restore()

    def _compile_chunk(self) -> Any:
        """Returns the chunk as one traced function, for chunks of any length.

        Traced as it stands; if that fails, with the step through autograph, as
        tf_keras' `fit` does with every step (which takes 20 s, for it converts
        tf_keras as well); if that fails too, it is run eagerly, with a warning.
        """
        reason = "the model was compiled with run_eagerly=True"
        if not self.eager:
            try:
                return self._traced_chunk()
            except Exception as error:  # noqa: BLE001 - user code raises what it likes
                logging.info("LRFinder tries autograph on the training step: %s", error)
            self._step = tf.function(self._one_step)
            try:
                return self._traced_chunk()
            except Exception as error:  # noqa: BLE001
                reason = f"it cannot be compiled ({type(error).__name__}: {error})"
        logging.warning(
            "LRFinder runs the training step eagerly, some 20 times slower: %s.", reason
        )
        self.eager = True
        self._step = self._one_step
        self._try_eager_step()
        return self._run_chunk

    def _traced_chunk(self) -> Any:
        """Returns the traced chunk; traced again if the first trace built metrics."""
        while True:
            known = len(_metric_variables(self._model))
            run: Any = tf.function(self._run_chunk, autograph=False)
            traced = run.get_concrete_function(
                self._iterator,
                tf.TensorSpec([None], tf.float32),
                tf.TensorSpec([], tf.float32),
            )
            if len(_metric_variables(self._model)) == known:
                self.graph = traced.graph
                return traced

    def _try_eager_step(self) -> None:
        """Trains on one batch and takes it back: tells of faults in model or data."""
        start = Snapshot(state_variables(self._model))
        try:
            self._model.train_step(self._train.first)
            start.restore()
        except Exception as error:
            raise ValueError(
                f"The model cannot be run on the first training batch: "
                f"{type(error).__name__}: {error}. Check that the batches are (x, y) "
                "or (x, y, sample_weight) in the form that model.fit takes."
            ) from error

    def _one_step(self, iterator: Any) -> tf.Tensor:
        """Returns the loss of the next batch, float32 scalar, after training on it."""
        self.num_traces += 1
        return self._batch_loss(self._model.train_step, next(iterator))

    def _batch_loss(self, keras_step: Any, batch: Any) -> tf.Tensor:
        # Keras returns the mean of the loss since its metrics were last reset: reset
        # before each batch, it is the batch's own loss, in a custom step as well.
        for metric in self._model.metrics:
            metric.reset_state()
        step = (
            tf.function(keras_step, jit_compile=True)
            if self.jit_compile
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

    def _run_chunk(
        self, iterator: Any, rates: tf.Tensor, look_above: tf.Tensor
    ) -> tf.Tensor:
        """Returns the losses up to one that is not finite or above `look_above`."""
        size = tf.size(rates)
        losses = tf.TensorArray(tf.float32, size=size, element_shape=())

        def one_rate(i: Any, going: Any, losses: Any) -> Any:
            del going
            self._rate.assign(rates[i])
            loss = self._step(iterator)
            going = tf.math.is_finite(loss) & (loss <= look_above)
            return i + 1, going, losses.write(i, loss)

        taken, _, losses = tf.while_loop(
            lambda i, going, _: going & (i < size),
            one_rate,
            (tf.constant(0), tf.constant(True), losses),
            parallel_iterations=1,
        )
        return losses.stack()[:taken]

    @contextlib.contextmanager
    def _memory_errors(self) -> Iterator[None]:
        try:
            yield
        except tf.errors.ResourceExhaustedError as error:
            devices = tf.config.list_logical_devices("GPU") or ["the CPU"]
            raise MemoryError(
                f"Out of memory on {devices[0]} at a batch size of "
                f"{self._train.batch_size}. Lower the batch size, or give the finder a "
                "device as large as the Trainer's. Nothing was written."
            ) from error

    def _all_tests(self, iterator: Any) -> tf.Tensor:
        """Returns the loss of each held-out batch, float32 `[num_eval_batches]`."""
        size = self._num_eval_batches
        losses = tf.TensorArray(tf.float32, size=size, element_shape=())

        def one_batch(i: Any, losses: Any) -> Any:
            loss = self._batch_loss(self._model.test_step, next(iterator))
            return i + 1, losses.write(i, loss)

        _, losses = tf.while_loop(
            lambda i, losses: i < size,
            one_batch,
            (tf.constant(0), losses),
            parallel_iterations=1,
        )
        return losses.stack()


def is_keras_3(model: Any) -> bool:
    """Returns whether the model is of Keras 3, not of tf_keras."""
    return any(base.__module__.startswith("keras.") for base in type(model).__mro__)


def _metric_variables(model: Any) -> list[Any]:
    return [variable for metric in model.metrics for variable in metric.variables]


def _build(model: Any, batch: Any) -> None:
    """Builds model, metrics and slots ahead, so that one trace does.

    Where that fails (a custom step may need other data), the first trace builds them.
    """
    metrics = Snapshot(_metric_variables(model))
    try:
        with model.distribute_strategy.scope():
            model.distribute_strategy.run(model.test_step, args=(batch,))
        model.reset_metrics()
        metrics.restore()
    except Exception as error:  # noqa: BLE001 - whatever it is, tracing will tell
        logging.info("LRFinder leaves building the model to its first step: %s", error)
    if model.built:
        with model.distribute_strategy.scope():
            build_optimizer(model.optimizer, model.trainable_variables)
