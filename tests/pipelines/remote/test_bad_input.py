"""Every bad setting is refused in one line, before anything is compiled."""

import importlib
import os
import pathlib
import shlex
import socket
import subprocess
import sys

import pytest
import run_kubeflow
import run_vertex
from remote import checks, compiling, vertex

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
    ({"--image": None}, ["Missing option '--image'", "LR_FINDER_IMAGE"]),
    ({"--root": None}, ["Missing option '--root'", "LR_FINDER_ROOT"]),
    ({"--image": "<your-image>:1"}, ["--image must be an image", "<your-image>"]),
    ({"--image": "registry.example.org/lr-finder"}, ["with a tag or a digest"]),
    ({"--image": "localhost:5000/lr-finder"}, ["with a tag or a digest"]),
    ({"--gpu-image": "a b:1"}, ["--gpu-image must be an image"]),
    ({"--root": "/home/me"}, ["--root must be gs://BUCKET/FOLDER", "/home/me"]),
    ({"--root": "gs://"}, ["--root must be gs://BUCKET/FOLDER"]),
    ({"--module": "no such"}, ["--module must be the dotted name"]),
    ({"--module": "missing.py"}, ["missing.py", "does not exist"]),
    ({"--span-pattern": "*/*.csv"}, ["--span-pattern must be", "{SPAN}"]),
    ({"--default-learning-rate": "0"}, ["--default-learning-rate must be positive"]),
    ({"--default-learning-rate": "nan"}, ["--default-learning-rate must be positive"]),
    ({"--accelerator-count": "0"}, ["--accelerator-count must be at least 1"]),
    ({"--memory-gb": "-1"}, ["--memory-gb must be at least 0"]),
    ({"--cpus": "inf"}, ["--cpus must be at least 0"]),
    ({"--resources": "Transform"}, ["--resources must be NODE=CPUS:GB", "'Transform'"]),
    ({"--resources": "Transform=4"}, ["--resources must be NODE=CPUS:GB"]),
    ({"--resources": "Evaluater=4:16"}, ["got 'Evaluater'", "Transform", "Evaluator"]),
    ({"--resources": "Transform=-1:4"}, ["--resources Transform must be at least 0"]),
    ({"--retries": "-1"}, ["--retries must be at least 0"]),
    ({"--cron": "every day"}, ["--cron must have five fields"]),
    ({"--cron": "0 0 4 * * *"}, ["--cron must have five fields", "got 6"]),
    ({"--cron": "61 4 * * *"}, ["--cron: the minute", "'61'"]),
    ({"--cron": "0 4 * * 1-2-3"}, ["--cron: the day of the week", "'1-2-3'"]),
    ({"--cron": "0 4 0 * *"}, ["--cron: the day of the month", "'0'"]),
    ({"--output": "no/such/folder/job"}, ["--output must be a file in a folder"]),
    ({"--output": "/"}, ["--output must be a file in a folder"]),
    ({"--on-no-gpu": "cry"}, ["'--on-no-gpu'", "'warn', 'fail'"]),
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
        ({"--accelerator": "nvidia-t4"}, ["a type of Vertex", "NVIDIA_TESLA_T4"]),
        ({"--accelerator": "NVIDIA_TESLA_T44"}, ["a type of Vertex", "TESLA_T44'"]),
        ({"--accelerator": "TPU_V3"}, ["a type of Vertex", "'TPU_V3'"]),
        ({"--accelerator": "NVIDIA_L4", "--accelerator-count": "3"}, ["1, 2, 4, 8"]),
        ({"--machine-type": "n1-standard-8"}, ["needs --project and --region"]),
        (
            {"--machine-type": "big", "--project": "p", "--region": "r"},
            ["--machine-type must be", "n1-standard-8", "'big'"],
        ),
        ({"--root": "s3://bucket"}, ["--root must be gs://BUCKET/FOLDER"]),
        ({"--data": "/data"}, ["--data must be gs://BUCKET/FOLDER"]),
        ({"--last-good": "good"}, ["--last-good must be gs://BUCKET/FOLDER"]),
        ({"--checkpoint-dir": "/kept"}, ["--checkpoint-dir must be gs://BUCKET"]),
        ({"--evidence-dir": "s3://b/e"}, ["--evidence-dir must be gs://BUCKET"]),
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
        ({"--accelerator": "nvidia.com/gpuu"}, ["--accelerator must be", "gpuu'"]),
        ({"--node-selector": "gpu"}, ["--node-selector must be KEY=VALUE"]),
        ({"--toleration": "gpu"}, ["--toleration must be KEY[=VALUE]:EFFECT"]),
        ({"--toleration": "gpu:Never"}, ["--toleration must be", "NoSchedule"]),
        ({"--volume": "data"}, ["--volume must be CLAIM:PATH"]),
        ({"--data": "/data"}, ["--data must be gs://", "--volume CLAIM:PATH"]),
        ({"--serving": "s3://b/s"}, ["--serving must be gs://"]),
        ({"--checkpoint-dir": "/kept"}, ["--checkpoint-dir must be gs://", "--volume"]),
        ({"--checkpoint-dir": ""}, ["--checkpoint-dir must be gs://", "got ''"]),
        (
            {"--evidence-dir": "/keptt", "--volume": "kept:/kept"},
            ["--evidence-dir must be gs://", "got '/keptt'"],
        ),
        ({"--evidence-dir": "minio://b/e"}, ["--evidence-dir must be gs://"]),
        ({"--last-good": "s3://b/g"}, ["--last-good must be gs://"]),
        ({"--spot": "moon"}, ["'--spot'", "'karpenter'"]),
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


