"""Measures what checkpoints cost: ``python -m benchmarks.checkpoint``."""

import tempfile
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfx_lr_finder.runtime import find
from tfx_lr_finder.runtime.checkpoint import resume
from tfx_lr_finder.runtime.checkpoint.plan import CheckpointPlan


def main() -> None:
    """Prints the share of a test that checkpoints took, for two intervals."""
    kept: list[resume.Checkpoint] = []

    class Kept(resume.Checkpoint):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            kept.append(self)

    find.Checkpoint = Kept  # type: ignore[misc]
    for units in (256, 1024):
        for seconds in (0.0, 5.0):
            with tempfile.TemporaryDirectory() as folder:
                plan = CheckpointPlan(folder=folder, seconds=seconds)
                began = time.monotonic()
                model = _model(units)
                report = find.find_learning_rate(model, _data(), checkpoint=plan)
                whole = time.monotonic() - began
            spent, training = kept[-1].seconds_spent, sum(report.seconds.values())
            print(
                f"{model.count_params()} parameters, every {seconds} s: "
                f"{spent:.3f} s of {training:.1f} s of training, "
                f"{100 * spent / training:.2f} %; {whole:.1f} s in all"
            )


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
