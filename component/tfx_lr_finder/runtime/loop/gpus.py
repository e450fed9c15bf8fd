"""The GPUs of this pod: whether all are here, shared, and what the test took."""

from typing import Any

import tensorflow as tf
from absl import logging

from tfx_lr_finder.settings.gpu_request import complaint

Facts = dict[str, str | int | float | bool | None]


def prepare(requested: int, on_no_gpu: str) -> None:
    """Checks that the GPUs asked for are here, and has them taken bit by bit.

    TensorFlow would otherwise take the whole memory of each GPU at its first use, and
    whoever shares the card would find none.

    Args:
      requested: How many GPUs were asked for; 0 checks nothing.
      on_no_gpu: `warn` or `fail`.

    Raises:
      ValueError: If there are fewer and `on_no_gpu` is `fail`.
    """
    gpus = tf.config.list_physical_devices("GPU")
    objection = complaint(requested, len(gpus), bool(tf.test.is_built_with_cuda()))
    if objection and on_no_gpu == "fail":
        raise ValueError(objection)
    if objection:
        logging.warning("LRFinder: %s", objection)
    for gpu in gpus:
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError as error:  # in use already, by whoever came first
            logging.info("LRFinder: the memory of %s stays as it is: %s", gpu, error)


def reset_memory_peak() -> None:
    """Starts the count of the memory peak anew on every GPU."""
    for gpu in tf.config.list_logical_devices("GPU"):
        tf.config.experimental.reset_memory_stats(gpu.name.removeprefix("/device:"))


def facts() -> Facts:
    """Returns the GPUs that TensorFlow uses, and what was taken of them.

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
