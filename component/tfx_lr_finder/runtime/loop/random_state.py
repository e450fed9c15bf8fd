"""The random state of Python, NumPy and TensorFlow, seeded for the time of a test."""

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

_TENSORFLOW_STATE = ("_seed", "_rng")


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seeds Python, NumPy and TensorFlow within the block and restores them after it.

    Args:
      seed: An integer from 0 to 2**32 - 1.
    """
    context = _eager_context()
    python_state, numpy_state = random.getstate(), np.random.get_state()
    tensorflow_state = {
        name: getattr(context, name)
        for name in _TENSORFLOW_STATE
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
        for name in _TENSORFLOW_STATE:
            if name in tensorflow_state:
                setattr(context, name, tensorflow_state[name])
            elif hasattr(context, name):  # TensorFlow had never been seeded
                delattr(context, name)


def _eager_context() -> Any:
    """Returns TensorFlow's context, which holds its global seed (no public reader)."""
    from tensorflow.python.eager import context

    return context.context()
