"""Beam's workers in a container that sees the pipeline's root and no other data.

It is made of this machine's `/usr`, its Python and its venv, read-only, so that nothing
has to be pulled or built; podman and runc have to be there. Or it is of the image that
`LR_FINDER_TEST_IMAGE` names (and `LR_FINDER_TEST_ENGINE`, if that is not docker).
"""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import uuid

import pytest

import tfx_lr_finder
from tests.runtime.sampling import worker_pool
from tests.runtime.sampling.sampled_data import (
    IN_MEMORY,
    artifact,
    data,
    draw,
    numbered,
)

IMAGE = os.environ.get("LR_FINDER_TEST_IMAGE")
ENGINE = os.environ.get("LR_FINDER_TEST_ENGINE", "docker" if IMAGE else "podman")
USER = 4321  # nobody's on this machine

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        shutil.which(ENGINE) is None,
        reason=f"there is no {ENGINE}; on Debian: apt-get install podman runc netavark",
    ),
]


@pytest.fixture(autouse=True)
def _limits(monkeypatch):
    if "CONTAINERS_CONF" not in os.environ:
        conf = pathlib.Path(__file__).with_name("containers.conf")
        monkeypatch.setenv("CONTAINERS_CONF", str(conf))


def _of_this_machine(folder):
    """Options and arguments for a container that has the programs of this machine."""
    root = folder / "rootfs"
    root.mkdir()
    for name in ("bin", "lib", "lib64", "sbin"):
        if (pathlib.Path("/") / name).is_symlink():
            (root / name).symlink_to(f"usr/{name}")
    package = pathlib.Path(tfx_lr_finder.__file__).parents[1]
    library = pathlib.Path(sys.base_prefix, "lib").resolve()  # see .ci/newer-glibc.sh
    programs = {"/usr", sys.base_prefix, str(library.parent), sys.prefix, str(package)}
    options = [f"--volume={place}:{place}:ro" for place in sorted(programs)]
    options.append(f"--env=PATH={worker_pool.PYTHON_FOLDER}:/usr/bin:/bin")
    return [*options, "--rootfs", str(root), "python"]


def _of_the_image(folder):
    return ["--entrypoint=python", IMAGE]


def _command(name, folder, mounts, port):
    options = ["--rm", f"--name={name}", "--network=host", "--read-only"]
    options += [f"--user={USER}:{USER}", "--cap-drop=ALL", "--env=HOME=/tmp"]
    options += ["--tmpfs=/tmp:rw,mode=1777"]
    options += [f"--volume={outside}:{inside}" for outside, inside in mounts]
    container = (_of_the_image if IMAGE else _of_this_machine)(folder)
    return [ENGINE, "run", *options, *container, *worker_pool.arguments(port)]


@contextlib.contextmanager
def _container(folder, mounts):
    """The name of a container that is a worker pool, and the port of it."""
    name, port = f"lr-finder-{uuid.uuid4().hex[:8]}", worker_pool.free_port()
    command = _command(name, folder, mounts, port)
    with worker_pool.running(command, port):
        try:
            yield name, port
        finally:  # a container's first process does not end by SIGTERM
            subprocess.run([ENGINE, "kill", name], check=True, capture_output=True)


def _sees(name, path):
    done = subprocess.run([ENGINE, "exec", name, "test", "-e", path], check=False)
    return done.returncode == 0


def _checksums(examples, folder, argv):
    sample = draw(
        examples, folder, argv=argv, sample_size=700, stratify_by="label", seed=3
    )
    return [sample.facts[f"{name}_sample_checksum"] for name in ("train", "eval")]


def test_workers_in_a_container_draw_the_same_sample(tmp_path):
    """On this machine the data are zeros; the container sees the examples there."""
    records = numbered(5000)
    examples = data(tmp_path / "examples", [records[i::5] for i in range(5)])
    in_one_process = _checksums(examples, tmp_path / "one", IN_MEMORY)
    decoy = tmp_path / "decoy"
    shutil.copytree(tmp_path / "examples", decoy)
    for file in decoy.glob("*/*"):
        file.write_bytes(bytes(file.stat().st_size))
    root = tmp_path / "root"
    root.mkdir()
    root.chmod(0o777)
    mounts = [(tmp_path / "examples", f"{decoy}:ro"), (root, root)]
    with _container(tmp_path, mounts) as (name, port):
        assert _sees(name, root)
        assert not _sees(name, tmp_path / "one")
        assert not _sees(name, __file__)
        argv = worker_pool.argv(port)
        assert _checksums(artifact(decoy), root, argv) == in_one_process
    shards = [*root.glob("*/Split-*/*"), *root.glob("*/sample.json")]
    assert len(shards) == 10
    assert {shard.stat().st_uid for shard in shards} == {USER}
