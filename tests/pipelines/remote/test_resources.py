"""What each node of the compiled pipeline requests, and where LRFinder runs."""

import json

import pytest
import run_vertex
import yaml
from remote import resources
from run_kubeflow import main as kubeflow

IMAGE = "registry.example.org/lr-finder:1"
SHARED = ("--image", IMAGE, "--data", "gs://bucket/data", "--serving", "gs://bucket/s")
VERTEX = (*SHARED, "--root", "gs://bucket/root", "--accelerator", "NVIDIA_TESLA_T4")
KUBEFLOW = (*SHARED, "--root", "minio://bucket/root")


def _compile(main, tmp_path, *arguments):
    output = tmp_path / "compiled"
    assert main(["compile", *arguments, "--output", str(output)]) == 0
    job = next(yaml.safe_load_all(output.read_text()))
    return job.get("pipelineSpec", job)


def _containers(spec):
    executors = spec["deploymentSpec"]["executors"]
    return {
        label.removesuffix("_executor"): executor["container"]
        for label, executor in executors.items()
        if "container" in executor
    }


def _requests(spec):
    return {
        node: (
            container["resources"].get("cpuLimit", 0),
            container["resources"].get("memoryLimit", 0),
        )
        for node, container in _containers(spec).items()
        if "resources" in container
    }


def test_cpus_and_memory_reach_both_nodes_that_train_on_either_backend(tmp_path):
    flags = ("--cpus", "8", "--memory-gb", "30")
    expected = {"LRFinder": (8.0, 30.0), "LRFinderTrainer": (8.0, 30.0)}
    assert _requests(_compile(kubeflow, tmp_path, *KUBEFLOW, *flags)) == expected
    spec = _compile(run_vertex.main, tmp_path, *VERTEX, *flags)
    assert _requests(spec) == expected
    with_gpu = {
        node for node, c in _containers(spec).items() if "accelerator" in str(c)
    }
    assert with_gpu == {"LRFinder"}


def test_resources_reach_every_node_that_they_name(tmp_path):
    flags = [f"--resources={node}={n}:{2 * n}" for n, node in _numbered()]
    spec = _compile(kubeflow, tmp_path, *KUBEFLOW, "--cpus", "99", *flags)
    assert _requests(spec) == {node: (float(n), 2.0 * n) for n, node in _numbered()}


def _numbered():
    return list(enumerate(resources.NODES, start=1))


def test_resources_can_name_exactly_the_nodes_of_the_pipeline(tmp_path):
    spec = _compile(kubeflow, tmp_path, *KUBEFLOW)
    assert set(_containers(spec)) == set(resources.NODES)


def test_tfx_does_not_warn_that_the_default_image_is_missing(tmp_path, caplog):
    spec = _compile(kubeflow, tmp_path, *KUBEFLOW)
    assert {c["image"] for c in _containers(spec).values()} == {IMAGE}
    assert "DEFAULT_IMAGE_PATH_KEY" not in caplog.text


def _finder_parameters(spec):
    given = spec["root"]["dag"]["tasks"]["LRFinder"]["inputs"]["parameters"]
    return {name: value["runtimeValue"]["constant"] for name, value in given.items()}


@pytest.mark.parametrize(
    ("main", "shared"), [(run_vertex.main, VERTEX), (kubeflow, KUBEFLOW)]
)
def test_the_folders_that_outlive_the_pod_reach_lr_finder(main, shared, tmp_path):
    folders = {"checkpoint_dir": "gs://bucket/kept", "evidence_dir": "gs://bucket/e"}
    spec = _compile(main, tmp_path, *shared)
    assert not set(folders) & set(_finder_parameters(spec))
    flags = [f"--{k.replace('_', '-')}={v}" for k, v in folders.items()]
    given = _finder_parameters(_compile(main, tmp_path, *shared, *flags))
    assert {name: given.get(name) for name in folders} == folders


def test_the_volume_of_a_folder_that_outlives_the_pod_is_mounted(tmp_path):
    flags = ("--volume", "kept:/kept", "--checkpoint-dir", "/kept/checkpoints")
    _compile(kubeflow, tmp_path, *KUBEFLOW, *flags)
    _, platform = yaml.safe_load_all((tmp_path / "compiled").read_text())
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    mounted = {
        label: e["pvcMount"] for label, e in executors.items() if "pvcMount" in e
    }
    volume = {"constant": "kept", "mountPath": "/kept"}
    assert mounted == {"LRFinder_executor": [volume]}


@pytest.fixture(scope="module")
def with_custom_job(tmp_path_factory):
    """The compiled pipeline whose LRFinder runs in a custom job."""
    flags = ("--project", "p", "--region", "r", "--machine-type", "n1-highmem-8")
    more = ("--gpu-image", f"{IMAGE}-gpu", "--cpus", "8", "--accelerator-count", "2")
    folder = tmp_path_factory.mktemp("custom_job")
    return _compile(run_vertex.main, folder, *VERTEX, *flags, *more)


def test_a_type_of_machine_runs_lr_finder_in_a_custom_job(with_custom_job):
    container = _containers(with_custom_job)["LRFinder"]
    assert any("tfx_lr_finder.vertex.Executor" in arg for arg in container["args"])
    given = with_custom_job["root"]["dag"]["tasks"]["LRFinder"]["inputs"]["parameters"]
    config = given["custom_config"]["runtimeValue"]["constant"]
    assert json.loads(config)["vertex_custom_job"] == {
        "project": "p",
        "region": "r",
        "image": f"{IMAGE}-gpu",
        "machine_type": "n1-highmem-8",
        "accelerator_type": "NVIDIA_TESLA_T4",
        "accelerator_count": 2,
        "service_account": "",
    }
    assert given["requested_gpus"]["runtimeValue"]["constant"] == 2


def test_the_node_that_waits_for_a_custom_job_requests_nothing(with_custom_job):
    assert _containers(with_custom_job)["LRFinder"]["image"] == IMAGE
    assert set(_requests(with_custom_job)) == {"LRFinderTrainer"}
