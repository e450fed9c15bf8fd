"""The range test of a Keras model as one function call."""

import contextlib
import dataclasses
import functools
import itertools
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.confirmation import most_candidate_steps
from tfx_lr_finder.range_test.finder import run_range_test
from tfx_lr_finder.range_test.report import LRFinderReport, Verdict
from tfx_lr_finder.runtime.checkpoint.fingerprint import fingerprint
from tfx_lr_finder.runtime.checkpoint.plan import CheckpointPlan
from tfx_lr_finder.runtime.checkpoint.resume import Checkpoint
from tfx_lr_finder.runtime.loop import gpus
from tfx_lr_finder.runtime.loop.batches import Batches, batch_size
from tfx_lr_finder.runtime.loop.environment import describe
from tfx_lr_finder.runtime.loop.optimizers import (
    inner_optimizer,
    refuse_several_optimizers,
    swept_learning_rate,
)
from tfx_lr_finder.runtime.loop.progress import Progress
from tfx_lr_finder.runtime.loop.trainer_loop import TrainerLoop


def find_learning_rate(
    model: Any,
    train_dataset: tf.data.Dataset,
    eval_dataset: tf.data.Dataset | None = None,
    *,
    config: RangeTestConfig | None = None,
    num_train_examples: int | None = None,
    earlier: LRFinderReport | None = None,
    checkpoint: CheckpointPlan | None = None,
    **knobs: Any,
) -> LRFinderReport:
    """Returns the learning rate that a range test finds, and what it rests on.

    Model, optimizer and random state are as before when it returns or raises.

    Args:
      model: A compiled Keras model (Keras 3 or tf_keras), or a function of no arguments
        that builds one.
      train_dataset: Batches `(x, y)` or `(x, y, sample_weight)`, as `fit` takes them;
        repeated as often as needed.
      eval_dataset: Held-out batches, on which candidates are compared. Without it the
        first training batches are held out; a data set that shuffles its rows anew at
        each pass mixes them in again.
      config: What to sweep, confirm and spend; or leave it out and pass its fields.
      num_train_examples: Examples in one pass over the training data, where the dataset
        repeats and cannot tell; tells a small data set from a large one.
      earlier: The report of an earlier test of this model that was OK. Its rate is
        tried among the others, if it is of the same optimizer.
      checkpoint: Where to save the test as it goes, and to look for one that was
        killed; the caller deletes it at the end, by `checkpoint.remove()`.
      **knobs: Any field of `RangeTestConfig`: `min_lr`, `max_lr`, `num_rates`,
        `num_sweeps`, `confirm_steps`, `rule`, `train_steps`, `schedule`, `seed`, ...

    Returns:
      The report; `learning_rate` is None if the verdict is INCONCLUSIVE.

    Raises:
      ValueError: A knob is out of its range, the model is not compiled, or the data
        are not batches.

    References:
      L. N. Smith, "Cyclical Learning Rates for Training Neural Networks",
      arXiv:1506.01186, section 3.3.
    """
    config = _config(config, knobs)
    with _random_state(config.seed):
        model = _compiled(model)
        strategy = model.distribute_strategy
        if eval_dataset is None:
            train_dataset, eval_dataset = _hold_out(train_dataset, config)
        confirms = config.confirm_steps != 0
        train = Batches(
            train_dataset,
            strategy,
            "train_dataset",
            num_train_examples,
            num_kept=most_candidate_steps(config) if confirms else 0,
        )
        num_eval_batches = _num_eval_batches(eval_dataset, config) if confirms else 0
        held_out = Batches(
            eval_dataset, strategy, "eval_dataset", num_kept=num_eval_batches
        )
        _tell_of_repeats(train, config)
        gpus.reset_memory_peak()
        with (
            swept_learning_rate(model.optimizer, strategy) as rate,
            Progress(config.budget) as progress,
        ):
            loop = TrainerLoop(
                model,
                rate,
                train,
                held_out,
                num_eval_batches=num_eval_batches,
                jit_compile=config.jit_compile == "on",
                progress=progress,
                seed=config.seed,
            )
            rate_before = _earlier_rate(earlier, model)
            run = functools.partial(
                run_range_test,
                config=config,
                clock=time.monotonic,
                num_train_batches=train.num_batches,
                earlier_rate=rate_before,
            )
            facts: dict[str, int] = {}
            try:
                if checkpoint is None:
                    report = run(loop)
                else:
                    known = describe(model, train, rate, loop)
                    asked = {"config": config, "earlier_rate": rate_before}
                    saved = Checkpoint(
                        checkpoint,
                        fingerprint(asked, loop, train, held_out, known, checkpoint),
                    )
                    report = saved.run(run, loop)
                    facts["num_steps_resumed"] = saved.num_steps_resumed
            finally:
                loop.restore()
            environment = describe(model, train, rate, loop) | facts
    return dataclasses.replace(report, environment=environment)


