"""The training steps that a call of `fit` will really take."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfx_lr_finder.runtime.fit.intercept import DEFAULT_BATCH_SIZE, FitCall
from tfx_lr_finder.runtime.loop.inputs import is_sequence, sequence_length


@dataclasses.dataclass(frozen=True, kw_only=True)
class FitSteps:
    """The training steps of a call of `fit`.

    Attributes:
      steps: Their number; None if it is unknown.
      source: Where the number comes from, for people.
    """

    steps: int | None
    source: str


UNKNOWN = FitSteps(steps=None, source="unknown")


def fit_steps(
    call: FitCall,
    steps_of_epoch: Callable[[], int | None] | None = None,
    *,
    is_sampled: bool = False,
) -> FitSteps:
    """Returns the steps that a call of `fit` will take if no callback stops it.

    A finite dataset may end before `steps_per_epoch` times `epochs` steps. tf_keras
    then stops the training. Keras 3 ends the epoch and starts the dataset again for
    the next one.

    Args:
      call: The call.
      steps_of_epoch: Returns the batches of one pass over a dataset that does not know
        its size, or None. It may be slow.
      is_sampled: Whether `fit` got a sample of the data, whose size does not count.
    """
    given = call.arguments
    epochs = (given["epochs"] or 1) - (given["initial_epoch"] or 0)
    limit = given.get("steps_per_epoch")
    limit = int(limit) if limit and limit > 0 else None
    num_batches, counted = _num_batches(given), "batches of the data"
    num_batches = None if is_sampled else num_batches
    if num_batches is None and steps_of_epoch is not None and not _is_endless(given):
        num_batches, counted = steps_of_epoch(), "examples / batch size"
    if epochs <= 0 or num_batches == 0:
        return UNKNOWN
    if num_batches is None:
        if limit is None:
            return UNKNOWN
        return FitSteps(steps=limit * epochs, source="fit: steps_per_epoch x epochs")
    if limit is None:
        steps = num_batches * epochs
        return FitSteps(steps=steps, source=f"fit: {counted} x epochs")
    steps = _until_the_data_end(call, num_batches, limit, epochs)
    source = "fit: steps_per_epoch x epochs"
    if steps < limit * epochs:
        source += f", less because the data end: {counted}"
    return FitSteps(steps=steps, source=source)


def _until_the_data_end(
    call: FitCall, num_batches: int, limit: int, epochs: int
) -> int:
    """Returns the steps of epochs of `limit` steps over data that may end before."""
    if call.keras.__name__ == "keras":
        epochs_per_pass = math.ceil(num_batches / limit)
        passes, rest = divmod(epochs, epochs_per_pass)
        return passes * num_batches + rest * limit
    if num_train_rows(call.arguments) is not None:  # arrays, repeated for each epoch
        return min(limit, num_batches) * epochs
    starts_again = not _is_dataset(call.arguments["x"])  # a Sequence, with each epoch
    if num_batches == limit or (starts_again and limit < num_batches):
        return limit * epochs
    return min(limit * epochs, num_batches)


def _num_batches(given: dict[str, Any]) -> int | None:
    """Returns the batches of one pass over the data; None if unknown or endless."""
    x = getattr(given["x"], "_original_dataset", given["x"])
    if isinstance(x, tf.data.Dataset):
        count = int(x.cardinality())
        return count if count >= 0 else None
    if is_sequence(x):
        return sequence_length(x)
    num_rows = num_train_rows(given)
    if num_rows is None:
        return None
    return math.ceil(num_rows / (given["batch_size"] or DEFAULT_BATCH_SIZE))


def num_train_rows(given: dict[str, Any]) -> int | None:
    """Returns the rows of the arrays of a `fit` that it trains on; None without any.

    Args:
      given: The arguments of the call.
    """
    leaves = [leaf for leaf in tf.nest.flatten(given["x"]) if hasattr(leaf, "shape")]
    if not leaves:
        return None
    has_validation = given.get("validation_data") is not None
    held_out = 0.0 if has_validation else given.get("validation_split") or 0.0
    return math.floor(int(leaves[0].shape[0]) * (1 - held_out))


def _is_dataset(x: Any) -> bool:
    return isinstance(getattr(x, "_original_dataset", x), tf.data.Dataset)


def _is_endless(given: dict[str, Any]) -> bool:
    """Returns whether the data never end, or cannot be known to end."""
    x = getattr(given["x"], "_original_dataset", given["x"])
    if not isinstance(x, tf.data.Dataset):
        return True
    return bool(x.cardinality() == tf.data.INFINITE_CARDINALITY)
