"""Work that fails half-way: some runners repeat it, others stop with an error."""

import contextlib
import os
import pathlib
import signal
import sys
import threading

import pytest

from tests.runtime.sampling import worker_pool
from tests.runtime.sampling.sampled_data import data, draw, numbered, shards_of
from tfx_lr_finder.runtime.examples import record_files
from tfx_lr_finder.runtime.sampling import draw as sampling
from tfx_lr_finder.runtime.sampling import pipeline

RETRYING = ("--runner=BundleBasedDirectRunner",)  # retries a bundle up to four times


def _drawn(examples, folder, **options):
    """The manifest's checksums and the content of every shard."""
    sample = draw(
        examples, folder, sample_size=90, stratify_by="label", seed=3, **options
    )
    checksums = [sample.facts[f"{name}_sample_checksum"] for name in ("train", "eval")]
    return checksums, [*shards_of(sample.train_files + sample.eval_files).values()]


def _fail_once(places):
    """A function that raises at its first call for each place."""

    def fail(place):
        if place not in places:
            places.add(place)
            raise OSError(f"the first time at {place}")

    return fail


def test_a_reader_that_fails_half_way_is_retried_and_no_example_is_lost_or_doubled(
    tmp_path, monkeypatch
):
    examples = data(tmp_path / "data", [numbered(100), numbered(100, first=100)])
    undisturbed = _drawn(examples, tmp_path / "1")
    process, failed = pipeline._ReadFile.process, set()

    def fail_half_way(self, element):
        for number, value in enumerate(process(self, element)):
            if number == 9:
                _fail_once(failed)(element["path"])
            yield value

    monkeypatch.setattr(pipeline._ReadFile, "process", fail_half_way)
    assert _drawn(examples, tmp_path / "2", argv=RETRYING) == undisturbed
    assert len(failed) == 3


@pytest.mark.parametrize("place", ["00002-of", "sample.json"])
def test_a_writer_that_fails_half_way_is_retried_and_writes_the_same_shards(
    place, tmp_path, monkeypatch
):
    examples = data(tmp_path / "data", [numbered(100), numbered(100, first=100)])
    undisturbed = _drawn(examples, tmp_path / "1")
    write, failed = record_files.write_atomically, set()

    def fail_between(path, content):
        if place in path:
            _fail_once(failed)(path)
        write(path, content)

    monkeypatch.setattr(record_files, "write_atomically", fail_between)
    assert _drawn(examples, tmp_path / "2", argv=RETRYING) == undisturbed
    assert len(failed) == 2


def _readers(path):
    """The processes, but this one, that have a file open."""
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            opened = [os.readlink(link) for link in (process / "fd").iterdir()]
            if str(path) in opened and int(process.name) != os.getpid():
                yield int(process.name)


def _kill_its_reader(pipe, content, killed):
    """Writes half of a file to the process that reads it, and kills the process."""
    with contextlib.suppress(BrokenPipeError), open(pipe, "wb") as file:
        file.write(content[: len(content) // 2])
        file.flush()
        killed.extend(_readers(pipe))
        for process in killed:
            os.kill(process, signal.SIGKILL)


@contextlib.contextmanager
def _pool():
    port = worker_pool.free_port()
    command = [sys.executable, *worker_pool.arguments(port)]
    with worker_pool.running(command, port):
        yield worker_pool.argv(port)


@contextlib.contextmanager
def _processes():
    yield ("--direct_running_mode=multi_processing", "--direct_num_workers=2")


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs Linux's /proc")
@pytest.mark.parametrize("workers", [_processes, _pool])
def test_a_worker_killed_while_reading_fails_the_node_and_leaves_no_files(
    workers, tmp_path, monkeypatch
):
    """The file is a pipe: its reader waits in the middle of it, and is killed there."""
    monkeypatch.setenv("PATH", worker_pool.PYTHON_FOLDER, prepend=os.pathsep)
    examples = data(tmp_path / "data", [numbered(100), numbered(100, first=100)])
    undisturbed = _drawn(examples, tmp_path / "1")
    file = max((tmp_path / "data" / "Split-train").iterdir())
    content = file.read_bytes()
    file.unlink()
    os.mkfifo(file)
    killed, root = [], tmp_path / "root"
    root.mkdir()
    killer = threading.Thread(
        target=_kill_its_reader, args=(file, content, killed), daemon=True
    )
    killer.start()
    with (
        workers() as argv,
        pytest.raises(RuntimeError, match=r"Channel closed.*If a worker died"),
        sampling.scratch(str(root)) as folder,
    ):
        _drawn(examples, pathlib.Path(folder), argv=argv)
    killer.join()
    assert len(killed) == 1
    assert not list(root.iterdir())
    file.unlink()
    file.write_bytes(content)
    with sampling.scratch(str(root)) as folder:
        assert _drawn(examples, pathlib.Path(folder)) == undisturbed
