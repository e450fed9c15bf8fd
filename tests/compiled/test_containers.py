"""The compiled taxi pipeline in containers of the image, as pods would run it.

Every task is a container of its own: non-root, with a read-only root file system and
no network. Build the image first, name it in `LR_FINDER_TEST_IMAGE` (and podman in
`LR_FINDER_TEST_ENGINE`, if it is not docker), and run
`pytest -m long tests/compiled/test_containers.py`.
"""

import json
import os
import pathlib
import shutil
import subprocess

import numpy as np
import pytest
import tfx

from tests.compiled.pod import KubeflowPod, Pod
from tests.compiled.taxi_job import compile_taxi, span_and_version
from tfx_lr_finder import __version__, read_result

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


def test_the_containers_run_as_on_open_source_kubeflow(tmp_path):
    job = compile_taxi(tmp_path, True, default_learning_rate=1e-3)
    pod = KubeflowPod(job, tmp_path / "root", start=_starter(tmp_path))
    pod.run_all()
    assert len(list((tmp_path / "serving").iterdir())) == 1


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
