"""Every bad setting is refused with one sentence, before anything is compiled."""

import importlib
import socket
import sys

import pytest
import run_kubeflow
import run_vertex
from remote import checks, compiling

VERTEX = {
    "--image": "registry.example.org/lr-finder:1",
    "--root": "gs://bucket/root",
    "--data": "gs://bucket/data",
    "--serving": "gs://bucket/serving",
}
KUBEFLOW = {**VERTEX, "--root": "minio://mlpipeline/v2"}


def _arguments(action, flags):
    given = [(flag, value) for flag, value in flags.items() if value is not None]
    return [action, *(text for pair in given for text in pair)]


def _refuses(main, capsys, action, flags, *expected):
    status = main(_arguments(action, flags))
    printed = capsys.readouterr()
    assert status == 1
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    for text in expected:
        assert text in printed.err


BAD_FOR_BOTH = [
    ({"--image": None}, ["--image is missing", "LR_FINDER_IMAGE"]),
    ({"--root": None}, ["--root is missing", "LR_FINDER_ROOT"]),
    ({"--image": "<your-image>"}, ["--image must be an image", "<your-image>"]),
    ({"--image": "UPPER/case"}, ["--image must be an image"]),
    ({"--gpu-image": "a b"}, ["--gpu-image must be an image"]),
    ({"--root": "/home/me"}, ["--root must be gs://BUCKET/FOLDER", "/home/me"]),
    ({"--root": "gs://"}, ["--root must be gs://BUCKET/FOLDER"]),
    ({"--name": "Taxi_Pipeline"}, ["--name must be a name that Kubernetes takes"]),
    ({"--name": "taxi-"}, ["--name must be a name that Kubernetes takes"]),
    ({"--name": "t" * 49}, ["at most 48"]),
    ({"--module": "no such"}, ["--module must be the dotted name"]),
    ({"--module": "missing.py"}, ["missing.py", "does not exist"]),
    ({"--span-pattern": "*/*.csv"}, ["--span-pattern must be", "{SPAN}"]),
    ({"--default-learning-rate": "0"}, ["--default-learning-rate must be positive"]),
    ({"--default-learning-rate": "nan"}, ["--default-learning-rate must be positive"]),
    ({"--accelerator-count": "0"}, ["--accelerator-count must be at least 1"]),
    ({"--memory-gb": "-1"}, ["--memory-gb must be at least 0"]),
    ({"--cpus": "inf"}, ["--cpus must be at least 0"]),
    ({"--retries": "-1"}, ["--retries must be at least 0"]),
    ({"--cron": "every day"}, ["--cron must have five fields"]),
    ({"--cron": "0 0 4 * * *"}, ["--cron must have five fields", "got 6"]),
    ({"--cron": "61 4 * * *"}, ["--cron: the minute", "'61'"]),
    ({"--cron": "0 4 * * 5-1"}, ["--cron: the day of the week", "'5-1'"]),
    ({"--cron": "*/0 4 * * *"}, ["--cron: the minute", "'*/0'"]),
]


@pytest.mark.parametrize(("flags", "expected"), BAD_FOR_BOTH, ids=str)
def test_vertex_refuses(flags, expected, capsys):
    _refuses(run_vertex.main, capsys, "compile", {**VERTEX, **flags}, *expected)


@pytest.mark.parametrize(("flags", "expected"), BAD_FOR_BOTH, ids=str)
def test_kubeflow_refuses(flags, expected, capsys):
    _refuses(run_kubeflow.main, capsys, "compile", {**KUBEFLOW, **flags}, *expected)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"--accelerator": "nvidia-t4"}, ["that Vertex knows", "NVIDIA_TESLA_T4"]),
        ({"--accelerator": "TPU_V3"}, ["that Vertex knows", "'TPU_V3'"]),
        ({"--accelerator": "NVIDIA_L4", "--accelerator-count": "3"}, ["1, 2, 4, 8"]),
        ({"--root": "s3://bucket"}, ["--root must be gs://BUCKET/FOLDER"]),
        ({"--data": "/data"}, ["--data must be gs://BUCKET/FOLDER"]),
        ({"--last-good": "good"}, ["--last-good must be gs://BUCKET/FOLDER"]),
        ({"--spec": "2.0", "--span-pattern": "{SPAN}/*"}, ["needs --spec 2.1"]),
    ],
    ids=str,
)
def test_vertex_alone_refuses(flags, expected, capsys):
    _refuses(run_vertex.main, capsys, "compile", {**VERTEX, **flags}, *expected)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"--accelerator": "NVIDIA_TESLA_T4"}, ["nvidia.com/gpu", "--node-selector"]),
        ({"--node-selector": "gpu"}, ["--node-selector must be KEY=VALUE"]),
        ({"--node-selector": "a=b c"}, ["--node-selector must be KEY=VALUE"]),
        ({"--toleration": "gpu"}, ["--toleration must be KEY[=VALUE]:EFFECT"]),
        ({"--toleration": "gpu:Never"}, ["--toleration must be", "NoSchedule"]),
        ({"--volume": "data"}, ["--volume must be CLAIM:PATH"]),
        ({"--volume": "Data:/data"}, ["--volume must be a name that Kubernetes takes"]),
        ({"--data": "/data"}, ["--data must be gs://", "--volume CLAIM:PATH"]),
        ({"--serving": "s3://b/s"}, ["--serving must be gs://"]),
        ({"--last-good": "s3://b/g"}, ["--last-good must be gs://"]),
        ({"--namespace": "My_Team"}, ["--namespace must be a name"]),
    ],
    ids=str,
)
def test_kubeflow_alone_refuses(flags, expected, capsys):
    _refuses(run_kubeflow.main, capsys, "compile", {**KUBEFLOW, **flags}, *expected)


