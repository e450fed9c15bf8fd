"""Compiles the taxi pipeline with settings into the job that a backend takes."""

import os
import platform
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from remote.settings import Settings

from tfx_lr_finder import show_in_console

ENTRYPOINT = ("python", "-m", "tfx_lr_finder.kfp_entrypoint")
FINDER, TRAINER = "LRFinder", "LRFinderTrainer"
LAST_PYTHON = (3, 11)  # that has a kfp which TFX works with


def training_nodes(settings: Settings) -> tuple[str, ...]:
    """The ids of the nodes that get the GPU, its image and its node."""
    return (FINDER, TRAINER) if settings.gpu_trainer else (FINDER,)


def compile_pipeline(settings: Settings, *, spec_2_1: bool = True) -> dict[str, Any]:
    """The job that a backend takes. Its `pipelineSpec` is the pipeline.

    Args:
      settings: Where the pipeline reads, writes and runs.
      spec_2_1: Whether to write version 2.1.0 of the schema, which open-source
        Kubeflow Pipelines needs, or 2.0.0.

    Raises:
      ValueError: If this Python has no runner of TFX for these backends.
    """
    make_pipeline, kubeflow_v2_dag_runner = _load_tfx()
    pipeline = make_pipeline(settings)
    nodes = training_nodes(settings)
    resources = _resources(settings)
    for component in pipeline.components:
        if component.id in nodes and resources is not None:
            component.with_platform_config(resources)
    training_image = settings.gpu_image or settings.image
    config = kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(
        default_image={
            "default_image_path": settings.image,
            **dict.fromkeys(nodes, training_image),
        },
        default_commands=list(ENTRYPOINT),
        use_pipeline_spec_2_1=spec_2_1,
    )
    runner = kubeflow_v2_dag_runner.KubeflowV2DagRunner(config)
    job = show_in_console(runner.run(pipeline, write_out=False))
    _retry(job, nodes, settings.retries)
    return job


def _load_tfx() -> tuple[Callable[[Settings], Any], Any]:
    """The function that makes the pipeline, and the module with TFX's runner.

    This import takes half a minute, so it follows all checks. The many warnings of TFX
    are not shown.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from remote.taxi import make_pipeline

        try:
            from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner
        except ImportError as error:
            raise ValueError(
                f"TFX cannot compile for Vertex and Kubeflow here ({error}). "
                f"{_remedy()}"
            ) from error
    return make_pipeline, kubeflow_v2_dag_runner


def _remedy() -> str:
    """What to do if TFX has no runner here."""
    if sys.version_info[:2] > LAST_PYTHON:
        return (
            "TFX has that runner up to Python 3.11 only, and this is "
            f"{platform.python_version()}: compile and run the pods with 3.10 or 3.11."
        )
    return "Install the extra: pip install 'tfx-lr-finder[kfp]'."


def _resources(settings: Settings) -> Any:
    """What a training node requests; None if it requests nothing."""
    from kfp.pipeline_spec import pipeline_spec_pb2

    container = pipeline_spec_pb2.PipelineDeploymentConfig.PipelineContainerSpec
    resources = container.ResourceSpec(
        cpu_limit=settings.cpus, memory_limit=settings.memory_gb
    )
    if settings.accelerator:
        resources.accelerator.type = settings.accelerator
        resources.accelerator.count = settings.accelerator_count
    return resources if resources.ByteSize() else None


def _retry(job: dict[str, Any], nodes: Sequence[str], retries: int) -> None:
    """Makes the backend run a failed training node again, in a new pod."""
    tasks = job["pipelineSpec"]["root"]["dag"]["tasks"]
    for node in nodes if retries else ():
        tasks[node]["retryPolicy"] = {
            "maxRetryCount": retries,
            "backoffDuration": "60s",
            "backoffFactor": 2.0,
        }
