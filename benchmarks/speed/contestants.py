"""Five ways to take N training steps; those that can, set a rate before each."""

import contextlib
import time
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.ladder import learning_rate_ladder
from tfx_lr_finder.range_test.sweep import run_sweep
from tfx_lr_finder.runtime.find import find_learning_rate
from tfx_lr_finder.runtime.loop.batches import Batches
from tfx_lr_finder.runtime.loop.optimizers import swept_learning_rate
from tfx_lr_finder.runtime.loop.trainer_loop import TrainerLoop

FloatArray = npt.NDArray[np.float64]
# In this range no model diverges, and noise cannot look as if: all take every step.
HARMLESS = {"min_lr": 1e-7, "max_lr": 1e-3, "divergence_factor": 1e9}


def sweep_config(num_steps: int) -> RangeTestConfig:
    """Returns the classic range test: one sweep, nothing confirmed."""
    return RangeTestConfig(
        num_rates=num_steps, num_sweeps=1, confirm_steps=0, **HARMLESS
    )


class Contestant:
    """A way to train.

    Args:
      keras: The package keras or tf_keras.
      model: A compiled model of that package.
      dataset: Batches, finite.

    Attributes:
      first_step: Seconds from the start of the first `run` to its first loss; None if
        it shows no single step.
    """

    def __init__(self, keras: Any, model: Any, dataset: tf.data.Dataset) -> None:
        """Does no work: everything after this is timed."""
        self._keras = keras
        self._model = model
        self._dataset = dataset
        self.first_step: float | None = None

    def run(self, num_steps: int) -> FloatArray:
        """Takes `num_steps` steps and returns their losses. The first call traces."""
        raise NotImplementedError

    def prepare_again(self, num_steps: int) -> None:
        """Gets ready for `again`, without being timed."""

    def again(self, num_steps: int) -> float:
        """Returns the seconds of `num_steps` more steps, after all tracing."""
        began = time.perf_counter()
        self.run(num_steps)
        return time.perf_counter() - began


class Article(Contestant):
    """The article's loop: everything eager, the loss fetched at each step."""

    def run(self, num_steps: int) -> FloatArray:
        """Takes the steps one by one."""
        model, optimizer = self._model, self._model.optimizer
        loss_function = self._keras.losses.get(model.loss)
        began = time.perf_counter()
        losses = []
        rates = learning_rate_ladder(sweep_config(num_steps))
        batches = self._dataset.repeat().take(num_steps)
        for rate, (x, y) in zip(rates, batches, strict=True):
            optimizer.learning_rate.assign(rate)
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(loss_function(y, model(x, training=True)))
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(
                zip(gradients, model.trainable_variables, strict=True)
            )
            losses.append(float(loss))
            if self.first_step is None:
                self.first_step = time.perf_counter() - began
        return np.array(losses)


class FitCallback(Contestant):
    """`fit` with a callback that sets the rate and reads the loss, a running mean."""

    def run(self, num_steps: int) -> FloatArray:
        """Fits one epoch of `num_steps` steps."""
        optimizer = self._model.optimizer
        rates = learning_rate_ladder(sweep_config(num_steps))
        losses: list[float] = []
        began = time.perf_counter()
        contestant = self

        class Finder(self._keras.callbacks.Callback):  # type: ignore[misc, name-defined]
            def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
                optimizer.learning_rate.assign(rates[batch])

            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                losses.append(float(logs["loss"]))
                if contestant.first_step is None:
                    contestant.first_step = time.perf_counter() - began

        _fit(self._model, self._dataset, num_steps, [Finder()])
        return np.array(losses)


class Fit(Contestant):
    """`fit` alone: no rate is set, no loss is read."""

    def run(self, num_steps: int) -> FloatArray:
        """Fits one epoch of `num_steps` steps and returns its mean loss."""
        history = _fit(self._model, self._dataset, num_steps, [])
        return np.array(history.history["loss"])


