"""The work of one process: the truth of a task, and what finders find on it."""

import os
import time
from typing import Any


def prepare_process() -> None:
    """Gives this process one thread and no accelerator."""
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf
    from absl import logging

    logging.set_verbosity(logging.ERROR)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def measure_truth(name: str, cached: Any) -> tuple[str, Any, float]:
    """Returns the name, the truth (the cached one if it still holds), seconds."""
    from benchmarks.quality import truth
    from benchmarks.quality.tasks import TASKS

    began = time.monotonic()
    if cached is None or cached.fingerprint != TASKS[name].fingerprint():
        cached = truth.measure(TASKS[name])
    return name, cached, time.monotonic() - began


def find(
    name: str, finders: list[str], seeds: int, kept: dict[str, list[Any]]
) -> tuple[str, list[Any], float]:
    """Returns the cache's key, what the named finders find on the task, seconds."""
    from benchmarks.quality import cache
    from benchmarks.quality.contestants import CONTESTANTS, findings_on
    from benchmarks.quality.tasks import TASKS

    began = time.monotonic()
    chosen = [entry for entry in CONTESTANTS if entry.name in finders]
    task = TASKS[name]
    key = cache.key(task)
    findings = findings_on(task, chosen, range(seeds), kept.get(key, []))
    return key, findings, time.monotonic() - began
