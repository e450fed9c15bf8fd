"""The global batch size of a `fit`, and what another one means for the rate."""

from typing import Any

import tensorflow as tf

from tfx_lr_finder.runtime.fit.fit_steps import num_train_rows
from tfx_lr_finder.runtime.fit.intercept import DEFAULT_BATCH_SIZE, FitCall
from tfx_lr_finder.runtime.loop.batches import batch_size
from tfx_lr_finder.runtime.loop.inputs import is_sequence

LINEAR = ("SGD",)
"""Optimizers whose update is proportional to the gradient."""


def known_batch_size(call: FitCall) -> int | None:
    """Returns the global batch size of a call of `fit` without reading data.

    None for a dataset whose batches have no fixed size, a `Sequence` or a generator.
    """
    x = call.arguments["x"]
    dataset = _dataset_of(x)
    if dataset is not None:
        parts = tf.nest.flatten(dataset.element_spec)
        shapes = [part.shape for part in parts if hasattr(part, "shape")]
        sizes = [shape[0] for shape in shapes if shape.rank]
        return sizes[0] if sizes else None
    num_rows = num_train_rows(call.arguments)
    if num_rows is None:
        return None
    return min(num_rows, int(call.arguments["batch_size"] or DEFAULT_BATCH_SIZE))


def read_batch_size(x: Any) -> int | None:
    """Returns the size of the first batch of the `x` of a `fit`.

    None if it is neither a dataset nor a `Sequence`, or cannot be read.
    """
    dataset = _dataset_of(x)
    try:
        if dataset is not None:
            return batch_size(next(iter(dataset.take(1))))
        if is_sequence(x):
            return batch_size(tf.nest.map_structure(tf.convert_to_tensor, x[0]))
    except Exception:  # the data are the user's, and may be used up
        return None
    return None


def _dataset_of(x: Any) -> tf.data.Dataset | None:
    """Returns the dataset behind the `x` of a `fit`, distributed or not; or None."""
    dataset = getattr(x, "_original_dataset", x)
    return dataset if isinstance(dataset, tf.data.Dataset) else None


def scaling_advice(tested: int, trained: int, optimizer: str) -> str:
    """Returns what is known about the rate for another batch size, as a sentence.

    Args:
      tested: Global batch size of the range test.
      trained: Global batch size of the training.
      optimizer: Class name of the optimizer.

    References:
      P. Goyal et al., "Accurate, Large Minibatch SGD", arXiv:1706.02677, section 2.1
      (linear); S. Malladi et al., "On the SDEs and Scaling Rules for Adaptive Gradient
      Algorithms", arXiv:2205.10287 (square root).
    """
    ratio = trained / tested
    linear = optimizer in LINEAR
    rule = "linearly" if linear else "with the square root of the batch size"
    factor = ratio if linear else ratio**0.5
    return (
        f"With {optimizer}, the learning rate usually scales {rule}, here by the "
        f"factor {factor:.3g}. Run LRFinder with the batch size and the number of "
        "replicas of the Trainer, or scale the rate in run_fn."
    )
