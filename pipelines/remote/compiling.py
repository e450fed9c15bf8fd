"""From the one pipeline and the settings to what a backend takes."""

import os
import platform
import sys
import warnings

ENTRYPOINT = ("python", "-m", "tfx_lr_finder.kfp_entrypoint")
FINDER, TRAINER = "LRFinder", "LRFinderTrainer"
LAST_PYTHON = (3, 11)  # with a kfp that TFX works with


def training_nodes(settings):
    """The ids of the nodes that get the GPU, its image and its node."""
    return (FINDER, TRAINER) if settings.gpu.for_trainer else (FINDER,)


def compile_pipeline(settings, *, spec_2_1=True):
    """The job that a backend takes, as a dict; its `pipelineSpec` is the pipeline.

    Args:
      settings: A checked `Settings`.
      spec_2_1: Whether to write version 2.1.0 of the schema, which open-source
        Kubeflow Pipelines wants, or 2.0.0.
    """
    create_pipeline, kubeflow_v2_dag_runner = _load_tfx()
    pipeline = create_pipeline(
        pipeline_name=settings.name,
        pipeline_root=settings.root,
        data_root=settings.data,
        module=settings.module,
        serving_dir=settings.serving,
        seed=settings.seed,
        span_pattern=settings.span_pattern,
        last_good=settings.last_good,
        default_learning_rate=settings.default_learning_rate,
        requested_gpus=settings.gpu.num_gpus,
        on_no_gpu=settings.on_no_gpu,
        enable_cache=settings.cache,
        beam_pipeline_args=["--runner=FnApiRunner"],
    )
    nodes = training_nodes(settings)
    for component in pipeline.components:
        resources = _resources(settings.gpu)
        if component.id in nodes and resources is not None:
            component.with_platform_config(resources)
    config = kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(
        default_image={
            "default_image_path": settings.image,
            **dict.fromkeys(nodes, settings.gpu_image),
        },
        default_commands=list(ENTRYPOINT),
        use_pipeline_spec_2_1=spec_2_1,
    )
    runner = kubeflow_v2_dag_runner.KubeflowV2DagRunner(config)
    job = runner.run(pipeline, write_out=False)
    _retry(job, nodes, settings.gpu.retries)
    return job


def _load_tfx():
    """The pipeline's function and TFX's runner, without the pages that TFX warns."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Here, and not at the top: this takes half a minute, and a bad setting is told
        # before.
        from taxi.pipeline import create_pipeline

        try:
            from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner
        except ImportError as error:
            raise ValueError(
                f"TFX cannot compile for Vertex and Kubeflow here ({error}). "
                f"{_remedy()}"
            ) from error
    return create_pipeline, kubeflow_v2_dag_runner


def _remedy():
    """What to do where TFX's runner is not there."""
    if sys.version_info[:2] > LAST_PYTHON:
        return (
            "TFX has that runner up to Python 3.11 only, this is "
            f"{platform.python_version()}: compile and run the pods with 3.10 or 3.11."
        )
    return "Install the extra: pip install 'tfx-lr-finder[kfp]'."


def _resources(gpu):
    """What a training node asks for; None if it asks for nothing."""
    from kfp.pipeline_spec import pipeline_spec_pb2

    container = pipeline_spec_pb2.PipelineDeploymentConfig.PipelineContainerSpec
    resources = container.ResourceSpec(cpu_limit=gpu.cpus, memory_limit=gpu.memory_gb)
    if gpu.accelerator:
        resources.accelerator.type = gpu.accelerator
        resources.accelerator.count = gpu.count
    return resources if resources.ByteSize() else None


def _retry(job, nodes, retries):
    """Has the backend try the training nodes again, in a new pod."""
    tasks = job["pipelineSpec"]["root"]["dag"]["tasks"]
    for node in nodes if retries else ():
        tasks[node]["retryPolicy"] = {
            "maxRetryCount": retries,
            "backoffDuration": "60s",
            "backoffFactor": 2.0,
        }
