"""The environment of a range test: versions, device, model, data."""

import math
import platform
from importlib import metadata
from typing import Any

import tensorflow as tf

from tfx_lr_finder.runtime.loop import gpus
from tfx_lr_finder.runtime.loop.batches import Batches
from tfx_lr_finder.runtime.loop.checks import is_keras_3
from tfx_lr_finder.runtime.loop.optimizers import SweptRate, inner_optimizer
from tfx_lr_finder.runtime.loop.trainer_loop import TrainerLoop
from tfx_lr_finder.version import __version__

Facts = dict[str, str | int | float | bool | None]


def describe(model: Any, train: Batches, rate: SweptRate, loop: TrainerLoop) -> Facts:
    """Returns the facts of a run, for the report.

    Args:
      model: The user's model.
      train: The training batches.
      rate: Says what it replaced in the optimizer.
      loop: The loop that ran.
    """
    keras = "keras" if is_keras_3(model) else "tf_keras"
    return {
        "tfx_lr_finder": __version__,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": f"{keras} {metadata.version(keras)}",
        "optimizer": type(inner_optimizer(model.optimizer)).__name__,
        "replaced_learning_rate": rate.replaced,
        "precision": str(getattr(model.dtype_policy, "name", "float32"))
        if hasattr(model, "dtype_policy")
        else "float32",
        "strategy": type(model.distribute_strategy).__name__,
        "num_replicas": int(model.distribute_strategy.num_replicas_in_sync),
        "global_batch_size": train.batch_size,
        "num_train_batches": train.num_batches,
        "num_parameters": sum(
            math.prod(map(int, weight.shape)) for weight in model.trainable_variables
        ),
        "num_steps_run": loop.num_steps,
        "num_traces": loop.step.num_traces,
        "eager": loop.step.eager,
        "jit_compile": loop.jit_compile,
        **gpus.facts(),
    }
