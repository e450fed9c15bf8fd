"""The compiled taxi pipeline in containers of the image, as pods would run it.

Every task is a container of its own: non-root, with a read-only root file system and
no network. Build the image first, name it in `LR_FINDER_TEST_IMAGE` (and podman in
`LR_FINDER_TEST_ENGINE`, if it is not docker), and run
`pytest -m long tests/compiled/test_containers.py`.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess

import numpy as np
import pytest
import tfx

from tests.compiled.finder_job import compile_finder, examples_input
from tests.compiled.pod import KubeflowPod, Pod, make_folder
from tests.compiled.taxi_job import compile_taxi, span_and_version
from tests.executor.conftest import QUICK
from tests.executor.user_modules import FLAT, write_module
from tfx_lr_finder import __version__, read_result, show_in_console

IMAGE = os.environ.get("LR_FINDER_TEST_IMAGE")
ENGINE = os.environ.get("LR_FINDER_TEST_ENGINE", "docker")

TFX_DATA = pathlib.Path(tfx.__path__[0], "components", "testdata")

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(
        not IMAGE, reason="needs LR_FINDER_TEST_IMAGE, and docker or podman"
    ),
]


def _run(arguments, environment=None, mounts=None):
    options = ["--rm", "--network=none", "--read-only", "--tmpfs=/tmp:rw,mode=1777"]
    options += ["--user=1000:1000", "--cap-drop=ALL", "--no-healthcheck"]
    options += [f"--env={key}={value}" for key, value in (environment or {}).items()]
    options += [f"--volume={out}:{inside}" for inside, out in (mounts or {}).items()]
    entrypoint, *rest = arguments
    done = subprocess.run(
        [ENGINE, "run", *options, f"--entrypoint={entrypoint}", IMAGE, *rest],
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def _starter(folder):
    """Starts containers that also see the data and the places to push to."""

    def start(command, environment, mounts):
        places = {str(folder / name): folder / name for name in ("serving", "good")}
        data = {f"{folder / 'data'}:ro": folder / "data"}
        return _run(command, environment, {**mounts, **places, **data})

    return start


def test_the_containers_run_as_on_vertex(tmp_path):
    job = compile_taxi(tmp_path, True, last_good=str(tmp_path / "good"))
    pod = Pod(job, tmp_path / "root", _starter(tmp_path))
    pod.run_all()
    rate = read_result(pod.outputs["LRFinder"]["lr_finder_result"]["uri"]).learning_rate
    assert span_and_version(pod.outputs["CsvExampleGen"]["examples"]) == (2, 2)
    run = pod.outputs["LRFinderTrainer"]["model_run"]["uri"]
    with open(os.path.join(run, "training.json")) as file:
        assert json.load(file)["learning_rate"] == np.float32(rate)
    assert len(list((tmp_path / "serving").iterdir())) == 1
    assert read_result(str(tmp_path / "good")).learning_rate == rate
    _check_outputs_for_consoles(pod.outputs["LRFinder"], pathlib.Path)


def test_the_containers_run_as_on_open_source_kubeflow(tmp_path):
    job = compile_taxi(tmp_path, True, default_learning_rate=1e-3)
    pod = KubeflowPod(job, tmp_path / "root", start=_starter(tmp_path))
    pod.run_all()
    assert len(list((tmp_path / "serving").iterdir())) == 1
    objects = pod.bucket / "minio"
    _check_outputs_for_consoles(
        pod.outputs["LRFinder"], lambda uri: objects / uri.removeprefix("minio://")
    )


def _check_outputs_for_consoles(outputs, place):
    """The page is one file, and the scalars have the rate and the verdict."""
    report = read_result(str(place(outputs["lr_finder_result"]["uri"])))
    page, scalars = outputs["lr_finder_page"], outputs["lr_finder_scalars"]
    assert place(page["uri"]).read_text().rstrip().endswith("</html>")
    assert page["type"]["schemaTitle"] == "system.HTML"
    assert scalars["type"]["schemaTitle"] == "system.Metrics"
    assert scalars["metadata"]["learning_rate"] == report.learning_rate
    assert scalars["metadata"]["verdict"] == report.verdict.name


@pytest.mark.parametrize("backend", [Pod, KubeflowPod])
def test_the_error_of_a_container_names_the_folder_with_the_evidence(
    backend, penguin_examples, tmp_path
):
    """On Kubeflow, where the pod cannot write to the bucket, it is `evidence_dir`."""
    code, kept, root = (tmp_path / name for name in ("code", "kept", "root"))
    for folder in (code, kept, root):
        make_folder(folder)
    module, options = write_module(code, FLAT), {}
    if backend is KubeflowPod:
        options["evidence_dir"] = str(kept)
    places = {str(kept): kept, f"{code}:ro": code}
    places[f"{penguin_examples.uri}:ro"] = penguin_examples.uri

    def start(command, environment, mounts):
        return _run(command, environment, {**mounts, **places})

    job = compile_finder(root=code, module_file=module, **options, **QUICK)
    pod = backend(show_in_console(job), root, start=start)
    uri = penguin_examples.uri
    if backend is KubeflowPod:
        uri = "minio://mlpipeline/examples"
        shutil.copytree(
            penguin_examples.uri, pod.bucket / "minio" / "mlpipeline" / "examples"
        )
    with pytest.raises(RuntimeError, match="InconclusiveError") as error:
        pod.run("Finder", {"examples": examples_input(penguin_examples, uri)})
    found = pathlib.Path(re.search(r"its pictures are in (\S+)", str(error.value))[1])
    print(found, sorted(path.name for path in found.iterdir()))
    assert found.is_relative_to(kept if backend is KubeflowPod else root)
    assert read_result(str(found)).reasons
    names = {path.name for path in found.iterdir()}
    assert {"report.html", "learning_rate_curve.png", "result.json"} <= names


def test_a_root_that_cannot_be_written_ends_with_one_sentence(tmp_path):
    start = _starter(tmp_path)

    def start_read_only(command, environment, mounts):
        read_only = {f"{inside}:ro": outside for inside, outside in mounts.items()}
        return start(command, environment, read_only)

    job = compile_taxi(tmp_path, True)
    pod = KubeflowPod(job, tmp_path / "root", start=start_read_only)
    with pytest.raises(RuntimeError, match="This pod may not write to a folder"):
        pod.run("CsvExampleGen", {})


def test_a_module_that_is_not_in_the_image_ends_with_one_sentence(tmp_path):
    job = compile_taxi(tmp_path, True, module="no_such_module")
    pod = KubeflowPod(job, tmp_path / "root", start=_starter(tmp_path))
    place = pod.bucket / "minio" / "mlpipeline" / "schema"
    shutil.copytree(TFX_DATA / "schema_gen", place)
    examples = {"uri": "minio://mlpipeline/x", "metadata": {"split_names": '["train"]'}}
    schema = {"uri": "minio://mlpipeline/schema"}
    with pytest.raises(RuntimeError, match="the user module in its image"):
        pod.run("Transform", {"examples": examples, "schema": schema})


def test_the_image_says_its_version_and_is_not_root():
    status, log = _run(["python", "-m", "tfx_lr_finder.kfp_entrypoint", "--version"])
    assert status == 0
    assert f"tfx-lr-finder {__version__} (tfx 1." in log
    status, log = _run(["python", "-c", "import os; print('uid', os.getuid())"])
    assert "uid 1000" in log
    status, log = _run(["python", "-c", "open('/opt/venv/x', 'w')"])
    assert status == 1
    assert "Read-only file system" in log