class BareLoop(Contestant):
    """The limit: forward, backward, update and a record of the loss, all compiled."""

    def __init__(self, keras: Any, model: Any, dataset: tf.data.Dataset) -> None:
        """Does no work."""
        super().__init__(keras, model, dataset)
        self._loop: Any = None
        self._iterator: Any = None

    def run(self, num_steps: int) -> FloatArray:
        """Takes the steps in one call."""
        if self._loop is None:
            self._model.optimizer.build(self._model.trainable_variables)
            dataset = self._dataset.repeat().prefetch(tf.data.AUTOTUNE)
            self._iterator = iter(dataset)
            self._loop = tf.function(self._steps, autograph=False)
        losses = self._loop(self._iterator, tf.constant(num_steps))
        return np.asarray(losses, np.float64)

    def _steps(self, iterator: Any, num_steps: tf.Tensor) -> tf.Tensor:
        model = self._model
        loss_function = self._keras.losses.get(model.loss)

        def step(i: Any, losses: Any) -> Any:
            x, y = next(iterator)
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(loss_function(y, model(x, training=True)))
            gradients = tape.gradient(loss, model.trainable_variables)
            model.optimizer.apply_gradients(
                zip(gradients, model.trainable_variables, strict=True)
            )
            return i + 1, losses.write(i, loss)

        losses = tf.TensorArray(tf.float32, size=num_steps, element_shape=())
        _, losses = tf.while_loop(
            lambda i, _: i < num_steps, step, (0, losses), parallel_iterations=1
        )
        return losses.stack()


class Ours(Contestant):
    """A whole call of `find_learning_rate`; again: its sweep on a loop in place.

    Attributes:
      num_traces: How often the training step was traced in a call.
      host_share: The part of the last sweep spent outside compiled calls.
    """

    def __init__(self, keras: Any, model: Any, dataset: tf.data.Dataset) -> None:
        """Does no work."""
        super().__init__(keras, model, dataset)
        self.num_traces = 0
        self.host_share = 0.0
        self._inside = 0.0
        self._loop: TrainerLoop | None = None
        self._rate = contextlib.ExitStack()

    def run(self, num_steps: int) -> FloatArray:
        """Runs the range test and writes its report, as text."""
        config = sweep_config(num_steps)
        # With data to evaluate on, none is held out: the batches are everybody's.
        report = find_learning_rate(
            self._model, self._dataset, self._dataset, config=config
        )
        report.to_json()
        self.num_traces = int(report.environment["num_traces"] or 0)
        return np.array(report.sweeps[0].losses)

    def prepare_again(self, num_steps: int) -> None:
        """Traces a loop and lets its chunks grow to their full length."""
        model = self._model
        strategy = model.distribute_strategy
        batches = Batches(self._dataset, strategy, "train_dataset")
        rate = self._rate.enter_context(swept_learning_rate(model.optimizer, strategy))
        self._loop = TrainerLoop(model, rate, batches, None)
        run = self._loop.step.run

        def timed(*arguments: Any) -> Any:
            began = time.perf_counter()
            losses = run(*arguments)
            self._inside += time.perf_counter() - began
            return losses

        self._loop.step.run = timed
        self.again(num_steps)

    def again(self, num_steps: int) -> float:
        """Sweeps once more."""
        if self._loop is None:
            raise ValueError("again() came before prepare_again(). Call that first.")
        config = sweep_config(num_steps)
        self._inside = 0.0
        began = time.perf_counter()
        sweep = run_sweep(self._loop, learning_rate_ladder(config), config)
        seconds = time.perf_counter() - began
        if sweep.num_steps != num_steps:
            raise ValueError(f"The sweep took {sweep.num_steps} of {num_steps} steps.")
        self.host_share = 1.0 - self._inside / seconds
        return seconds


def _fit(model: Any, dataset: Any, num_steps: int, callbacks: list[Any]) -> Any:
    return model.fit(
        dataset.repeat(),
        steps_per_epoch=num_steps,
        epochs=1,
        verbose=0,
        callbacks=callbacks,
    )


CONTESTANTS: dict[str, type[Contestant]] = {
    "article": Article,
    "callback": FitCallback,
    "fit": Fit,
    "bare": BareLoop,
    "ours": Ours,
}
