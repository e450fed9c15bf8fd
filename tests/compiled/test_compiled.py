import json
import pathlib
import re

import numpy as np
import pytest
import yaml
from tfx import types
from tfx.dsl.components.common.importer import Importer
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.input_resolution.strategies.latest_artifact_strategy import (
    LatestArtifactStrategy,
)
from tfx.orchestration import data_types
from tfx.orchestration import pipeline as tfx_pipeline
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner
from tfx.types import standard_artifacts

from tests.compiled.pod import Pod
from tfx_lr_finder import (
    LRFinder,
    LRFinderResult,
    LRFinderTrainer,
    last_good_resolver,
    read_result,
)

TYPE_NAMES = re.compile("^[a-z][a-z0-9-_]{2,20}[.][A-Z][a-zA-Z0-9-_]{2,49}$")


@pytest.fixture(scope="module")
def make_job(penguin_examples, penguin_module, tmp_path_factory):
    """Compiles the pipeline Examples -> LRFinder -> LRFinderTrainer."""

    def make(spec_2_1, **knobs):
        root = tmp_path_factory.mktemp("compiled")
        examples = Importer(
            source_uri=penguin_examples.uri,
            artifact_type=standard_artifacts.Examples,
            properties={"split_names": penguin_examples.split_names},
        ).with_id("Examples")
        finder = LRFinder(
            examples=examples.outputs["result"],
            module_file=penguin_module,
            on_inconclusive="fallback",
            default_learning_rate=3.2e-7,
            **knobs,
        )
        trainer = LRFinderTrainer(
            examples=examples.outputs["result"],
            module_file=penguin_module,
            lr_finder_result=finder.outputs["lr_finder_result"],
        )
        pipeline = tfx_pipeline.Pipeline(
            pipeline_name="penguins",
            pipeline_root=str(root),
            components=[examples, finder, trainer],
        )
        config = kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(
            use_pipeline_spec_2_1=spec_2_1
        )
        path = root / "pipeline.json"
        kubeflow_v2_dag_runner.KubeflowV2DagRunner(
            config, output_filename=str(path)
        ).run(pipeline)
        return json.loads(path.read_text()), root

    return make


@pytest.fixture(scope="module", params=[False, True], ids=["spec 2.0", "spec 2.1"])
def finished(request, make_job, penguin_examples):
    """Both tasks, each run by its compiled command."""
    job, root = make_job(
        request.param, num_rates=40, num_sweeps=1, confirm_steps=10, min_lr=1e-4
    )
    pod = Pod(job, root)
    task = pod.component("LRFinder")
    declared = task["inputDefinitions"]["artifacts"]["examples"]["artifactType"]
    examples = {
        "name": "examples",
        "uri": penguin_examples.uri,
        "type": declared,
        "metadata": {"split_names": penguin_examples.split_names},
    }
    found, _ = pod.run("LRFinder", {"examples": examples})
    trained, log = pod.run(
        "LRFinderTrainer",
        {"examples": examples, "lr_finder_result": found["lr_finder_result"]},
    )
    return found, trained, log


@pytest.mark.long
def test_the_finders_pod_writes_both_outputs(finished):
    found, _, _ = finished
    report = read_result(found["lr_finder_result"]["uri"])
    metadata = found["lr_finder_result"]["metadata"]
    assert float(metadata["learning_rate"]) == report.learning_rate
    assert metadata["num_rates"] == 40
    (file,) = pathlib.Path(found["best_hyperparameters"]["uri"]).iterdir()
    values = json.loads(file.read_text())["values"]
    assert values == {"learning_rate": report.learning_rate}


@pytest.mark.long
def test_tfx_own_command_writes_the_outputs_for_consoles_too(finished):
    found, _, _ = finished
    page = pathlib.Path(found["lr_finder_page"]["uri"]).read_text()
    assert page.rstrip().endswith("</html>")
    report = read_result(found["lr_finder_result"]["uri"])
    scalars = found["lr_finder_scalars"]["metadata"]
    assert scalars["learning_rate"] == report.learning_rate
    assert scalars["verdict"] == report.verdict.name


