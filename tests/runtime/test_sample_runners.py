import os
import pathlib
import socket
import subprocess
import sys
import time

import pytest

from tests.runtime.sampled_data import IN_MEMORY, data, draw, numbered

MANY_PROCESSES = (
    "--direct_running_mode=multi_processing",
    "--direct_num_workers=2",
)
_PYTHON = str(pathlib.Path(sys.executable).parent)  # Beam starts workers as `python`
MANY_THREADS = ("--direct_running_mode=multi_threading", "--direct_num_workers=2")


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    records = numbered(5000)
    shards = [records[i : i + 1000] for i in range(0, 5000, 1000)]
    return data(tmp_path_factory.mktemp("data"), shards)


def _checksums(examples, folder, argv):
    sample = draw(
        examples, folder, argv=argv, sample_size=700, stratify_by="label", seed=3
    )
    return [sample.facts[f"{name}_sample_checksum"] for name in ("train", "eval")]


@pytest.fixture(scope="module")
def in_one_process(examples, tmp_path_factory):
    return _checksums(examples, tmp_path_factory.mktemp("one"), IN_MEMORY)


def test_several_threads_draw_the_same_sample(examples, in_one_process, tmp_path):
    assert _checksums(examples, tmp_path, MANY_THREADS) == in_one_process


@pytest.mark.long
def test_several_processes_draw_the_same_sample(
    examples, in_one_process, tmp_path, monkeypatch
):
    monkeypatch.setenv("PATH", _PYTHON, prepend=":")
    assert _checksums(examples, tmp_path, MANY_PROCESSES) == in_one_process


@pytest.fixture
def worker_pool():
    """The address of workers that Beam did not start and that share no memory."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    pool = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "apache_beam.runners.worker.worker_pool_main",
            f"--service_port={port}",
        ],
        env={**os.environ, "PATH": f"{_PYTHON}:{os.environ['PATH']}"},
    )
    for _ in range(600):
        with socket.socket() as knock:
            if knock.connect_ex(("localhost", port)) == 0:
                break
        time.sleep(0.1)
    yield f"localhost:{port}"
    pool.terminate()
    pool.wait()


@pytest.mark.long
def test_workers_outside_the_process_draw_the_same_sample(
    examples, in_one_process, tmp_path, worker_pool
):
    argv = (
        "--runner=PortableRunner",
        "--job_endpoint=embed",
        "--environment_type=EXTERNAL",
        f"--environment_config={worker_pool}",
    )
    assert _checksums(examples, tmp_path, argv) == in_one_process