def test_a_schedule_needs_a_cron(capsys):
    _refuses(run_vertex.main, capsys, "schedule", VERTEX, "needs --cron")
    _refuses(run_kubeflow.main, capsys, "schedule", KUBEFLOW, "needs --cron")


def test_vertex_needs_a_project_and_a_region_to_submit(capsys):
    _refuses(run_vertex.main, capsys, "submit", VERTEX, "--project and --region")


def test_kubeflow_needs_an_endpoint_to_run(capsys):
    _refuses(run_kubeflow.main, capsys, "run", KUBEFLOW, "needs --endpoint")


def test_a_file_for_a_bucket_needs_credentials(capsys, monkeypatch, tmp_path):
    module = tmp_path / "taxi_module.py"
    module.touch()
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    flags = {**VERTEX, "--module": str(module)}
    expected = ("no credentials", "gcloud auth", "dotted name")
    _refuses(run_vertex.main, capsys, "compile", flags, *expected)


def test_a_file_is_refused_for_a_bucket_that_tfx_cannot_write(capsys, tmp_path):
    module = tmp_path / "taxi_module.py"
    module.touch()
    flags = {**KUBEFLOW, "--module": str(module)}
    _refuses(run_kubeflow.main, capsys, "compile", flags, "cannot write to minio://")


def test_the_environment_gives_what_no_flag_gives(capsys, monkeypatch):
    monkeypatch.setenv("LR_FINDER_NAME", "From_Environment")
    _refuses(run_vertex.main, capsys, "compile", VERTEX, "'From_Environment'")
    flags = {**VERTEX, "--name": "From_Flag"}
    _refuses(run_vertex.main, capsys, "compile", flags, "'From_Flag'")


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("LR_FINDER_SEED", "many", "LR_FINDER_SEED must be a int"),
        ("LR_FINDER_GPU_TRAINER", "maybe", "LR_FINDER_GPU_TRAINER must be 1, true"),
        ("LR_FINDER_ON_NO_GPU", "cry", "LR_FINDER_ON_NO_GPU must be one of"),
    ],
)
def test_the_environment_is_checked_too(variable, value, expected, capsys, monkeypatch):
    monkeypatch.setenv(variable, value)
    _refuses(run_vertex.main, capsys, "compile", VERTEX, expected)


@pytest.mark.parametrize(
    "cron", ["0 4 * * *", "*/15 0-6,20 1,15 JAN-mar mon-FRI", "59 23 31 12 6"]
)
def test_a_cron_that_is_one_passes(cron):
    checks.cron("--cron", cron)


def test_an_image_by_digest_on_a_port_passes():
    checks.image("--image", f"localhost:5000/a/b-c_d:v1@sha256:{'0' * 64}")


def test_an_endpoint_that_is_down_is_told_before_anything_is_compiled(capsys):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{free.getsockname()[1]}"
    flags = {**KUBEFLOW, "--endpoint": endpoint}
    expected = f"Nobody answers at --endpoint {endpoint}"
    _refuses(run_kubeflow.main, capsys, "run", flags, expected)


def test_an_endpoint_without_a_scheme_is_none(capsys):
    flags = {**KUBEFLOW, "--endpoint": "localhost:8888"}
    _refuses(run_kubeflow.main, capsys, "run", flags, "--endpoint must be an address")


@pytest.mark.parametrize(
    ("last_python", "remedy"),
    [((3, 99), "Install the extra"), ((3, 9), "with 3.10 or 3.11")],
)
@pytest.mark.parametrize(
    ("main", "flags"), [(run_vertex.main, VERTEX), (run_kubeflow.main, KUBEFLOW)]
)
def test_where_tfx_has_no_runner_it_says_so(
    main, flags, last_python, remedy, capsys, monkeypatch
):
    package = importlib.import_module("tfx.orchestration.kubeflow.v2")
    runner = "kubeflow_v2_dag_runner"
    monkeypatch.delattr(package, runner, raising=False)
    monkeypatch.setitem(sys.modules, f"{package.__name__}.{runner}", None)
    monkeypatch.setattr(compiling, "LAST_PYTHON", last_python)
    expected = ["TFX cannot compile for Vertex and Kubeflow here", remedy]
    _refuses(main, capsys, "compile", flags, *expected)
