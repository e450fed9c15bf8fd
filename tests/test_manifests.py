"""The manifests in `kubeflow/`, by kustomize, against the schemas of Kubernetes."""

import logging
import os
import pathlib
import shutil
import subprocess
import sys

import kubernetes_validate
import pytest
import yaml

FOLDER = pathlib.Path(__file__).parents[1] / "kubeflow"
OVERLAYS = ["base", "overlays/local", "overlays/gke", "overlays/spot", "recurring-run"]
VERSIONS = ("1.30", "1.34", "1.37")

needs_kubectl = pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="kustomize comes with kubectl"
)


def _build(overlay, folder):
    """The objects of an overlay; a recurring run needs a compiled pipeline."""
    copy = folder / "kubeflow"
    shutil.copytree(FOLDER, copy, dirs_exist_ok=True)
    (copy / "recurring-run" / "pipeline.yaml").write_text("schemaVersion: 2.1.0\n")
    done = subprocess.run(
        ["kubectl", "kustomize", str(copy / overlay)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@needs_kubectl
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_is_one_by_the_schema(overlay, version, tmp_path):
    logging.getLogger("kubernetes_validate").setLevel(logging.ERROR)
    for item in _build(overlay, tmp_path):
        if item["kind"] != "ComputeClass":  # Google's own
            kubernetes_validate.validate(item, version, strict=True)


@needs_kubectl
def test_the_schema_finds_a_slip(tmp_path):
    (quota,) = (o for o in _build("base", tmp_path) if o["kind"] == "ResourceQuota")
    quota["spec"]["hrad"] = quota["spec"].pop("hard")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(quota, "1.37", strict=True)


@needs_kubectl
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_all_objects_of_a_namespace_are_in_one(overlay, tmp_path):
    objects = _build(overlay, tmp_path)
    clusters = ("Namespace", "PriorityClass", "ComputeClass")
    spaces = {
        item["metadata"].get("namespace")
        for item in objects
        if item["kind"] not in clusters
    }
    assert spaces == {"kubeflow"}


@needs_kubectl
def test_the_service_account_may_not_start_read_or_delete_what_it_need_not(tmp_path):
    (role,) = (item for item in _build("base", tmp_path) if item["kind"] == "Role")
    for rule in role["rules"]:
        assert "*" not in [*rule["verbs"], *rule["resources"], *rule["apiGroups"]]
        if {"secrets", "configmaps"} & set(rule["resources"]):
            assert rule["resourceNames"]
            assert rule["verbs"] == ["get"]
        if "pods" in rule["resources"]:
            assert set(rule["verbs"]) <= {"get", "list", "watch"}


@needs_kubectl
def test_google_service_account_becomes_an_annotation(tmp_path):
    accounts = [
        item
        for item in _build("overlays/gke", tmp_path)
        if item["kind"] == "ServiceAccount"
    ]
    ((annotation, value),) = accounts[0]["metadata"]["annotations"].items()
    assert annotation == "iam.gke.io/gcp-service-account"
    assert value.endswith(".iam.gserviceaccount.com")


def test_no_manifest_keeps_a_blank_to_fill_in():
    for path in FOLDER.rglob("*"):
        if path.is_file():
            assert "<your" not in path.read_text().lower()
            assert path.name != "__init__.py"


@pytest.mark.filterwarnings("ignore::DeprecationWarning:kfp_server_api")
def test_the_job_makes_the_recurring_run(kfp_server, tmp_path):
    pytest.importorskip("kfp", reason="there is none that TFX works with here")
    (job,) = yaml.safe_load_all((FOLDER / "recurring-run/job.yaml").read_text())
    (container,) = job["spec"]["template"]["spec"]["containers"]
    python, *command = container["command"]
    assert python == "python"
    pipeline = tmp_path / "pipeline.yaml"
    pipeline.write_text(
        yaml.safe_dump(
            {
                "schemaVersion": "2.1.0",
                "pipelineInfo": {"name": "taxi"},
                "root": {"dag": {"tasks": {}}},
                "deploymentSpec": {},
            }
        )
    )
    lines = (FOLDER / "recurring-run/schedule.env").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    given |= {"ENDPOINT": kfp_server.url, "PIPELINE": str(pipeline)}
    done = subprocess.run(
        [sys.executable, *command],
        env={**os.environ, **given, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (sent,) = kfp_server.sent("POST /apis/v2beta1/recurringruns")
    assert sent["trigger"]["cron_schedule"]["cron"] == given["CRON"]
    assert sent["service_account"] == "lr-finder-runner"
    assert sent["runtime_config"]["pipeline_root"] == given["PIPELINE_ROOT"]
