"""What the losses of a range test depend on, as one digest of each part."""

import hashlib
import json
from typing import Any

import tensorflow as tf

from tfx_lr_finder.runtime.checkpoint import graphs
from tfx_lr_finder.runtime.checkpoint.plan import CheckpointPlan
from tfx_lr_finder.runtime.loop.batches import Batches
from tfx_lr_finder.runtime.loop.trainer_loop import TrainerLoop


def fingerprint(
    asked: dict[str, Any],
    loop: TrainerLoop,
    train: Batches,
    held_out: Batches,
    environment: dict[str, Any],
    plan: CheckpointPlan,
) -> dict[str, str]:
    """Returns digests: the same in two processes only if their tests are the same.

    Args:
      asked: The configuration and whatever else the test is given.
      loop: Holds the start of every training, and the traced step.
      train: Training batches; the first one is looked at.
      held_out: Held-out batches; likewise.
      environment: Versions, device, strategy, optimizer.
      plan: Says where the data, and the code that is not traced, come from.

    Returns:
      A SHA-256 in hexadecimal for each of "config", "data", "inputs", "model",
      "environment" and "step".
    """
    facts = {name: value for name, value in environment.items() if name not in _COUNTS}
    numbers = [train.num_batches, train.batch_size, held_out.num_batches]
    first = [train.first, held_out.first]
    return {
        "config": _digest(repr(sorted(asked.items())).encode()),
        "data": _digest(repr(numbers).encode(), *_tensors(first)),
        "environment": _digest(json.dumps(facts, sort_keys=True).encode()),
        "inputs": _digest(plan.inputs.encode()),
        "model": _digest(*_tensors(loop.start.values)),
        "step": "eager" if loop.graph is None else graphs.digest(loop.graph),
    }


_COUNTS = (
    "gpu_memory_peak_bytes",
    "num_steps_run",
    "num_steps_resumed",
    "num_traces",
)
"""Facts about a run, not about what it runs on."""


def _digest(*parts: bytes) -> str:
    result = hashlib.sha256()
    for part in parts:
        result.update(len(part).to_bytes(8, "little"))
        result.update(part)
    return result.hexdigest()


def _tensors(structure: Any) -> list[bytes]:
    """Returns type, shape and content of every tensor, distributed ones as well."""
    parts: list[bytes] = []
    for item in tf.nest.flatten(structure, expand_composites=True):
        for part in getattr(item, "values", None) or [item]:
            tensor = tf.convert_to_tensor(part)
            array = tensor.numpy()
            is_text = tensor.dtype == tf.string
            content = repr(array.tolist()).encode() if is_text else array.tobytes()
            parts += [f"{tensor.dtype.name} {array.shape}".encode(), content]
    return parts
