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
from remote import kubernetes

FOLDER = pathlib.Path(__file__).parents[1] / "kubeflow"
OVERLAYS = [
    "base",
    "overlays/local",
    "overlays/gke",
    "overlays/spot",
    "overlays/own-namespace",
    "copy-data",
    "recurring-run",
]
CLUSTER_WIDE = ("ComputeClass",)
NAMESPACES = ("kubeflow", "team-a")
VERSIONS = ("1.30", "1.34", "1.37")

needs_kubectl = pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="kustomize comes with kubectl"
)


@pytest.fixture
def build(tmp_path):
    """Renders an overlay for a namespace, with optional components added to it."""

    def render(overlay, namespace="kubeflow", components=()):
        copy = tmp_path / "kubeflow"
        shutil.copytree(FOLDER, copy, dirs_exist_ok=True)
        # The Git deployment of a recurring run adds a compiled pipeline.
        (copy / "recurring-run" / "pipeline.yaml").write_text("schemaVersion: 2.1.0\n")
        _edit(copy / "namespace/kustomization.yaml", namespace=namespace)
        if components:
            file = copy / overlay / "kustomization.yaml"
            there = yaml.safe_load(file.read_text()).get("components", [])
            up = "../" * len(pathlib.PurePath(overlay).parts)
            added = [f"{up}components/{name}" for name in components]
            _edit(file, components=[*there, *added])
        done = subprocess.run(
            ["kubectl", "kustomize", str(copy / overlay)],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return list(yaml.safe_load_all(done.stdout))

    return render


def _edit(file, **changes):
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), **changes}))


def _only(objects, kind):
    (found,) = (item for item in objects if item["kind"] == kind)
    return found


def _pod_spec(item):
    spec = item["spec"]
    return spec["template"]["spec"] if item["kind"] == "Job" else spec


@needs_kubectl
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_follows_the_schema_of_every_version(overlay, build):
    logging.getLogger("kubernetes_validate").setLevel(logging.ERROR)
    for item in build(overlay):
        for version in VERSIONS:
            if item["kind"] not in CLUSTER_WIDE:  # Google's own type
                kubernetes_validate.validate(item, version, strict=True)


@needs_kubectl
def test_the_schema_check_finds_a_misspelled_field(build):
    policy = _only(build("base"), "NetworkPolicy")
    policy["spec"]["egres"] = policy["spec"].pop("egress")
    with pytest.raises(kubernetes_validate.ValidationError, match="egres"):
        kubernetes_validate.validate(policy, "1.37", strict=True)


@needs_kubectl
@pytest.mark.parametrize("namespace", NAMESPACES)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_one_change_moves_every_object_to_another_namespace(overlay, namespace, build):
    spaces = {
        item["metadata"].get("namespace")
        for item in build(overlay, namespace)
        if item["kind"] not in CLUSTER_WIDE
    }
    assert spaces == {namespace}


@needs_kubectl
@pytest.mark.parametrize("namespace", NAMESPACES)
def test_the_role_is_bound_to_the_service_account_of_the_namespace(namespace, build):
    objects = build("overlays/gke", namespace)
    (subject,) = _only(objects, "RoleBinding")["subjects"]
    account = _only(objects, "ServiceAccount")["metadata"]
    assert (subject["name"], subject["namespace"]) == (account["name"], namespace)
    assert account["namespace"] == namespace


@needs_kubectl
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_deleting_an_overlay_deletes_no_namespace_and_no_priority_class(overlay, build):
    kinds = {item["kind"] for item in build(overlay)}
    assert not kinds & {"Namespace", "PriorityClass"}


@needs_kubectl
def test_the_quota_is_in_the_overlay_for_a_namespace_of_its_own_only(build):
    with_quota = [
        overlay
        for overlay in OVERLAYS
        if "ResourceQuota" in {item["kind"] for item in build(overlay)}
    ]
    assert with_quota == ["overlays/own-namespace"]


@needs_kubectl
@pytest.mark.parametrize("namespace", NAMESPACES)
def test_the_network_policy_selects_the_pods_that_the_runner_labels(namespace, build):
    policy = _only(build("base", namespace), "NetworkPolicy")
    assert policy["spec"]["podSelector"]["matchLabels"] == kubernetes.POD_LABELS


def _peers(policy, protocol, port):
    """The peers that a port is open to."""
    for rule in policy["spec"]["egress"]:
        ports = rule.get("ports")
        if ports is None or {"protocol": protocol, "port": port} in ports:
            yield from rule.get("to", [{}])


@needs_kubectl
@pytest.mark.parametrize("address", ["169.254.20.10/32", "169.254.169.254/32"])
@pytest.mark.parametrize("protocol", ["UDP", "TCP"])
def test_the_network_policy_lets_dns_through_node_caches(protocol, address, build):
    policy = _only(build("base"), "NetworkPolicy")
    assert {"ipBlock": {"cidr": address}} in list(_peers(policy, protocol, 53))


@needs_kubectl
@pytest.mark.parametrize("namespace", NAMESPACES)
def test_the_network_policy_reaches_its_own_namespace_and_kubeflow(namespace, build):
    peers = list(_peers(_only(build("base", namespace), "NetworkPolicy"), "TCP", 8080))
    kubeflow = {"matchLabels": {"kubernetes.io/metadata.name": "kubeflow"}}
    assert peers == [{"podSelector": {}}, {"namespaceSelector": kubeflow}]


@needs_kubectl
def test_the_service_account_has_only_the_rights_that_are_used(build):
    rights = {
        (group, resource, verb, *rule.get("resourceNames", []))
        for rule in _only(build("base"), "Role")["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert rights == {
        ("argoproj.io", "workflowtaskresults", "create"),
        ("argoproj.io", "workflowtaskresults", "patch"),
        ("", "configmaps", "get", "kfp-launcher"),
        ("", "secrets", "get", "mlpipeline-minio-artifact"),
        ("", "pods", "get"),
    }


@needs_kubectl
def test_a_private_registry_is_one_component(build):
    secret = [{"name": "lr-finder-registry"}]
    added = ["private-registry"]
    account = _only(build("overlays/local", components=added), "ServiceAccount")
    assert account["imagePullSecrets"] == secret
    for overlay, kind in (("recurring-run", "Job"), ("copy-data", "Pod")):
        item = _only(build(overlay, components=added), kind)
        assert _pod_spec(item)["imagePullSecrets"] == secret


@needs_kubectl
def test_the_pod_that_copies_data_mounts_the_volume_of_the_local_overlay(build):
    claim = _only(build("overlays/local"), "PersistentVolumeClaim")["metadata"]["name"]
    (volume,) = _only(build("copy-data"), "Pod")["spec"]["volumes"]
    assert volume["persistentVolumeClaim"]["claimName"] == claim


@needs_kubectl
@pytest.mark.parametrize(
    ("overlay", "kind"), [("recurring-run", "Job"), ("copy-data", "Pod")]
)
def test_pods_of_the_manifests_run_without_rights(overlay, kind, build):
    spec = _pod_spec(_only(build(overlay), kind))
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["automountServiceAccountToken"] is False
    (container,) = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@needs_kubectl
def test_google_service_account_becomes_an_annotation(build):
    account = _only(build("overlays/gke"), "ServiceAccount")
    ((annotation, value),) = account["metadata"]["annotations"].items()
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
