"""Compiles the taxi pipeline with settings into the job that a backend takes."""

import contextlib
import importlib.util
import logging
import os
import platform
import sys
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from remote.resources import FINDER, Request
from remote.settings import Settings

from tfx_lr_finder import show_in_console

ENTRYPOINT = ("python", "-m", "tfx_lr_finder.kfp_entrypoint")
LAST_PYTHON = (3, 11)  # that has a kfp which TFX works with


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
    nodes = settings.gpu_nodes
    gpu_image = settings.gpu_image or settings.image
    config = kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(
        default_image={
            "default_image_path": settings.image,
            **dict.fromkeys(nodes, gpu_image),
        },
        default_commands=list(ENTRYPOINT),
        use_pipeline_spec_2_1=spec_2_1,
    )
    runner = kubeflow_v2_dag_runner.KubeflowV2DagRunner(config)
    with _without_false_warning():
        job: dict[str, Any] = show_in_console(runner.run(pipeline, write_out=False))
    _request(job, settings.requests)
    _retry(job, {FINDER, *nodes}, settings.retries)
    return job


def _load_tfx() -> tuple[Callable[[Settings], Any], Any]:
    """The function that makes the pipeline, and the module with TFX's runner.

    This import takes half a minute, so it follows all checks. The many warnings of TFX
    are not shown.
    """
    if importlib.util.find_spec("kfp") is None:
        raise ValueError(
            f"TFX cannot compile for Vertex and Kubeflow without kfp. {_remedy()}"
        )
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


@contextlib.contextmanager
def _without_false_warning() -> Iterator[None]:
    """Silences TFX's warning that the default image is missing.

    TFX 1.16 to 1.21 log it if and only if the default image is there.
    """
    from absl import logging as absl_logging

    def is_true(record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith("DEFAULT_IMAGE_PATH_KEY is not found")

    logger = absl_logging.get_absl_logger()
    logger.addFilter(is_true)
    try:
        yield
    finally:
        logger.removeFilter(is_true)


def _request(job: dict[str, Any], requests: Mapping[str, Request]) -> None:
    """Makes nodes request resources.

    Unlike TFX's `with_platform_config`, this reaches CsvExampleGen, too.
    """
    for node, request in requests.items():
        executor = job["pipelineSpec"]["deploymentSpec"]["executors"][
            f"{node}_executor"
        ]
        executor["container"]["resources"] = request.to_json()


def _retry(job: dict[str, Any], nodes: Collection[str], retries: int) -> None:
    """Makes the backend run a failed node again, in a new pod."""
    tasks = job["pipelineSpec"]["root"]["dag"]["tasks"]
    for node in nodes if retries else ():
        tasks[node]["retryPolicy"] = {
            "maxRetryCount": retries,
            "backoffDuration": "60s",
            "backoffFactor": 2.0,
        }
