"""What the runners compile, against files that a person has looked at.

After a wanted change, `UPDATE_GOLDEN=1 pytest tests/pipelines/remote/test_golden.py`
writes them again. Read the difference before committing it.
"""

import json
import os
import pathlib

import pytest
import run_kubeflow
import run_vertex
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

GOLDEN = pathlib.Path(__file__).parent / "golden"
SPANS = ("--span-pattern", "span-{SPAN}/*")
SHARED = (
    *("--image", "registry.example.org/lr-finder:1", "--gpu-trainer"),
    *("--gpu-image", "registry.example.org/lr-finder:1-gpu"),
    *("--cpus", "8", "--memory-gb", "30", "--retries", "2", "--on-no-gpu", "fail"),
    *("--default-learning-rate", "1e-3"),
)
VERTEX = (
    *("--root", "gs://bucket/root", "--data", "gs://bucket/data"),
    *("--serving", "gs://bucket/serving", "--last-good", "gs://bucket/good"),
    *("--accelerator", "NVIDIA_TESLA_T4", "--accelerator-count", "2"),
)
KUBEFLOW = (
    *("--root", "minio://mlpipeline/v2", "--volume", "taxi:/taxi"),
    *("--data", "/taxi/data", "--serving", "/taxi/serving"),
    *("--accelerator", "nvidia.com/gpu", "--spot", "gke"),
    *("--node-selector", "cloud.google.com/gke-accelerator=nvidia-tesla-t4"),
    *("--toleration", "team=ml:NoSchedule"),
)


def _vertex(folder, spec, spans=SPANS):
    output = folder / "job.json"
    arguments = ["compile", *SHARED, *VERTEX, *spans, "--spec", spec]
    arguments += ["--output", str(output)]
    assert run_vertex.main(arguments) == 0
    return json.loads(output.read_text())


def _kubeflow(folder):
    output = folder / "pipeline.yaml"
    arguments = ["compile", *SHARED, *SPANS, *KUBEFLOW, "--output", str(output)]
    assert run_kubeflow.main(arguments) == 0
    return list(yaml.safe_load_all(output.read_text()))


COMPILED = {
    "vertex_2_0.json": lambda folder: _vertex(folder, "2.0", spans=()),
    "vertex_2_1.json": lambda folder: _vertex(folder, "2.1"),
    "kubeflow.json": _kubeflow,
}


@pytest.fixture(scope="module", params=list(COMPILED))
def compiled(request, tmp_path_factory):
    """The name of a golden file, and what is compiled now."""
    return request.param, COMPILED[request.param](tmp_path_factory.mktemp("golden"))


def _without_versions(value):
    """The same, without what differs between machines and releases."""
    if isinstance(value, list):
        return [_without_versions(item) for item in value]
    if not isinstance(value, dict):
        return value
    masked = {"sdkVersion"} & set(value)
    if "runtimeConfig" in value:
        masked |= {"labels"} & set(value)
    if "runtimeValue" in value.get("component_version", {}):
        masked.add("component_version")
    return {
        key: "differs" if key in masked else _without_versions(item)
        for key, item in value.items()
    }


def test_the_compiled_pipeline_equals_the_golden_file(compiled):
    name, job = compiled
    text = json.dumps(_without_versions(job), indent=1, sort_keys=True) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        (GOLDEN / name).write_text(text)
    assert text == (GOLDEN / name).read_text()


def _spec(job):
    return job[0] if isinstance(job, list) else job["pipelineSpec"]


def test_the_compiled_pipeline_follows_the_schema_of_kubeflow_pipelines(compiled):
    _, job = compiled
    spec = json_format.ParseDict(_spec(job), pipeline_spec_pb2.PipelineSpec())
    json_format.ParseDict(
        json_format.MessageToDict(spec.deployment_spec),
        pipeline_spec_pb2.PipelineDeploymentConfig(),
    )


def test_every_input_has_a_producer(compiled):
    _, job = compiled
    spec = _spec(job)
    tasks = spec["root"]["dag"]["tasks"]
    for task in tasks.values():
        for source in task.get("inputs", {}).get("artifacts", {}).values():
            wired = source["taskOutputArtifact"]
            producer = tasks[wired["producerTask"]]["componentRef"]["name"]
            outputs = spec["components"][producer]["outputDefinitions"]["artifacts"]
            assert wired["outputArtifactKey"] in outputs


def test_only_the_nodes_that_train_get_the_gpu_its_image_and_its_node(compiled):
    name, job = compiled
    training = {"LRFinder_executor", "LRFinderTrainer_executor"}
    for label, executor in _spec(job)["deploymentSpec"]["executors"].items():
        container = executor.get("container", {})
        assert ("resources" in container) == (label in training)
        assert container.get("image", "").endswith("-gpu") == (label in training)
    if name == "kubeflow.json":
        platform = job[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        placed = {label for label, item in platform.items() if "nodeSelector" in item}
        assert placed == training
        tolerant = {label for label, item in platform.items() if "tolerations" in item}
        assert tolerant == training


def test_a_volume_is_mounted_only_where_it_is_used(tmp_path):
    platform = _kubeflow(tmp_path)[1]["platforms"]["kubernetes"]["deploymentSpec"]
    mounted = {k for k, item in platform["executors"].items() if "pvcMount" in item}
    assert mounted == {"CsvExampleGen_executor", "Pusher_executor"}


def test_open_source_kubeflow_never_takes_a_span_from_its_cache(tmp_path):
    tasks = _kubeflow(tmp_path)[0]["root"]["dag"]["tasks"]
    assert tasks["CsvExampleGen"]["cachingOptions"] == {}
    assert tasks["Transform"]["cachingOptions"] == {"enableCache": True}


def test_the_compiler_writes_to_no_bucket_for_a_dotted_module(tmp_path):
    """`gs://bucket` exists for nobody here; a write would have failed."""
    job = _vertex(tmp_path, "2.1")
    assert "_wheels" not in json.dumps(job)