@pytest.mark.long
def test_the_trainers_pod_trains_with_exactly_the_rate_found(
    finished, record_compatibility
):
    found, trained, log = finished
    report = read_result(found["lr_finder_result"]["uri"])
    rate = report.learning_rate
    folder = pathlib.Path(trained["model_run"]["uri"])
    seen = json.loads((folder / "seen.json").read_text())
    assert seen["learning_rate"] == rate
    assert seen["optimizer_learning_rate"] == float(np.float32(rate))
    assert f"LRFinderTrainer: training with learning_rate={rate!r}" in log
    record_compatibility("Vertex", report.environment["keras"])


@pytest.mark.parametrize("spec_2_1", [False, True], ids=["spec 2.0", "spec 2.1"])
def test_our_artifact_compiles_under_its_own_name(spec_2_1, make_job):
    job, root = make_job(spec_2_1)
    definitions = Pod(job, root).component("LRFinder")["outputDefinitions"]
    schema = definitions["artifacts"]["lr_finder_result"]["artifactType"]
    title = yaml.safe_load(schema["instanceSchema"])["title"]
    assert title == LRFinderResult.TYPE_NAME
    assert TYPE_NAMES.match(title)


def test_a_runtime_parameter_compiles_to_a_parameter_of_the_run(make_job):
    parameter = data_types.RuntimeParameter(name="top", ptype=float, default=1.0)
    job, _ = make_job(True, max_lr=parameter)
    root = job["pipelineSpec"]["root"]
    given = root["dag"]["tasks"]["LRFinder"]["inputs"]["parameters"]["max_lr"]
    assert given == {"componentInputParameter": "top"}
    declared = root["inputDefinitions"]["parameters"]["top"]
    assert declared["parameterType"] == "NUMBER_DOUBLE"


def _compile(nodes, root):
    """Returns the job that a list of nodes compiles to."""
    path = root / "pipeline.json"
    config = kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(
        use_pipeline_spec_2_1=True
    )
    kubeflow_v2_dag_runner.KubeflowV2DagRunner(config, output_filename=str(path)).run(
        tfx_pipeline.Pipeline(
            pipeline_name="penguins", pipeline_root=str(root), components=nodes
        )
    )
    return json.loads(path.read_text())


def test_an_imported_result_feeds_last_good(penguin_examples, tmp_path):
    examples = Importer(
        source_uri=penguin_examples.uri, artifact_type=standard_artifacts.Examples
    ).with_id("Examples")
    good = Importer(
        source_uri="gs://bucket/good", artifact_type=LRFinderResult
    ).with_id("Good")
    finder = LRFinder(
        examples=examples.outputs["result"],
        lr_finder_fn="module.lr_finder_fn",
        on_inconclusive="last_good",
        previous=good.outputs["result"],
    )
    job = _compile([examples, good, finder], tmp_path)
    tasks = job["pipelineSpec"]["root"]["dag"]["tasks"]
    given = tasks["LRFinder"]["inputs"]["artifacts"]["previous"]
    assert given["taskOutputArtifact"]["producerTask"] == "Good"


def test_the_resolver_of_good_results_is_refused_by_the_compiler(tmp_path):
    with pytest.raises(TypeError, match="only support LatestArtifactStrategy"):
        _compile([last_good_resolver()], tmp_path)


def test_a_stock_resolver_does_not_query_the_type_of_our_artifact(tmp_path):
    latest = Resolver(
        strategy_class=LatestArtifactStrategy,
        previous=types.Channel(type=LRFinderResult),
    ).with_id("Latest")
    job = _compile([latest], tmp_path)
    executor = job["pipelineSpec"]["deploymentSpec"]["executors"]["Latest_executor"]
    query = executor["resolver"]["outputArtifactQueries"]["previous"]
    assert query["filter"] == 'schema_title="tfx.Artifact" AND state=LIVE'
