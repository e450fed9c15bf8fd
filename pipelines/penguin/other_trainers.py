"""Other Trainers than LRFinderTrainer, which take the rate as a hyperparameter.

They are for `make_trainer` of `pipeline.create_pipeline`. `run_fn` has to read the
rate, with `tfx_lr_finder.learning_rate(fn_args)`: nobody sets it at `fit`.
"""

import functools

from tfx import v1 as tfx


def stock_trainer(training, lr_finder):
    """TFX's own Trainer."""
    return tfx.components.Trainer(
        **training, hyperparameters=lr_finder.outputs["best_hyperparameters"]
    )


def on_vertex(*, project, region, image, machine_type="n1-standard-4"):
    """A `make_trainer` whose training is a custom job of Vertex AI.

    Args:
      project: the Google Cloud project.
      region: where the job runs.
      image: the container, with TFX, this package and what the module imports.
      machine_type: of the job's one machine.
    """
    machine = {
        "machine_spec": {"machine_type": machine_type},
        "replica_count": 1,
        "container_spec": {"image_uri": image},
    }
    job = {"project": project, "job_spec": {"worker_pool_specs": [machine]}}
    return functools.partial(_vertex_trainer, job, region)


def _vertex_trainer(job, region, training, lr_finder):
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
