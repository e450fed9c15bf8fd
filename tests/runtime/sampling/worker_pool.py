"""Beam workers that Beam does not start and that share no memory with it."""

import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import time

PYTHON_FOLDER = str(pathlib.Path(sys.executable).parent)
"""Beam starts its workers by the name `python`: this has to be on the PATH."""


def free_port():
    """A port of this machine that nothing listens on."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return free.getsockname()[1]


def arguments(port):
    """What starts a pool, after the name of the Python."""
    return [
        "-m",
        "apache_beam.runners.worker.worker_pool_main",
        f"--service_port={port}",
    ]


def argv(port):
    """Beam's flags for a pipeline whose work a pool does."""
    return (
        "--runner=PortableRunner",
        "--job_endpoint=embed",
        "--environment_type=EXTERNAL",
        f"--environment_config=localhost:{port}",
    )


@contextlib.contextmanager
def running(command, port, **options):
    """A process that is a pool, from when it listens on."""
    path = f"{PYTHON_FOLDER}{os.pathsep}{os.environ['PATH']}"
    pool = subprocess.Popen(command, env={**os.environ, "PATH": path}, **options)
    try:
        for _ in range(600):
            with socket.socket() as knock:
                if knock.connect_ex(("localhost", port)) == 0:
                    break
            if pool.poll() is not None:
                raise RuntimeError(f"{command[0]} ended with {pool.returncode}")
            time.sleep(0.1)
        yield pool
    finally:
        pool.terminate()
        pool.wait(30)