@pytest.fixture
def no_credentials(monkeypatch, tmp_path):
    """A machine that has no credentials for Google Cloud."""
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)


@pytest.mark.usefixtures("no_credentials")
def test_a_file_for_a_bucket_needs_credentials(capsys, tmp_path):
    module = tmp_path / "taxi_module.py"
    module.touch()
    flags = {**VERTEX, "--module": str(module)}
    expected = ("no valid credentials", "gcloud auth", "dotted name")
    _refuses(run_vertex.main, capsys, "compile", flags, *expected)


@pytest.mark.usefixtures("no_credentials")
@pytest.mark.parametrize("action", ["submit", "schedule"])
def test_vertex_needs_credentials_before_anything_is_compiled(
    action, capsys, tmp_path, monkeypatch
):
    monkeypatch.setattr(compiling, "compile_pipeline", None)
    flags = {**VERTEX, "--project": "p", "--region": "r", "--cron": "0 4 * * *"}
    flags["--span-pattern"] = "span-{SPAN}/*"
    expected = (f"The action '{action}'", "no valid credentials", "gcloud auth")
    _refuses(run_vertex.main, capsys, action, flags, *expected)


def test_an_endpoint_that_asks_for_credentials_is_refused_before_compiling(
    kfp_server, capsys, monkeypatch
):
    monkeypatch.setattr(compiling, "compile_pipeline", None)
    del kfp_server.answers["GET /apis/v2beta1/healthz"]
    flags = {**KUBEFLOW, "--endpoint": kfp_server.url}
    expected = ("asks for credentials (403 Forbidden)", "port-forward", "KF_PIPELINES_")
    _refuses(run_kubeflow.main, capsys, "run", flags, *expected)


def test_the_types_of_gpu_are_those_of_googles_client():
    from google.cloud.aiplatform_v1.types import AcceleratorType

    gpus = [kind.name for kind in AcceleratorType if kind.name.startswith("NVIDIA_")]
    assert sorted(vertex.accelerators()) == sorted(gpus)


@pytest.mark.parametrize(
    "machine_type",
    [
        "n1-standard-8",
        "n1-highmem-96",
        "a2-highgpu-1g",
        "g2-standard-48",
        "a3-megagpu-8g",
    ]
    + ["e2-medium", "c2-standard-60", "a2-ultragpu-8g"],
)
def test_a_type_of_machine_of_google_cloud_passes(machine_type):
    vertex.check_machine_type(machine_type)


SCRIPTS = pathlib.Path(run_vertex.__file__).parent


@pytest.mark.parametrize(
    ("script", "name", "value"),
    [
        ("run_vertex.py", "--accelerator", "NVIDIA_TESLA_T44"),
        ("run_kubeflow.py", "--accelerator", "nvidia.com/gpuu"),
        ("run_vertex.py", "--image", "registry.example.org/lr-finder"),
        ("run_kubeflow.py", "--output", "no/such/folder/pipeline.yaml"),
    ],
)
def test_a_wrong_value_is_refused_without_loading_tfx_or_googles_client(
    script, name, value
):
    """As a process of its own, which costs a second if nothing heavy is loaded."""
    shown = (
        "import runpy, sys; sys.argv = sys.argv[1:]; sys.path.insert(0, sys.argv[1])"
    )
    code = f"""{shown}
path = sys.argv.pop(1)
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    heavy = {{"tfx", "tensorflow", "kfp", "google.cloud.aiplatform_v1"}}
    print(sorted(heavy & set(sys.modules)))
"""
    flags = {**(VERTEX if "vertex" in script else KUBEFLOW), name: value}
    command = [sys.executable, "-c", code, str(SCRIPTS / script), str(SCRIPTS)]
    command += _arguments("compile", flags)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert value in done.stderr
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("script", ["run_vertex.py", "run_kubeflow.py"])
def test_a_python_without_tfx_gets_the_command_to_use(script):
    """-S leaves out the installed packages."""
    arguments = ["compile", "--root", "gs://a bucket"]
    command = [sys.executable, "-S", str(SCRIPTS / script), *arguments]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=SCRIPTS.parent
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"TFX is not installed for {sys.executable}.")
    assert done.stderr.count("\n") == 1
    again = done.stderr.partition("make venv && ")[2]
    assert shlex.split(again) == [".ci/venv.sh", "python", *command[2:]]


