"""Everything that the losses of a range test depend on, as one digest of each part."""

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator
from typing import Any

import tensorflow as tf

from tfx_lr_finder.runtime.checkpoint.plan import CheckpointPlan
from tfx_lr_finder.runtime.loop import step_graph
from tfx_lr_finder.runtime.loop.batches import Batches
from tfx_lr_finder.runtime.loop.trainer_loop import TrainerLoop

_COUNTS = ("gpu_memory_peak_bytes", "num_steps_run", "num_steps_resumed", "num_traces")
"""Facts that describe a run, not what it runs on."""


def fingerprint(
    arguments: dict[str, Any],
    loop: TrainerLoop,
    train: Batches,
    held_out: Batches | None,
    environment: dict[str, Any],
    plan: CheckpointPlan,
) -> dict[str, str]:
    """Returns digests that are equal in two processes only if their tests are.

    The digest of the data covers the batches that candidates train on and are scored
    on, if they are in memory. A dataset whose order differs between processes therefore
    gives another digest, so that no result mixes two orders.

    Args:
      arguments: The configuration and all other arguments of the test.
      loop: Holds the start of every phase, and the traced step.
      train: Training batches.
      held_out: Held-out batches; None if nothing is evaluated.
      environment: Versions, device, strategy, optimizer.
      plan: Identifies the data, and code outside the traced step.

    Returns:
      A SHA-256 in hexadecimal for each of "config", "data", "environment", "inputs",
      "model" and "step".
    """
    facts = {name: value for name, value in environment.items() if name not in _COUNTS}
    sizes = [train.num_batches, train.batch_size, held_out and held_out.num_batches]
    contents = (_content(batches) for batches in (train, held_out) if batches)
    data = itertools.chain([repr(sizes).encode()], *contents)
    graph = loop.step.graph
    return {
        "config": _digest([repr(sorted(arguments.items())).encode()]),
        "data": _digest(data),
        "environment": _digest([json.dumps(facts, sort_keys=True).encode()]),
        "inputs": _digest([plan.inputs.encode()]),
        "model": _digest(
            itertools.chain.from_iterable(map(_tensors, loop.start.values))
        ),
        "step": "eager" if graph is None else step_graph.digest(graph),
    }


def _digest(parts: Iterable[bytes]) -> str:
    result = hashlib.sha256()
    for part in parts:
        result.update(len(part).to_bytes(8, "little"))
        result.update(part)
    return result.hexdigest()


def _content(batches: Batches) -> Iterator[bytes]:
    """Yields the first batch, and the replayed ones if they are in memory."""
    yield from _tensors(batches.first)
    if batches.num_cached:
        replayed = batches.replayed_batches()
        for batch in itertools.islice(replayed, batches.num_cached):
            yield from _tensors(batch)


def _tensors(structure: Any) -> Iterator[bytes]:
    """Yields type, shape and content of every tensor, distributed ones as well."""
    for item in tf.nest.flatten(structure, expand_composites=True):
        for part in getattr(item, "values", None) or [item]:
            tensor = tf.convert_to_tensor(part)
            array = tensor.numpy()
            is_text = tensor.dtype == tf.string
            yield f"{tensor.dtype.name} {array.shape}".encode()
            yield repr(array.tolist()).encode() if is_text else array.tobytes()
