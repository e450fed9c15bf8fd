"""The GPUs of this pod: how many there are, and how much memory the test uses."""

from typing import Any

import tensorflow as tf
from absl import logging

from tfx_lr_finder.settings.gpu_request import complaint

Facts = dict[str, str | int | float | bool | None]


def prepare(requested: int, on_no_gpu: str) -> None:
    """Checks the number of GPUs and turns on memory growth for each.

    Args:
      requested: Number of GPUs requested; 0 checks nothing.
      on_no_gpu: `warn` or `fail`.

    Raises:
      ValueError: There are fewer and `on_no_gpu` is `fail`.
    """
    gpus = tf.config.list_physical_devices("GPU")
    problem = complaint(requested, len(gpus), bool(tf.test.is_built_with_cuda()))
    if problem and on_no_gpu == "fail":
        raise ValueError(problem)
    if problem:
        logging.warning("LRFinder: %s", problem)
    grow_memory()


def grow_memory() -> None:
    """Turns on memory growth for each GPU that the process does not use yet.

    Without it TensorFlow reserves the whole memory of each GPU at its first use and
    leaves none to other processes on the same card.
    """
    for gpu in tf.config.list_physical_devices("GPU"):
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except (RuntimeError, ValueError) as error:
            # The GPU is in use, or split into virtual GPUs.
            logging.info(
                "LRFinder: cannot turn on memory growth for %s: %s", gpu, error
            )


def reset_memory_peak() -> None:
    """Resets the memory peak of every GPU."""
    for gpu in tf.config.list_logical_devices("GPU"):
        tf.config.experimental.reset_memory_stats(gpu.name.removeprefix("/device:"))


def facts() -> Facts:
    """Returns the GPUs that TensorFlow uses, and their peak memory.

    Returns:
      `device`, the first GPU's name or "CPU"; `num_gpus`; `gpu_memory_peak_bytes`, the
      highest of any GPU, None without one.
    """
    gpus = tf.config.list_logical_devices("GPU")
    return {
        "device": _device_name() if gpus else "CPU",
        "num_gpus": len(gpus),
        "gpu_memory_peak_bytes": max(map(_memory_peak, gpus), default=None),
    }


def _device_name() -> str:
    physical = tf.config.list_physical_devices("GPU")[0]
    details = tf.config.experimental.get_device_details(physical)
    return str(details.get("device_name", "GPU"))


def _memory_peak(gpu: Any) -> int:
    info = tf.config.experimental.get_memory_info(gpu.name.removeprefix("/device:"))
    return int(info["peak"])
