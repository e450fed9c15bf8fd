"""Measures what checkpoints cost: ``python -m benchmarks.checkpoint``."""

import tempfile
import time

import keras
import numpy as np
import tensorflow as tf

from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.runtime.checkpoint.plan import CheckpointPlan
from tfx_lr_finder.runtime.find import find_learning_rate


def main() -> None:
    """Prints the seconds of a test with and without checkpoints, for two models."""
    for units in (256, 1024):
        without, _ = _measure(units, None)
        with tempfile.TemporaryDirectory() as folder:
            first, report = _measure(units, CheckpointPlan(folder=folder))
            again, resumed = _measure(units, CheckpointPlan(folder=folder))
        print(
            f"{units} units, {report.environment['num_parameters']} parameters: "
            f"{without:.1f} s without checkpoints, {first:.1f} s with them; "
            f"{again:.1f} s to resume a finished test of {report.steps_spent} steps, "
            f"of which {resumed.environment['num_steps_run']} ran again"
        )


def _measure(
    units: int, checkpoint: CheckpointPlan | None
) -> tuple[float, LRFinderReport]:
    """Returns the seconds of a test, and its report."""
    model = _model(units)
    began = time.monotonic()
    report = find_learning_rate(model, _data(), checkpoint=checkpoint)
    return time.monotonic() - began, report


def _model(units: int) -> keras.Model:
    keras.utils.set_random_seed(0)
    dense = [keras.layers.Dense(units, "relu") for _ in range(4)]
    model = keras.Sequential([keras.Input((64,)), *dense, keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(1e-3), "mse")
    return model


def _data() -> tf.data.Dataset:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20000, 64)).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((x, x[:, :1]))
    return data.batch(256)


if __name__ == "__main__":
    main()
