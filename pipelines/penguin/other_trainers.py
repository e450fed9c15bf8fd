"""Trainers that take the learning rate as a hyperparameter.

Pass one of them as `make_trainer` to `pipeline.create_pipeline`. They do not set the
rate at `fit`, so `run_fn` must read it: `tfx_lr_finder.learning_rate(fn_args)`.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from tfx import v1 as tfx

from tfx_lr_finder import LRFinder


def stock_trainer(training: Mapping[str, Any], lr_finder: LRFinder) -> Any:
    """TFX's own Trainer."""
    return tfx.components.Trainer(
        **training, hyperparameters=lr_finder.outputs["best_hyperparameters"]
    )


def on_vertex(
    *, project: str, region: str, image: str, machine_type: str = "n1-standard-4"
) -> Callable[[Mapping[str, Any], LRFinder], Any]:
    """A `make_trainer` that trains in a custom job of Vertex AI.

    Args:
      project: Id of the Google Cloud project.
      region: Region of the job.
      image: Container image with TFX, this package and the imports of the module.
      machine_type: Type of the job's only machine.
    """
    machine = {
        "machine_spec": {"machine_type": machine_type},
        "replica_count": 1,
        "container_spec": {"image_uri": image},
    }
    job = {"project": project, "job_spec": {"worker_pool_specs": [machine]}}
    return functools.partial(_vertex_trainer, job, region)


def _vertex_trainer(
    job: Mapping[str, Any],
    region: str,
    training: Mapping[str, Any],
    lr_finder: LRFinder,
) -> Any:
    vertex = tfx.extensions.google_cloud_ai_platform
    custom_config = {
        **training["custom_config"],
        vertex.ENABLE_VERTEX_KEY: True,
        vertex.VERTEX_REGION_KEY: region,
        vertex.TRAINING_ARGS_KEY: job,
    }
    return vertex.Trainer(
        **{**training, "custom_config": custom_config},
        hyperparameters=lr_finder.outputs["best_hyperparameters"],
    )
