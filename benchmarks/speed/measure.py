"""The work of one process: times of all contestants, or the memory of one."""

import dataclasses
import gc
import importlib
import logging
import os
import resource
import statistics
import time
from typing import Any

import numpy as np

from benchmarks.speed.plan import (
    EVERYBODY,
    MEMORY_ONLY,
    MEMORY_ONLY_STEPS,
    SWEEP_STEPS,
    Plan,
)

SAME_LOSS = 1e-3
ALL_ROUNDS = 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class Timing:
    """One sweep on a fresh model, tracing and all.

    Attributes:
      keras: Name of the Keras package.
      model: Name of the model.
      steps: Steps taken.
      contestant: Who.
      repeat: Which repeat; those of one repeat ran one after the other.
      seconds: Wall time.
      first_step: Seconds to the first loss, None if no single step shows.
      traces: Of the training step, None if not counted.
    """

    keras: str
    model: str
    steps: int
    contestant: str
    repeat: int
    seconds: float
    first_step: float | None
    traces: int | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Steady:
    """Steps after everything was traced.

    Attributes:
      keras: Name of the Keras package.
      model: Name of the model.
      contestant: Who.
      steps: Steps of each round.
      seconds_per_step: One value a round, rounds interleaved with the others'.
      host_share: The part of ours outside compiled calls, median; None for others.
    """

    keras: str
    model: str
    contestant: str
    steps: int
    seconds_per_step: list[float]
    host_share: float | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Memory:
    """The memory of one contestant in a process of its own.

    Attributes:
      keras: Name of the Keras package.
      model: Name of the model.
      contestant: Who.
      before: Bytes at most before its first step: TensorFlow, model and data.
      peak: Bytes at most.
    """

    keras: str
    model: str
    contestant: str
    before: int
    peak: int


def measure_times(
    keras_name: str, plan: Plan
) -> tuple[dict[str, float], list[Timing], list[Steady]]:
    """Returns the seconds of the first calls in this process, the times, the steps.

    Args:
      keras_name: keras or tf_keras.
      plan: What to measure.
    """
    keras = _prepare_process(keras_name)
    first_calls = {}
    for name in ("ours", "fit", "article", "callback", "bare"):
        first_calls[name] = _sweep(keras, "mlp", name, 30)[0]
    timings, steady = [], []
    for model in plan.models:
        began = time.perf_counter()
        _check_same_losses(keras, model)
        for steps in plan.steps():
            timings += _time(keras_name, keras, model, steps, plan)
        steady += _time_steady(keras_name, keras, model, plan)
        seconds = time.perf_counter() - began
        print(f"timed {keras_name} {model}, {seconds:.0f} s", flush=True)
    return first_calls, timings, steady


def measure_memory(keras_name: str, model: str, contestant: str) -> Memory:
    """Returns the memory of one sweep; to be called in a fresh process.

    Args:
      keras_name: keras or tf_keras.
      model: Name of the model.
      contestant: Who.
    """
    keras = _prepare_process(keras_name)
    who = _contestant(keras, model, contestant)
    before = _peak_bytes()
    who.run(MEMORY_ONLY_STEPS if model in MEMORY_ONLY else SWEEP_STEPS)
    return Memory(
        keras=keras_name,
        model=model,
        contestant=contestant,
        before=before,
        peak=_peak_bytes(),
    )


def _prepare_process(keras_name: str) -> Any:
    """Quiets TensorFlow, keeps it off accelerators, returns the Keras package."""
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from absl import logging as absl_logging

    absl_logging.set_verbosity(absl_logging.ERROR)
    logging.getLogger("tensorflow").setLevel("ERROR")
    return importlib.import_module(keras_name)


def _contestant(keras: Any, model: str, name: str) -> Any:
    from benchmarks.speed.contestants import CONTESTANTS
    from benchmarks.speed.problems import PROBLEMS

    problem = PROBLEMS[model]
    return CONTESTANTS[name](keras, problem.model(keras), problem.dataset())


def _sweep(keras: Any, model: str, name: str, steps: int) -> tuple[float, Any, Any]:
    """Returns seconds, contestant and losses of a sweep on a fresh model."""
    who = _contestant(keras, model, name)
    _forget_rubbish()
    began = time.perf_counter()
    losses = who.run(steps)
    return time.perf_counter() - began, who, losses


def _forget_rubbish() -> None:
    """Spares who comes next the collection of what others left behind."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _check_same_losses(keras: Any, model: str) -> None:
    """Raises unless ours trains as the article's loop does."""
    from benchmarks.speed.problems import PROBLEMS

    if not PROBLEMS[model].deterministic:
        return
    _, _, theirs = _sweep(keras, model, "article", 20)
    _, _, ours = _sweep(keras, model, "ours", 20)
    apart = float(np.max(np.abs(theirs - ours)))
    if apart > SAME_LOSS * float(np.max(np.abs(theirs))):
        raise ValueError(
            f"Article and ours differ by {apart} in loss on {model}: they do not train "
            "alike, and their times cannot be compared. Fix benchmarks/speed."
        )


def _time(
    keras_name: str, keras: Any, model: str, steps: int, plan: Plan
) -> list[Timing]:
    """Returns the times of everybody, the contestants taking turns."""
    times = {name: plan.times(model, steps, name) for name in EVERYBODY}
    timings = []
    for repeat in range(max(times.values())):
        turn = [name for name in EVERYBODY if repeat < times[name]]
        for name in turn if repeat % 2 else reversed(turn):
            seconds, who, _ = _sweep(keras, model, name, steps)
            timings.append(
                Timing(
                    keras=keras_name,
                    model=model,
                    steps=steps,
                    contestant=name,
                    repeat=repeat,
                    seconds=seconds,
                    first_step=who.first_step,
                    traces=getattr(who, "num_traces", None),
                )
            )
    return timings


def _time_steady(keras_name: str, keras: Any, model: str, plan: Plan) -> list[Steady]:
    """Returns the seconds per step of everybody, traced before, in turns."""
    people = {name: _contestant(keras, model, name) for name in EVERYBODY}
    steps = {name: plan.steady_steps(model, name) for name in EVERYBODY}
    for name, who in people.items():
        who.run(steps[name])
        who.prepare_again(steps[name])
    rounds: dict[str, list[float]] = {name: [] for name in EVERYBODY}
    shares: list[float] = []
    turn = 0
    _forget_rubbish()
    began = time.perf_counter()
    while turn < ALL_ROUNDS + 5 or time.perf_counter() - began < plan.steady_seconds():
        everybody = EVERYBODY if turn < ALL_ROUNDS else ("bare", "ours")
        for name in everybody if turn % 2 else reversed(everybody):
            rounds[name].append(people[name].again(steps[name]) / steps[name])
        shares.append(people["ours"].host_share)
        turn += 1
        if turn == ALL_ROUNDS:
            began = time.perf_counter()
    return [
        Steady(
            keras=keras_name,
            model=model,
            contestant=name,
            steps=steps[name],
            seconds_per_step=rounds[name],
            host_share=statistics.median(shares) if name == "ours" else None,
        )
        for name in EVERYBODY
    ]


def _peak_bytes() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
