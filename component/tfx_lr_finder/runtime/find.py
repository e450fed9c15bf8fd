"""The range test of a Keras model in one function call."""

import dataclasses
import difflib
import functools
import time
from collections.abc import Sequence
from typing import Any

from absl import logging

from tfx_lr_finder.lineage.previous import reason_to_skip
from tfx_lr_finder.range_test.config import PARAMETER_TYPES, RangeTestConfig
from tfx_lr_finder.range_test.confirmation import most_candidate_steps
from tfx_lr_finder.range_test.finder import run_range_test
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.runtime.checkpoint.fingerprint import fingerprint
from tfx_lr_finder.runtime.checkpoint.plan import CheckpointPlan
from tfx_lr_finder.runtime.checkpoint.resume import Checkpoint
from tfx_lr_finder.runtime.loop import gpus, random_state
from tfx_lr_finder.runtime.loop.batches import Batches
from tfx_lr_finder.runtime.loop.checks import (
    build_model,
    check_model,
    check_model_and_data,
    is_model_function,
)
from tfx_lr_finder.runtime.loop.environment import describe
from tfx_lr_finder.runtime.loop.inputs import (
    as_dataset,
    check_batch_size,
    most_batches,
)
from tfx_lr_finder.runtime.loop.optimizers import (
    inner_optimizer,
    refuse_several_optimizers,
    swept_learning_rate,
)
from tfx_lr_finder.runtime.loop.progress import Progress
from tfx_lr_finder.runtime.loop.split_rows import split_rows
from tfx_lr_finder.runtime.loop.trainer_loop import TrainerLoop
from tfx_lr_finder.runtime.loop.workers import refuse_several_workers


def find_learning_rate(
    model: Any,
    train_dataset: Any,
    eval_dataset: Any = None,
    *,
    batch_size: int | None = None,
    config: RangeTestConfig | None = None,
    num_train_examples: int | None = None,
    previous: Sequence[LRFinderReport] = (),
    checkpoint: CheckpointPlan | None = None,
    **parameters: Any,
) -> LRFinderReport:
    """Returns the report of a range test: the learning rate and its evidence.

    The function restores the model, its optimizer and all random state, even if it
    raises.

    Args:
      model: A compiled Keras model (Keras 3 or tf_keras), or a function without
        arguments that builds one.
      train_dataset: The data as `fit` takes them: a `tf.data.Dataset` of batches
        `(x, y)` or `(x, y, sample_weight)`; a tuple of arrays, `(x, y)` or
        `(x, y, sample_weight)`, in which x may be a list or a dict of arrays; a
        `keras.utils.PyDataset` or `Sequence`; or a generator of batches. The test
        repeats the batches as often as it needs. It reads a generator once into
        memory, at most the batches that the budget allows and 1 GiB.
      eval_dataset: Held-out data in one of these forms, on which candidates are
        compared. Without it, about every fifth training row is held out.
      batch_size: Rows in a batch of arrays, 32 by default. Pass what `fit` gets: the
        rate depends on it.
      config: The range test. Alternatively pass its fields as keyword arguments.
      num_train_examples: Number of training examples, for a dataset that repeats and
        whose size is therefore unknown. It shows how often the test, and the Trainer,
        train on the same example.
      previous: Reports of previous tests of this model, the newest first. The test also
        tries the rate of the first that is OK and of the same optimizer.
      checkpoint: Where to save checkpoints and to look for one of a killed test. The
        caller deletes it at the end with `checkpoint.remove()`.
      **parameters: Fields of `RangeTestConfig`: `min_lr`, `max_lr`, `num_rates`,
        `num_sweeps`, `confirm_steps`, `rule`, `train_steps`, `schedule`, `seed`, ...

    Returns:
      The report; `learning_rate` is None if the verdict is INCONCLUSIVE. Its `seconds`
      add up to the wall time of the call.

    Raises:
      ValueError: A parameter is out of its range, the model is not compiled or trains
        with several workers, or the data cannot be used.
      RuntimeError: Another test is running in this process.

    References:
      L. N. Smith, "Cyclical Learning Rates for Training Neural Networks",
      arXiv:1506.01186, section 3.3.
    """
    config = _config(config, parameters)
    began = time.monotonic()
    gpus.grow_memory()
    with random_state.seeded(config.seed):
        model = build_model(model) if is_model_function(model) else model
        check_model(model)
        train_dataset, eval_dataset = _as_datasets(
            model, train_dataset, eval_dataset, batch_size, config
        )
        check_model_and_data(model, train_dataset, eval_dataset, num_train_examples)
        refuse_several_optimizers(model)
        strategy = model.distribute_strategy
        refuse_several_workers(strategy)
        train, held_out = make_batches(
            train_dataset, eval_dataset, strategy, config, num_train_examples
        )
        read = time.monotonic()
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
                jit_compile=config.jit_compile == "on",
                progress=progress,
                seed=config.seed,
            )
            previous_rate = _previous_rate(previous, model)
            test = functools.partial(
                run_range_test,
                config=config,
                clock=time.monotonic,
                num_train_batches=train.num_batches,
                previous_rate=previous_rate,
                held_out=loop.scoring.held_out if loop.scoring else None,
            )
            saved = None
            if checkpoint is not None:
                facts = describe(model, train, rate, loop)
                asked = {"config": config, "previous_rate": previous_rate}
                digests = fingerprint(asked, loop, train, held_out, facts, checkpoint)
                saved = Checkpoint(checkpoint, digests)
            traced = time.monotonic()
            try:
                report = test(loop) if saved is None else saved.run(test, loop)
            finally:
                loop.restore()
            facts = describe(model, train, rate, loop)
            if saved is not None:
                facts["num_steps_resumed"] = saved.num_steps_resumed
    seconds = {"reading": read - began, "tracing": traced - read, **report.seconds}
    rest = time.monotonic() - began - sum(seconds.values())
    seconds["restoring"] = max(0.0, rest)
    return dataclasses.replace(report, environment=facts, seconds=seconds)


