"""The example that acts on the verdict, compiled for Kubeflow v2 and Vertex AI."""

import pathlib
import re

import pytest
from penguin.act_on_verdict import act_on_verdict
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration import pipeline as tfx_pipeline
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner
from tfx.types import standard_artifacts

from tfx_lr_finder import LRFinder

DOCKERFILE = (pathlib.Path(__file__).parents[2] / "Dockerfile").read_text()
IS_OK = "inputs.artifacts['{}'].artifacts[0].metadata['verdict'] == 'OK'"


@pytest.fixture(scope="module", params=[False, True], ids=["spec 2.0", "spec 2.1"])
def spec(request):
    """The compiled pipeline Examples -> LRFinder -> both branches."""
    examples = Importer(
        source_uri="gs://bucket/examples", artifact_type=standard_artifacts.Examples
    ).with_id("Examples")
    training = {"examples": examples.outputs["result"], "run_fn": "module.run_fn"}
    finder = LRFinder(**training, on_inconclusive="fallback", default_learning_rate=0.1)
    nodes = act_on_verdict(
        training, finder.outputs["lr_finder_result"], serving_dir="gs://bucket/serving"
    )
    config = kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(
        use_pipeline_spec_2_1=request.param
    )
    pipeline = tfx_pipeline.Pipeline(
        pipeline_name="penguin",
        pipeline_root="gs://bucket/root",
        components=[examples, finder, *nodes],
    )
    runner = kubeflow_v2_dag_runner.KubeflowV2DagRunner(config)
    return runner.run(pipeline, write_out=False)["pipelineSpec"]


@pytest.mark.parametrize(
    ("task", "negated"),
    [("LRFinderTrainer", False), ("Pusher", False), ("VerdictAlert", True)],
)
def test_each_branch_has_its_condition_on_the_verdict(task, negated, spec):
    node = spec["root"]["dag"]["tasks"][task]
    (key,) = (
        name
        for name, source in node["inputs"]["artifacts"].items()
        if source["taskOutputArtifact"]["outputArtifactKey"] == "lr_finder_result"
    )
    condition = IS_OK.format(key)
    expected = f"!(({condition}))" if negated else f"({condition})"
    assert node["triggerPolicy"]["condition"] == expected


def test_the_alert_is_started_by_an_import_path_that_the_image_has(spec):
    executor = spec["deploymentSpec"]["executors"]["VerdictAlert_executor"]
    arguments = executor["container"]["args"]
    assert "penguin.verdict_alert.VerdictAlert_Executor" in arguments
    copied = re.findall(r"^COPY (.*) /opt/modules/penguin/$", DOCKERFILE, re.MULTILINE)
    files = ["pipelines/penguin/__init__.py", "pipelines/penguin/verdict_alert.py"]
    assert [line.split() for line in copied] == [files]