def test_a_file_is_refused_for_a_bucket_that_tfx_cannot_write(capsys, tmp_path):
    module = tmp_path / "taxi_module.py"
    module.touch()
    flags = {**KUBEFLOW, "--module": str(module)}
    _refuses(run_kubeflow.main, capsys, "compile", flags, "cannot write to minio://")


def test_an_environment_variable_sets_an_option_and_the_command_line_wins(
    capsys, monkeypatch
):
    monkeypatch.setenv("LR_FINDER_IMAGE", "from-environment")
    flags = {**VERTEX, "--image": None}
    _refuses(run_vertex.main, capsys, "compile", flags, "'from-environment'")
    flags = {**VERTEX, "--image": "from-option"}
    _refuses(run_vertex.main, capsys, "compile", flags, "'from-option'")


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("LR_FINDER_SEED", "many", "'many' is not a valid integer"),
        ("LR_FINDER_GPU_TRAINER", "maybe", "'maybe' is not a valid boolean"),
        ("LR_FINDER_ON_NO_GPU", "cry", "'cry' is not one of 'warn', 'fail'"),
        ("LR_FINDER_VOLUME", "taxi:/taxi data", "--volume must be CLAIM:PATH"),
    ],
)
def test_a_bad_environment_variable_is_refused_by_its_name(
    variable, value, expected, capsys, monkeypatch
):
    monkeypatch.setenv(variable, value)
    name = () if variable == "LR_FINDER_VOLUME" else (variable,)
    _refuses(run_kubeflow.main, capsys, "compile", KUBEFLOW, expected, *name)


@pytest.mark.parametrize("main", [run_vertex.main, run_kubeflow.main])
def test_the_help_names_the_variable_of_each_option_and_marks_the_required_ones(
    main, capsys
):
    assert main(["--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for name in ("IMAGE", "ROOT", "DATA", "SERVING"):
        assert f"[env var: LR_FINDER_{name}; required]" in text
        assert f"--{name.lower()} {name}" in text.partition("ACTION")[0]
    assert text.count("required]") == 4
    options = [word for word in text.split() if word.startswith("--")]
    assert text.count("[env var: LR_FINDER_") >= 25
    assert "--gpu-trainer" in options


@pytest.mark.parametrize(
    "cron", ["0 4 * * *", "*/15 0-6,20 1,15 JAN-mar mon-FRI", "59 23 31 12 6"]
)
def test_a_valid_cron_passes(cron):
    checks.cron("--cron", cron)


@pytest.mark.parametrize(
    "tag", [":v1", f"@sha256:{'0' * 64}", f":v1@sha256:{'0' * 64}"]
)
def test_an_image_with_a_tag_or_a_digest_passes(tag):
    checks.image("--image", f"localhost:5000/a/b-c_d{tag}")


def test_an_endpoint_that_is_down_is_refused_before_anything_is_compiled(capsys):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{free.getsockname()[1]}"
    flags = {**KUBEFLOW, "--endpoint": endpoint}
    expected = f"No server answers at --endpoint {endpoint}"
    _refuses(run_kubeflow.main, capsys, "run", flags, expected)


def test_an_endpoint_without_a_scheme_is_refused(capsys):
    flags = {**KUBEFLOW, "--endpoint": "localhost:8888"}
    _refuses(run_kubeflow.main, capsys, "run", flags, "--endpoint must be an address")


@pytest.mark.parametrize(
    ("last_python", "remedy"),
    [((3, 99), "Install the extra"), ((3, 9), "with 3.10 or 3.11")],
)
@pytest.mark.parametrize(
    ("main", "flags"), [(run_vertex.main, VERTEX), (run_kubeflow.main, KUBEFLOW)]
)
def test_a_python_for_which_tfx_has_no_runner_is_refused(
    main, flags, last_python, remedy, capsys, monkeypatch
):
    package = importlib.import_module("tfx.orchestration.kubeflow.v2")
    runner = "kubeflow_v2_dag_runner"
    monkeypatch.delattr(package, runner, raising=False)
    monkeypatch.setitem(sys.modules, f"{package.__name__}.{runner}", None)
    monkeypatch.setattr(compiling, "LAST_PYTHON", last_python)
    expected = ["TFX cannot compile for Vertex and Kubeflow here", remedy]
    _refuses(main, capsys, "compile", flags, *expected)
