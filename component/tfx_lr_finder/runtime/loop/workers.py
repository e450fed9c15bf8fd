"""Refuses a test in several processes, in each of which Keras would train a part."""

import json
import os
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

_TRAINING_TASKS = ("chief", "master", "worker", "ps")
_STRATEGIES = ("MultiWorkerMirroredStrategy", "ParameterServerStrategy")
"""The public names; the classes have other names of their own."""


def refuse_cluster(environment: Mapping[str, str] = os.environ) -> None:
    """Refuses a process that is one of several, before a strategy waits for the others.

    Args:
      environment: Holds `TF_CONFIG`, which Vertex AI and Kubeflow's training operator
        set in each process of a job with several workers.

    Raises:
      ValueError: `TF_CONFIG` names more than one process that trains.
    """
    try:
        cluster = json.loads(environment.get("TF_CONFIG") or "{}").get("cluster") or {}
    except (AttributeError, ValueError):
        return  # TensorFlow reports it if anything reads it
    _refuse(cluster, "TF_CONFIG names")


def refuse_several_workers(strategy: Any) -> None:
    """Refuses a model of a strategy that trains with several processes.

    Args:
      strategy: The tf.distribute strategy of the model. A
        `MultiWorkerMirroredStrategy` of one process passes.

    Raises:
      ValueError: The strategy has more than one process.
    """
    resolver = getattr(strategy, "cluster_resolver", None)
    if resolver is None:
        return
    for name in _STRATEGIES:
        if isinstance(strategy, getattr(tf.distribute, name)):
            _refuse(resolver.cluster_spec().as_dict(), f"the model's {name} has")


def _refuse(cluster: Mapping[str, Any], who: str) -> None:
    counts = {task: len(cluster.get(task, ())) for task in _TRAINING_TASKS}
    if sum(counts.values()) <= 1:
        return
    tasks = ", ".join(f"{count} {task}" for task, count in counts.items() if count)
    raise ValueError(
        f"LRFinder trains in one process, and {who} {sum(counts.values())} ({tasks}). "
        "Run LRFinder alone, on one machine with one or more GPUs (MirroredStrategy "
        "uses all of them) and with the global batch size of the Trainer. No test has "
        "compared that rate with one of several workers."
    )
