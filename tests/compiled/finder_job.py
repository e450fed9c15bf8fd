"""A pipeline of one LRFinder as TFX compiles it, and the input of its pod."""

from tfx.dsl.components.common.importer import Importer
from tfx.orchestration import pipeline as tfx_pipeline
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner
from tfx.types import standard_artifacts

from tfx_lr_finder import LRFinder

OURS = ("python", "-m", "tfx_lr_finder.kfp_entrypoint")


def compile_finder(spec_2_1=True, command=OURS, root="gs://bucket/root", **options):
    """Returns the job of an LRFinder with a name of its own."""
    options = options or {"run_fn": "module.run_fn"}
    examples = Importer(
        source_uri="gs://bucket/examples", artifact_type=standard_artifacts.Examples
    ).with_id("Examples")
    finder = LRFinder(examples=examples.outputs["result"], **options)
    finder = finder.with_id("Finder")
    config = kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(
        default_commands=list(command), use_pipeline_spec_2_1=spec_2_1
    )
    return kubeflow_v2_dag_runner.KubeflowV2DagRunner(config).run(
        tfx_pipeline.Pipeline(
            pipeline_name="taxi",
            pipeline_root=str(root),
            components=[examples, finder],
        ),
        write_out=False,
    )


def examples_input(artifact, uri):
    """An input of a pod, as the backend provides it."""
    schema = {"instanceSchema": "title: tfx.Examples\ntype: object\n"}
    metadata = {"split_names": artifact.split_names}
    return {"name": "examples", "uri": uri, "type": schema, "metadata": metadata}
