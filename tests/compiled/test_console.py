"""The outputs that consoles show, as compiled and as TFX's entrypoint reads them."""

import json
import pathlib
import re
import shutil

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx import types
from tfx.orchestration.kubeflow.v2 import compiler_utils
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils

import tfx_lr_finder
from tests.compiled.finder_job import compile_finder, examples_input
from tests.compiled.pod import KubeflowPod, Pod
from tests.executor.conftest import QUICK
from tests.executor.user_modules import FLAT, write_module
from tfx_lr_finder import console, read_result, show_in_console

TITLES = {"lr_finder_page": "system.HTML", "lr_finder_scalars": "system.Metrics"}


def _outputs(job):
    spec = job.get("pipelineSpec", job)
    return spec["components"]["Finder"]["outputDefinitions"]["artifacts"]


@pytest.mark.parametrize("spec_2_1", [False, True], ids=["spec 2.0", "spec 2.1"])
def test_the_console_gets_its_own_types_for_the_page_and_the_scalars_only(spec_2_1):
    job = compile_finder(spec_2_1)
    shown = show_in_console(job)
    before, after = _outputs(job), _outputs(shown)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == set(TITLES)
    for name, title in TITLES.items():
        assert after[name]["artifactType"]["schemaTitle"] == title
    spec = json_format.ParseDict(
        shown["pipelineSpec"], pipeline_spec_pb2.PipelineSpec()
    )
    parsed = spec.components["Finder"].output_definitions.artifacts["lr_finder_page"]
    assert parsed.artifact_type.schema_title == "system.HTML"


def test_a_pipeline_spec_without_its_job_is_changed_the_same_way():
    job = compile_finder()
    assert show_in_console(job["pipelineSpec"]) == show_in_console(job)["pipelineSpec"]


def test_a_second_call_changes_nothing():
    shown = show_in_console(compile_finder())
    assert show_in_console(shown) == shown


def test_a_node_that_starts_with_tfx_own_command_is_refused():
    command = ("python", "-m", "tfx.orchestration.kubeflow.v2.container")
    with pytest.raises(ValueError, match=r"'Finder' starts with .*default_commands="):
        show_in_console(compile_finder(command=command))


@pytest.fixture
def titles(monkeypatch):
    """TFX's table of the types that it can import, to be changed."""
    table = dict(compiler_utils.TITLE_TO_CLASS_PATH)
    monkeypatch.setattr(compiler_utils, "TITLE_TO_CLASS_PATH", table)


def _as_output(artifact_type):
    """Returns the class that TFX's entrypoint makes of an output in a pod."""
    output = pipeline_spec_pb2.RuntimeArtifact(uri="gs://bucket/output")
    json_format.ParseDict(artifact_type, output.type)
    return type(kubeflow_v2_entrypoint_utils._parse_raw_artifact(output, {}))


def test_tfx_entrypoint_imports_the_types_of_the_console_after_ours(titles):
    outputs = _outputs(show_in_console(compile_finder()))
    with pytest.raises(ImportError, match=r"Could not import system\.HTML"):
        _as_output(outputs["lr_finder_page"]["artifactType"])
    console.register_titles()
    for name, kind in [("page", "LRFinderPage"), ("scalars", "LRFinderScalars")]:
        artifact_type = outputs[f"lr_finder_{name}"]["artifactType"]
        assert _as_output(artifact_type) is getattr(tfx_lr_finder, kind)


def test_tfx_own_command_imports_the_types_as_compiled():
    outputs = _outputs(compile_finder())
    classes = {
        name: _as_output(outputs[name]["artifactType"]).__name__ for name in TITLES
    }
    assert classes == {
        "lr_finder_page": "LRFinderPage",
        "lr_finder_scalars": "LRFinderScalars",
    }


def test_the_scalars_reach_the_backend_as_numbers_and_strings(make_report):
    scalars = tfx_lr_finder.LRFinderScalars()
    tfx_lr_finder.artifact.write_scalars(scalars, make_report(learning_rate=0.0015))
    written = kubeflow_v2_entrypoint_utils.to_runtime_artifact(scalars, {})
    metadata = json.loads(json_format.MessageToJson(written))["metadata"]
    assert metadata["learning_rate"] == 0.0015
    assert metadata["verdict"] == "OK"
    assert isinstance(scalars, types.Artifact)


@pytest.mark.long
def test_a_pod_of_kubeflow_writes_the_page_as_one_object_of_the_bucket(
    penguin_examples, penguin_module, tmp_path
):
    job = compile_finder(root=tmp_path, module_file=penguin_module, **QUICK)
    pod = KubeflowPod(show_in_console(job), tmp_path)
    objects = pod.bucket / "minio"
    shutil.copytree(penguin_examples.uri, objects / "mlpipeline" / "examples")
    examples = examples_input(penguin_examples, "minio://mlpipeline/examples")
    found, log = pod.run("Finder", {"examples": examples})
    page = objects / found["lr_finder_page"]["uri"].removeprefix("minio://")
    assert page.read_text().rstrip().endswith("</html>")
    result = objects / found["lr_finder_result"]["uri"].removeprefix("minio://")
    scalars = found["lr_finder_scalars"]
    assert scalars["type"]["schemaTitle"] == "system.Metrics"
    rate = read_result(str(result)).learning_rate
    assert scalars["metadata"]["learning_rate"] == rate
    assert "this test cannot resume after a preemption" in log


@pytest.mark.long
def test_the_error_of_a_pod_of_vertex_names_the_folder_with_the_evidence(
    penguin_examples, tmp_path
):
    module = write_module(tmp_path, FLAT)
    job = compile_finder(root=tmp_path, module_file=module, **QUICK)
    pod = Pod(show_in_console(job), tmp_path / "root")
    examples = examples_input(penguin_examples, penguin_examples.uri)
    with pytest.raises(RuntimeError, match="InconclusiveError") as error:
        pod.run("Finder", {"examples": examples})
    folder = re.search(r"its pictures are in (\S+)", str(error.value))[1]
    assert pathlib.Path(folder).is_relative_to(tmp_path / "root")
    assert read_result(folder).reasons
    names = {path.name for path in pathlib.Path(folder).iterdir()}
    assert {"report.html", "learning_rate_curve.png", "result.json"} <= names
