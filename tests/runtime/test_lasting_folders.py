"""Where files outlive a pod, on each backend."""

import types

import pytest

from tfx_lr_finder.runtime.lasting_folders import lasting_folders

RUN = "0f8fad5b-d9cb-469f-a165-70867728950e"
ATTEMPT = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
NO_WORKING_DIR = types.SimpleNamespace(stateful_working_dir=None)


@pytest.mark.parametrize(
    ("node", "shared"),
    [
        (f"gs://bucket/root/taxi/{RUN}/LRFinder/{ATTEMPT}", "gs://bucket/root/taxi"),
        (f"gs://bucket/taxi/{RUN}/LRFinder", "gs://bucket/taxi"),
        ("gs://bucket/root/12345/taxi-2026/LRFinder_-678", "gs://bucket/root/12345"),
        ("gs://bucket/12345/my-job/LRFinder_678", "gs://bucket/12345"),
        ("/mnt/root/unknown/LRFinder", "/mnt/root/unknown"),
    ],
    ids=["Kubeflow", "old Kubeflow", "Vertex", "Vertex, named job", "unknown"],
)
def test_all_runs_share_a_folder_of_checkpoints_under_the_pipeline_root(node, shared):
    folders = lasting_folders(NO_WORKING_DIR, f"{node}/lr_finder_result")
    assert folders.checkpoints == f"{shared}/lr_finder_checkpoints"
    assert folders.evidence == f"{node}/lr_finder_evidence"


@pytest.mark.parametrize("scheme", ["minio", "s3"])
def test_a_pod_of_kubeflow_writes_to_no_bucket_that_only_the_launcher_can_reach(
    scheme, monkeypatch
):
    monkeypatch.setenv("KFP_POD_NAME", "taxi-lrfinder")
    uri = f"/{scheme}/bucket/taxi/{RUN}/LRFinder/{ATTEMPT}/lr_finder_result"
    folders = lasting_folders(NO_WORKING_DIR, uri)
    assert (folders.checkpoints, folders.evidence) == (None, None)


def test_a_pod_of_kubeflow_writes_to_google_cloud_storage_itself(monkeypatch):
    """The launcher does not copy its folder `/gcs` to the bucket after a failure."""
    monkeypatch.setenv("KFP_POD_NAME", "taxi-lrfinder")
    node = f"bucket/taxi/{RUN}/LRFinder/{ATTEMPT}"
    folders = lasting_folders(NO_WORKING_DIR, f"/gcs/{node}/lr_finder_result")
    assert folders.checkpoints == "gs://bucket/taxi/lr_finder_checkpoints"
    assert folders.evidence == f"gs://{node}/lr_finder_evidence"


def test_an_execution_with_a_working_directory_uses_it():
    context = types.SimpleNamespace(stateful_working_dir="/root/LRFinder/.system/7")
    folders = lasting_folders(context, "/root/LRFinder/lr_finder_result/7")
    assert folders.checkpoints == "/root/LRFinder/.system/7"
    assert folders.evidence == "/root/LRFinder/.system/7/lr_finder_result"
