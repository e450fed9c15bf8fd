"""The training loop of a range test: a chunk of rates in, the loss of each step out."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfx_lr_finder.runtime.loop import (
    checks,
    first_step,
    random_state,
    step_graph,
)
from tfx_lr_finder.runtime.loop.batches import Batches
from tfx_lr_finder.runtime.loop.keras_step import KerasStep
from tfx_lr_finder.runtime.loop.optimizers import SweptRate
from tfx_lr_finder.runtime.loop.progress import Progress
from tfx_lr_finder.runtime.loop.scoring import Scoring
from tfx_lr_finder.runtime.loop.snapshot import Snapshot, state_variables

FloatArray = npt.NDArray[np.float64]

FIRST_CHUNK = 16
GPU_CHUNK = 16
"""Steps of a sweep that a GPU takes before the host looks at their losses."""
CHUNK_SECONDS = 2.0


class TrainerLoop:
    """Trains the user's model with Keras' own `train_step`, many steps per call.

    Sweeps and candidates share one trace of the step, and each starts from the same
    variables. The host sees the losses once per chunk. Implements
    `range_test.sweep.TrainingLoop`.

    A CPU ends a chunk at a bad loss. A GPU does not wait for the losses: it takes all
    steps of the chunk. Losses behind a bad one are returned by the next call, or thrown
    away with the sweep. The next sweep then starts at a multiple of `GPU_CHUNK`
    batches, so that the length of a chunk changes no result.

    Args:
      model: A compiled Keras model, Keras 3 or tf_keras.
      rate: Sets the optimizer's learning rate.
      train: Training batches.
      evaluation: Held-out batches; None if nothing is evaluated.
      jit_compile: Whether XLA compiles the step.
      progress: Shows each chunk.
      seed: Seeds random operations that keep no variable, at the start of each sweep
        and candidate.
      stops_early: Whether a chunk ends at a bad loss; by default, unless there is a
        GPU.

    Attributes:
      jit_compile: Whether XLA compiles the step.
      num_steps: Training steps run so far.
      num_steps_thrown_away: Those of them whose losses were discarded.
      step: The training step, traced or eager.
      start: The variables from which every sweep and candidate starts.
      scoring: Scores the held-out rows; None if nothing is evaluated.
    """

    def __init__(
        self,
        model: Any,
        rate: SweptRate,
        train: Batches,
        evaluation: Batches | None,
        *,
        jit_compile: bool = False,
        progress: Progress | None = None,
        seed: int = 0,
        stops_early: bool | None = None,
    ) -> None:
        """Traces the step, which builds what is not built, and copies the start."""
        self._progress = progress
        self._seed = seed
        self._max_chunk = FIRST_CHUNK
        self.jit_compile = jit_compile
        if stops_early is None:
            stops_early = not tf.config.list_logical_devices("GPU")
        self._stops_early = stops_early
        self._in_sweep = False
        self._is_at_start = False
        self._num_read = 0  # batches of the current sweep
        self._ahead = np.empty(0)  # losses behind a bad one
        self.num_steps = 0
        self.num_steps_thrown_away = 0
        self.scoring: Scoring | None = None
        self._train = train  # an error names its batch size
        with self._explained_errors("training dataset"):
            self.step = KerasStep(
                model,
                rate,
                train.first,
                train.fresh_batches(),
                jit_compile=jit_compile,
                stops_early=stops_early,
            )
        graph = self.step.graph
        self._reseeds = graph is None or step_graph.draws_outside_variables(graph)
        if evaluation is not None and evaluation.num_replayed:
            with self._explained_errors("evaluation dataset"):
                first_step.check_evaluation(model, evaluation.first)
        generators = random_state.generator_variables()
        self.start = Snapshot([*state_variables(model), *generators])
        self._is_at_start = True  # the trace changed no variable
        self.serve(train, evaluation)

    def serve(self, train: Batches, evaluation: Batches | None) -> None:
        """Takes its batches from these data from now on.

        Args:
          train: Training batches of the type for which the step was traced.
          evaluation: Held-out batches; None if nothing is evaluated.
        """
        self._train = train
        self._iterator = train.fresh_batches()
        self.scoring = None
        if evaluation is not None and evaluation.num_replayed:
            self.start.restore()
            with self._explained_errors("evaluation dataset"):
                self.scoring = Scoring(self.step, evaluation, train)
            self.start.restore()

    def begin_sweep(self) -> None:
        """Goes back to the start; the next batches are ones no sweep has had."""
        self._go_to_start()
        self._iterator = self._train.fresh_batches()
        self._in_sweep = True

    def begin_candidate(self) -> None:
        """Goes back to the start and to the first of the candidates' batches."""
        self._go_to_start()
        self._iterator = self._train.replayed_batches()

    def _go_to_start(self) -> None:
        if self._in_sweep:
            self._read(-self._num_read % self._unit)
        self._in_sweep = False
        self._num_read = 0
        self.num_steps_thrown_away += len(self._ahead)
        self._ahead = np.empty(0)
        if not self._is_at_start:
            self.start.restore()
            self._is_at_start = True
        if self._reseeds:
            # Also restarts the generators inside compiled kernels.
            tf.random.set_seed(self._seed)

    @property
    def _unit(self) -> int:
        return 1 if self._stops_early else GPU_CHUNK

    def skip(self, num_steps: int) -> None:
        """Skips the batches that a sweep of `num_steps` steps reads."""
        self._read(num_steps + -num_steps % self._unit)

    def _read(self, num_batches: int) -> None:
        with self._explained_errors("training dataset"):
            for _ in range(num_batches):
                next(self._iterator)

    def train(
        self, learning_rates: FloatArray, stop_above: float = np.inf
    ) -> FloatArray:
        """Trains one batch at each rate of a chunk; see `TrainingLoop.train`."""
        losses = self._ahead
        if not len(losses):
            losses = self._run_chunk(learning_rates, stop_above)
        good = np.isfinite(losses) & (losses <= stop_above)
        end = len(losses) if good.all() else int(np.argmin(good)) + 1
        losses, self._ahead = np.split(losses, [end])
        if self._progress is not None:
            self._progress.update(learning_rates[: len(losses)], losses)
        return losses

    def _run_chunk(self, learning_rates: FloatArray, stop_above: float) -> FloatArray:
        """Returns the losses of a new chunk, on a GPU also those behind a bad one."""
        size = self._max_chunk
        if self._in_sweep and not self._stops_early:
            size = min(size, GPU_CHUNK)
        rates = tf.constant(learning_rates[:size], tf.float32)
        limit = tf.constant(stop_above, tf.float32)
        self._is_at_start = False
        began = time.monotonic()
        with self._explained_errors("training dataset"):
            losses = np.asarray(self.step.run(self._iterator, rates, limit), np.float64)
        self._adapt(time.monotonic() - began)
        self.num_steps += len(losses)
        self._num_read += len(losses)
        return losses

    def _adapt(self, seconds: float) -> None:
        """Makes a chunk last about two seconds, however long a step takes."""
        if seconds < CHUNK_SECONDS / 2:
            self._max_chunk *= 2
        elif seconds > 2 * CHUNK_SECONDS:
            self._max_chunk = max(1, self._max_chunk // 2)

    @property
    def num_scores(self) -> int:
        """The number of scores that `evaluate` returns for each unit."""
        return 1 if self.scoring is None else self.scoring.num_scores

    def evaluate(self) -> FloatArray:
        """Returns the scores of the held-out rows; see `TrainingLoop.evaluate`."""
        if self.scoring is None:
            return np.empty((1, 0))
        self._is_at_start = False
        with self._explained_errors("evaluation dataset"):
            return self.scoring.score()

    def restore(self) -> None:
        """Sets the model and its optimizer back to the start."""
        self.start.restore()

    @contextlib.contextmanager
    def _explained_errors(self, dataset: str) -> Iterator[None]:
        """Replaces errors of TensorFlow that a user can do something about."""
        try:
            yield
        except (tf.errors.OutOfRangeError, StopIteration) as error:
            raise checks.one_shot_error(dataset) from error
        except tf.errors.InvalidArgumentError as error:
            explained = checks.label_error(dataset, error)
            if explained is None:
                raise
            raise explained from error
        except tf.errors.OpError as error:
            if not checks.is_out_of_memory(error):
                raise
            devices = tf.config.list_logical_devices("GPU") or ["the CPU"]
            raise MemoryError(
                f"Out of memory on {devices[0]} at a batch size of "
                f"{self._train.batch_size}. Lower the batch size, or run LRFinder on "
                "the same device as the Trainer. Nothing was written."
            ) from error
