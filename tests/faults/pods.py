"""Pods that can be killed: forks of one process that has imported TensorFlow."""

import contextlib
import json
import multiprocessing
import os
import pathlib
import resource
import signal
import time

from tests.faults import injected, run_executor
from tfx_lr_finder import storage
from tfx_lr_finder.range_test.report import LRFinderReport

READY = ("tests.faults.pods", "tfx.v1", "tensorflow", "keras", "matplotlib.pyplot")

ENDS = {".png": b"IEND\xaeB`\x82", ".html": b"</html>"}


def server():
    """Returns a context whose processes start at once: forks of one that is ready."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(READY))
    return context


def _main(root, limits, inject, options):
    log = os.open(f"{root}.log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(log, stream)
    from absl import logging

    logging.set_verbosity(logging.INFO)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    if inject:
        getattr(injected, inject)()
    for name, value in limits.items():
        if name == "RLIMIT_AS":
            value += _num_bytes()
        resource.setrlimit(getattr(resource, name), (value, value))
    run_executor.run(root, **options)


def _num_bytes():
    """Returns the address space that this process has now."""
    pages = pathlib.Path("/proc/self/statm").read_text().split()[0]
    return int(pages) * resource.getpagesize()


class Pod:
    """A real process that runs the executor.

    Args:
      context: See `server`.
      root: Its folder.
      limits: Resource limits by name; that of the address space is added to what the
        process has at its start.
      inject: Name of a function in `injected` that builds a fault into it.
      options: See `run_executor.run`.
    """

    def __init__(self, context, root, limits=None, inject=None, **options):
        self.root = pathlib.Path(root)
        self.root.parent.mkdir(parents=True, exist_ok=True)
        self._process = context.Process(
            target=_main, args=(str(root), limits or {}, inject, options)
        )
        self._process.start()
        self._began = time.monotonic()
        self.seconds = None

    def ended(self, seconds=300):
        """Returns the exit code; negative is minus the signal."""
        self._process.join(seconds)
        self.seconds = time.monotonic() - self._began
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
            raise TimeoutError(f"{self.root}: {self.log[-2000:]}")
        return self._process.exitcode

    def kill_after(self, seconds, number=signal.SIGKILL):
        """Sends a signal after some seconds, unless the process ends before."""
        self._process.join(seconds)
        if self._process.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    def terminate_at_first_checkpoint(self):
        """Sends SIGTERM as soon as there is a checkpoint to resume from."""
        while self._process.is_alive():
            if list(self.root.rglob("lr_finder-*.checkpoint")):
                self._process.terminate()
                return
            time.sleep(0.005)

    @property
    def log(self):
        return pathlib.Path(f"{self.root}.log").read_text(errors="replace")


def phase(root):
    """Returns the phase in which a pod was killed, judged by its files."""
    root = pathlib.Path(root)
    if (root / "lr_finder_result").exists():
        return "writing outputs, or repeated after it"
    found = list((root / "state").glob("lr_finder-*.checkpoint"))
    if not found:
        return "start or first sweep"
    events = [e.kind for e in _events(found[0])]
    return "confirm" if "candidate" in events else "sweep"


def _events(path):
    from tfx_lr_finder.runtime.checkpoint.journal import Journal

    return Journal.from_json(path.read_bytes()).events


def half_written(root):
    """Returns the incomplete files that a reader could take for complete ones.

    Nobody reads files whose names end in .part.
    """
    bad = []
    for path in pathlib.Path(root).rglob("*"):
        if path.is_dir() or path.name.endswith(storage.PART):
            continue
        content = path.read_bytes()
        try:
            if path.name == "result.json":
                LRFinderReport.from_json(content.decode())
            elif path.name == "best_hyperparameters.txt":
                json.loads(content)["values"]["learning_rate"]
            elif path.suffix in ENDS and not content.endswith(ENDS[path.suffix]):
                bad.append(path)
            elif path.suffix == ".checkpoint":
                _events(path)
        except (ValueError, KeyError):
            bad.append(path)
    return bad


def outcome(root):
    """Returns the content of both outputs without times and numbers of attempts."""
    root = pathlib.Path(root)
    report = json.loads((root / "lr_finder_result/result.json").read_text())
    del report["seconds"]
    for name in ("num_steps_run", "num_steps_resumed"):
        del report["environment"][name]
    (file,) = (root / "best_hyperparameters").iterdir()
    return report, json.loads(file.read_text())
