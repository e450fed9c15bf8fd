"""The random state of a process, seeded for the time of a test and then restored."""

import contextlib
import importlib
import random
import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

_TENSORFLOW_STATE = ("_seed", "_rng")
_KERAS_3_GENERATOR = "global_seed_generator"

_one_at_a_time = threading.Lock()


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seeds every global random generator within the block and restores it after.

    These are the generators of Python, NumPy, TensorFlow (its seed and its global
    generator), Keras 3 and tf_keras.

    Args:
      seed: An integer from 0 to 2**32 - 1.

    Raises:
      RuntimeError: Another thread of this process is within such a block.
    """
    if not _one_at_a_time.acquire(blocking=False):
        raise RuntimeError(
            "Another range test is running in this process. A test seeds the global "
            "random generators of Python, NumPy, TensorFlow and Keras, so a second one "
            "would change its results. Run the tests one after the other, or each in "
            "a process of its own."
        )
    try:
        with contextlib.ExitStack() as stack:
            for restored in (_seeds, _tf_generator, _keras_3_generator):
                stack.enter_context(restored(seed))
            stack.enter_context(_tf_keras_generator())
            yield
    finally:
        _one_at_a_time.release()


def generator_variables() -> list[tf.Variable]:
    """Returns the variables of the global generators of TensorFlow and Keras 3."""
    generators = [_tf_module().global_generator]
    keras_3 = _keras_3_globals()
    if keras_3 is not None:
        generators.append(keras_3.get_global_attribute(_KERAS_3_GENERATOR))
    states = [generator.state for generator in generators if generator is not None]
    return [s if isinstance(s, tf.Variable) else s.value for s in states]


@contextlib.contextmanager
def _seeds(seed: int) -> Iterator[None]:
    """Seeds Python, NumPy and TensorFlow."""
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


@contextlib.contextmanager
def _tf_generator(seed: int) -> Iterator[None]:
    """Replaces `tf.random.get_global_generator()`; None if nobody has used it."""
    module = _tf_module()
    before = module.global_generator
    state = None if before is None else tf.identity(before.state)
    module.global_generator = tf.random.Generator.from_seed(seed)
    try:
        yield
    finally:
        module.global_generator = before
        if before is not None:  # a dataset may hold it
            before.state.assign(state)


@contextlib.contextmanager
def _keras_3_generator(seed: int) -> Iterator[None]:
    """Replaces the generator of Keras 3's layers and functions without a seed."""
    state = _keras_3_globals()
    if state is None:
        yield
        return
    before = state.get_global_attribute(_KERAS_3_GENERATOR)
    value = None if before is None else tf.identity(before.state.value)
    new = sys.modules["keras"].random.SeedGenerator(seed, name="range_test_seeds")
    state.set_global_attribute(_KERAS_3_GENERATOR, new)
    try:
        yield
    finally:
        state.set_global_attribute(_KERAS_3_GENERATOR, before)
        if before is not None:
            before.state.assign(value)


@contextlib.contextmanager
def _tf_keras_generator() -> Iterator[None]:
    """Restores the generator that `tf_keras.utils.set_random_seed` creates."""
    generator = None
    if "tf_keras" in sys.modules:
        backend = importlib.import_module("tf_keras.src.backend")
        generator = getattr(backend._SEED_GENERATOR, "generator", None)
    state = generator.getstate() if generator is not None else None
    try:
        yield
    finally:
        if generator is not None:
            generator.setstate(state)


def _keras_3_globals() -> Any:
    """Returns Keras 3's module of global state; None if it runs without TensorFlow."""
    keras = sys.modules.get("keras")
    if keras is None or not hasattr(keras, "random"):
        return None
    if keras.backend.backend() != "tensorflow":
        return None
    return importlib.import_module("keras.src.backend.common.global_state")


def _tf_module() -> Any:
    """Returns the module that holds TensorFlow's global generator."""
    return importlib.import_module("tensorflow.python.ops.stateful_random_ops")


def _eager_context() -> Any:
    """Returns TensorFlow's context, which holds its global seed (no public reader)."""
    from tensorflow.python.eager import context

    return context.context()