def _config(config: RangeTestConfig | None, knobs: dict[str, Any]) -> RangeTestConfig:
    if config is not None and knobs:
        raise ValueError(
            f"Pass config or its fields, not both: got config and {sorted(knobs)}."
        )
    unknown = set(knobs) - {field.name for field in dataclasses.fields(RangeTestConfig)}
    if unknown:
        raise ValueError(
            f"Unknown knobs {sorted(unknown)}. The knobs are the fields of "
            "RangeTestConfig."
        )
    return config or RangeTestConfig(**knobs)


def _compiled(model: Any | Callable[[], Any]) -> Any:
    """Returns the compiled model that was passed, or that the function builds."""
    if not hasattr(model, "fit") and callable(model):
        model = model()
    if not hasattr(model, "train_step"):
        raise ValueError(
            f"model must be a compiled Keras model or a function that builds one, got "
            f"{type(model).__name__}."
        )
    if getattr(model, "optimizer", None) is None:
        raise ValueError(
            "The model is not compiled. Call model.compile(optimizer=..., loss=...) "
            "before handing it over."
        )
    refuse_several_optimizers(model)
    return model


def _earlier_rate(earlier: LRFinderReport | None, model: Any) -> float | None:
    """Returns the rate for constant training of an earlier OK report, or None."""
    if earlier is None or earlier.verdict is not Verdict.OK:
        return None
    now = type(inner_optimizer(model.optimizer)).__name__
    if earlier.environment.get("optimizer") != now:
        return None
    rate = earlier.learning_rates_by_schedule.get("constant")
    logging.info("LRFinder: the earlier rate %r is tried among the others", rate)
    return rate


def _tell_of_repeats(train: Batches, config: RangeTestConfig) -> None:
    steps = config.resolved_num_rates * config.steps_per_rate
    if train.num_batches is not None and train.num_batches < steps:
        logging.warning(
            "LRFinder: the training data have %d batches, a sweep takes %d steps: they "
            "are repeated.",
            train.num_batches,
            steps,
        )


def _hold_out(
    dataset: Any, config: RangeTestConfig
) -> tuple[tf.data.Dataset, tf.data.Dataset]:
    """Returns the training batches without the first ones, and those."""
    if not isinstance(dataset, tf.data.Dataset):
        return dataset, dataset  # refused by name where it is read
    num_batches = int(dataset.cardinality())
    if 0 <= num_batches < 2:
        return dataset, dataset
    num_held_out = config.num_eval_batches
    if num_batches > 0:
        num_held_out = max(1, min(num_held_out, num_batches // 5))
    return dataset.skip(num_held_out), dataset.take(num_held_out)


def _num_eval_batches(dataset: Any, config: RangeTestConfig) -> int:
    """Returns how many batches to score: no more than there are, and full ones.

    A last batch of a few rows weighs as much as any other and is far noisier.
    """
    if not isinstance(dataset, tf.data.Dataset):
        return 1  # refused by name where it is read
    sizes = [batch_size(batch) for batch in dataset.take(config.num_eval_batches)]
    full = itertools.takewhile(lambda size: size == sizes[0], sizes)
    return max(1, len(list(full)))


@contextlib.contextmanager
def _random_state(seed: int) -> Iterator[None]:
    """Seeds Python, numpy and TensorFlow, and puts their states back after."""
    context = _eager_context()
    python_state, numpy_state = random.getstate(), np.random.get_state()
    tensorflow_state = {
        name: getattr(context, name)
        for name in ("_seed", "_rng")
        if hasattr(context, name)
    }
    random.seed(seed)
    np.random.seed(seed)
    tf.random.set_seed(seed)
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        for name in ("_seed", "_rng"):
            if name in tensorflow_state:
                setattr(context, name, tensorflow_state[name])
            elif hasattr(context, name):  # TensorFlow had never been seeded
                delattr(context, name)


def _eager_context() -> Any:
    """Returns TensorFlow's context, where its global seed lives (no public reader)."""
    from tensorflow.python.eager import context

    return context.context()
