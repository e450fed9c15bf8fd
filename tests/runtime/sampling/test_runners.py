import sys

import pytest

from tests.runtime.sampling import worker_pool
from tests.runtime.sampling.sampled_data import IN_MEMORY, data, draw, numbered

MANY_PROCESSES = (
    "--direct_running_mode=multi_processing",
    "--direct_num_workers=2",
)
MANY_THREADS = ("--direct_running_mode=multi_threading", "--direct_num_workers=2")


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    records = numbered(1000)
    shards = [records[i : i + 200] for i in range(0, 1000, 200)]
    return data(tmp_path_factory.mktemp("data"), shards)


def _checksums(examples, folder, argv):
    sample = draw(
        examples, folder, argv=argv, sample_size=140, stratify_by="label", seed=3
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
    monkeypatch.setenv("PATH", worker_pool.PYTHON_FOLDER, prepend=":")
    assert _checksums(examples, tmp_path, MANY_PROCESSES) == in_one_process


@pytest.mark.long
def test_workers_outside_the_process_draw_the_same_sample(
    examples, in_one_process, tmp_path
):
    port = worker_pool.free_port()
    command = [sys.executable, *worker_pool.arguments(port)]
    with worker_pool.running(command, port):
        argv = worker_pool.argv(port)
        assert _checksums(examples, tmp_path, argv) == in_one_process
