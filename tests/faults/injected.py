"""Faults built into a pod below the component: in the clock, disk and file system."""

import errno
import itertools
import os
import pathlib
import time

FAILING = "failing"
"""Scheme of a file system that fails: `failing:///tmp/...`."""


def clock_goes_back():
    """The wall clock goes back an hour each time it is read."""
    begin = time.time()
    reads = itertools.count()
    time.time = lambda: begin - 3600.0 * next(reads)


def slow_disc():
    """Every file takes half a second to write."""
    sync = os.fsync

    def slowly(file):
        time.sleep(0.5)
        sync(file)

    os.fsync = slowly


def failing_state():
    """No file of the working directory can be written."""
    _failing_below("state")


def failing_outputs():
    """No file of the output artifacts can be written."""
    _failing_below("lr_finder_result", "best_hyperparameters")


def _failing_below(*folders):
    sync = os.fsync

    def fail(file):
        path = pathlib.Path(os.readlink(f"/proc/self/fd/{file}"))
        if set(path.parts) & set(folders):
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        sync(file)

    os.fsync = fail


def failing_file_system():
    """A TFX file system that loses the connection whenever a file is written."""
    _register(fails=lambda: True)


def moody_file_system():
    """A TFX file system that loses the connection for every other file."""
    writes = itertools.count()
    _register(fails=lambda: next(writes) % 2 == 0)


def _register(fails):
    from tfx.dsl.io import filesystem_registry
    from tfx.dsl.io.plugins import local

    class File:
        def __init__(self, path, mode):
            self._file = pathlib.Path(path).open(mode)  # noqa: SIM115
            self._fails = "r" not in mode and fails()

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self._file.close()

        def __iter__(self):
            return iter(self._file)

        def read(self, *size):
            return self._file.read(*size)

        def write(self, content):
            if self._fails:
                self._file.write(content[: len(content) // 2])
                raise ConnectionResetError("connection reset by peer")
            return self._file.write(content)

    def here(path):
        return os.fspath(path).removeprefix(f"{FAILING}://")

    class FailingFileSystem(local.LocalFilesystem):
        SUPPORTED_SCHEMES = [f"{FAILING}://"]

        @staticmethod
        def open(name, mode="r"):
            return File(here(name), mode)

    def passed_on(name):
        method = getattr(local.LocalFilesystem, name)
        return staticmethod(lambda *paths, **kw: method(*map(here, paths), **kw))

    for name in (
        *("copy", "exists", "glob", "isdir", "listdir", "makedirs", "mkdir"),
        *("remove", "rename", "rmtree", "stat", "walk"),
    ):
        setattr(FailingFileSystem, name, passed_on(name))
    registry = filesystem_registry.DEFAULT_FILESYSTEM_REGISTRY
    registry.register(FailingFileSystem, priority=100)
