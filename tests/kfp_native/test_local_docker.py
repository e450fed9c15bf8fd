"""The example pipeline run by `kfp.local`, each task in a container of the image.

Build the image first, name it in `LR_FINDER_TEST_IMAGE` (and podman in
`LR_FINDER_TEST_ENGINE`, if it is not docker), and run
`pytest -m long -s tests/kfp_native/test_local_docker.py`. The tests install the newest
kfp into an environment of their own.
"""

import json
import os
import pathlib
import re
import subprocess
import time

import numpy as np
import pytest

from tests.kfp_native.test_environments import environment
from tests.kfp_native.test_pipeline import compiled, write_coin
from tfx_lr_finder import read_result

IMAGE = os.environ.get("LR_FINDER_TEST_IMAGE")
ENGINE = os.environ.get("LR_FINDER_TEST_ENGINE", "docker")
DRIVER = pathlib.Path(__file__).with_name("run_in_docker.py")

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(
        not IMAGE, reason="needs LR_FINDER_TEST_IMAGE, and docker or podman"
    ),
]


@pytest.fixture(scope="module")
def kfp_python(tmp_path_factory):
    """Python with the newest kfp and what its DockerRunner needs."""
    folder = tmp_path_factory.mktemp("kfp") / "venv"
    return environment(folder, "kfp<3", "docker")


@pytest.fixture(scope="module")
def docker_host(tmp_path_factory):
    """The address of the engine's API, which podman serves on demand."""
    if ENGINE != "podman":
        yield os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
        return
    socket = tmp_path_factory.mktemp("podman") / "podman.sock"
    address = f"unix://{socket}"
    service = subprocess.Popen(["podman", "system", "service", "--time=0", address])
    while not socket.exists():
        assert service.poll() is None
        time.sleep(0.1)
    yield address
    service.terminate()
    service.wait()


class Finished:
    """The folders of the tasks of a run, and its log."""

    def __init__(self, root, log):
        (run,) = root.glob("penguin-lr-finder-*")
        self.tasks = {folder.name: folder for folder in run.iterdir()}
        self.log = log

    def text(self, task, name):
        return (self.tasks[task] / name).read_text()

    def report(self):
        return read_result(str(self.tasks["lr-finder"] / "result"))


@pytest.fixture
def run_in_containers(kfp_python, docker_host, tmp_path):
    """Runs the example pipeline with these parameters."""

    def run(kill_at="", **parameters):
        spec, root = tmp_path / "penguin.yaml", tmp_path / "root"
        compiled(tmp_path, "--image", IMAGE)
        arguments = [str(spec), str(root), json.dumps(parameters), str(kill_at)]
        done = subprocess.run(
            [kfp_python, DRIVER, *arguments],
            env={**os.environ, "PYTHONPATH": "", "DOCKER_HOST": docker_host},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-5000:]
        return Finished(root, done.stdout)

    return run


def test_the_optimizer_in_a_container_has_the_float_of_the_result(run_in_containers):
    run = run_in_containers()
    rate = float(run.text("lr-finder", "learning_rate"))
    print(
        f"float {rate!r}, result.json {run.report().learning_rate!r}, "
        f"optimizer {run.text('train', 'rate_used')}, "
        f"float32 of the float {float(np.float32(rate))!r}, "
        f"accuracy {run.text('evaluate', 'accuracy')}"
    )
    assert rate == run.report().learning_rate
    assert float(run.text("train", "rate_used")) == np.float32(rate)
    assert float(run.text("evaluate", "accuracy")) > 0.9
    assert run.text("lr-finder", "verdict") != "INCONCLUSIVE"
    assert "review: " not in run.log


def test_a_tossed_coin_takes_the_branch_without_a_rate(run_in_containers, tmp_path):
    coin = tmp_path / "root" / "coin"  # kfp.local mounts the root only
    write_coin(coin)
    run = run_in_containers(source=str(coin))
    (review,) = re.findall("review: .*", run.log)
    print(run.text("lr-finder", "verdict"), review)
    assert run.text("lr-finder", "verdict") == "INCONCLUSIVE"
    assert review.startswith("review: INCONCLUSIVE.")
    assert sorted(run.tasks) == ["lr-finder", "prepare"]  # review has no outputs


def test_a_killed_container_runs_again_and_resumes(run_in_containers, tmp_path):
    """kfp.local runs a failed task again, as its retry policy says."""
    kept = tmp_path / "root" / "kept"
    run = run_in_containers(kept / "*.checkpoint", checkpoint_dir=str(kept))
    resumed = run.report().environment["num_steps_resumed"]
    print("resumed steps:", resumed, "rate:", run.text("lr-finder", "learning_rate"))
    assert "killed: a file is there" in run.log
    assert resumed > 0
    assert not list(kept.iterdir())
