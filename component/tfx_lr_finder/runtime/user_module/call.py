"""Calls the user's `lr_finder_fn`; needs no TFX."""

import random
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from tfx_lr_finder.fn_args import LRFinderFnResult
from tfx_lr_finder.runtime.loop.checks import check_model_and_data

LRFinderFn: TypeAlias = Callable[[Any], LRFinderFnResult]

LR_FINDER_FN_TO_ADD = """\
def lr_finder_fn(fn_args):
    import tfx_lr_finder

    train_dataset = input_fn(fn_args.train_files, fn_args.data_accessor, ...)
    eval_dataset = input_fn(fn_args.eval_files, fn_args.data_accessor, ...)
    model = build_model()  # the compiled model that run_fn trains
    return tfx_lr_finder.LRFinderFnResult(
        model=model, train_dataset=train_dataset, eval_dataset=eval_dataset
    )
"""


def call_lr_finder_fn(
    lr_finder_fn: LRFinderFn,
    fn_args: Any,
    seed: int,
    example: str = LR_FINDER_FN_TO_ADD,
) -> LRFinderFnResult:
    """Calls the user's function with seeded random generators, and checks its result.

    Seeding Python, NumPy and TensorFlow makes the initial weights and the shuffling of
    the datasets the same in every run.

    Args:
      lr_finder_fn: The user's function.
      fn_args: Its argument.
      seed: The seed.
      example: Code of a right function, for the error.

    Raises:
      ValueError: If the function returns anything except an `LRFinderFnResult` with
        a compiled Keras model and `tf.data` datasets.
    """
    random.seed(seed)
    np.random.seed(seed)
    tf.random.set_seed(seed)
    found = lr_finder_fn(fn_args)
    if not isinstance(found, LRFinderFnResult):
        raise ValueError(
            "lr_finder_fn must return an LRFinderFnResult, got "
            f"{type(found).__module__}.{type(found).__qualname__}. For example:\n\n"
            f"{example}"
        )
    check_model_and_data(
        found.model, found.train_dataset, found.eval_dataset, found.num_train_examples
    )
    return found