def _config(
    config: RangeTestConfig | None, parameters: dict[str, Any]
) -> RangeTestConfig:
    if config is not None and parameters:
        raise ValueError(
            f"Pass config or its fields, not both: got config and {sorted(parameters)}."
        )
    unknown = set(parameters) - set(PARAMETER_TYPES)
    if unknown:
        names = ", ".join(map(_with_nearest, sorted(unknown)))
        raise ValueError(
            f"Unknown parameters: {names}. The parameters are "
            f"{', '.join(PARAMETER_TYPES)}."
        )
    return config or RangeTestConfig(**parameters)


def _with_nearest(name: str) -> str:
    """Returns an unknown name with the nearest parameter: "lr_min (min_lr?)"."""

    def sorted_words(text: str) -> str:
        return "_".join(sorted(text.lower().split("_")))

    by_words = {sorted_words(known): known for known in PARAMETER_TYPES}
    near = difflib.get_close_matches(sorted_words(name), by_words, n=1, cutoff=0.7)
    near = [by_words[words] for words in near]
    near += difflib.get_close_matches(name.lower(), PARAMETER_TYPES, n=1, cutoff=0.7)
    return f"{name} ({near[0]}?)" if near else name


def _as_datasets(
    model: Any,
    train_dataset: Any,
    eval_dataset: Any,
    batch_size: int | None,
    config: RangeTestConfig,
) -> tuple[Any, Any]:
    """Returns the training and the evaluation data as datasets of batches."""
    check_batch_size(batch_size, train_dataset)
    convert = functools.partial(as_dataset, model=model, batch_size=batch_size)
    train = convert(
        train_dataset,
        "training dataset",
        max_batches=most_batches(config),
        seed=config.seed,
        reshuffle=eval_dataset is not None,
    )
    if eval_dataset is None:
        return train, None
    most = config.num_eval_batches
    return train, convert(eval_dataset, "evaluation dataset", max_batches=most)


def _previous_rate(previous: Sequence[LRFinderReport], model: Any) -> float | None:
    """Returns the rate for a constant schedule of the newest usable previous report."""
    optimizer = type(inner_optimizer(model.optimizer)).__name__
    for report in previous:
        if reason_to_skip(report, optimizer, "constant") is None:
            rate = report.learning_rates_by_schedule["constant"]
            logging.info("LRFinder: the test also tries the previous rate %r", rate)
            return rate
    return None


def make_batches(
    train_dataset: Any,
    eval_dataset: Any,
    strategy: Any,
    config: RangeTestConfig,
    num_train_examples: int | None,
) -> tuple[Batches, Batches | None]:
    """Returns the training batches, and the held-out ones if candidates are compared.

    Args:
      train_dataset: Batches of training data.
      eval_dataset: Held-out batches. Without them, training rows are held out.
      strategy: The tf.distribute strategy of the model.
      config: Says how many batches are needed.
      num_train_examples: Rows of one pass over the training data; None if unknown.
    """
    confirms = config.confirm_steps != 0
    if eval_dataset is None and confirms:
        train_dataset, eval_dataset, num_train_examples = split_rows(
            train_dataset, num_train_examples
        )
    train = Batches(
        train_dataset,
        strategy,
        "training dataset",
        num_train_examples,
        num_replayed=most_candidate_steps(config) if confirms else 0,
    )
    held_out = None
    if confirms:
        held_out = Batches(
            eval_dataset,
            strategy,
            "evaluation dataset",
            num_replayed=config.num_eval_batches,
            read_once=True,
        )
    num_steps = config.resolved_num_rates * config.steps_per_rate
    if train.num_batches is not None and train.num_batches < num_steps:
        logging.warning(
            "LRFinder: the training data have %d batches and a sweep takes %d steps, "
            "so the batches are repeated.",
            train.num_batches,
            num_steps,
        )
    return train, held_out
