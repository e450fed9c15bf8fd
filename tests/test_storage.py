import os
import subprocess
import sys

import pytest

from tfx_lr_finder import storage


def test_a_file_is_complete_or_absent(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("old")

    def killed(*_):
        raise KeyboardInterrupt("killed")

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt, match="killed"):
        storage.write_whole(str(path), b"new")
    assert path.read_text() == "old"


def test_writing_creates_the_folder_and_leaves_no_partial_file(tmp_path):
    storage.write_whole(str(tmp_path / "new" / "file"), b"whole")
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["file"]
    assert storage.read_text(str(tmp_path / "new" / "file")) == "whole"


def test_a_full_disk_leaves_the_old_file_and_no_partial_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    code = """
import resource, signal, sys
from tfx_lr_finder import storage
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    storage.write_whole(sys.argv[1], b"x" * 1200)
except OSError:
    sys.exit(7)
"""
    ended = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert ended.returncode == 7
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert path.read_text() == "old"


def test_writing_deletes_the_partial_files_of_killed_writers(tmp_path):
    (tmp_path / "file.0123.part").write_text("half")
    storage.write_whole(str(tmp_path / "file"), b"whole")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_remote_file_is_complete_and_leaves_no_partial_file():
    folder = "ram://test_storage"
    storage.write_whole(f"{folder}/file", b"first")
    storage.write_whole(f"{folder}/file", b"second")
    assert storage.read_bytes(f"{folder}/file", 100) == b"second"
    assert storage.list_folder(folder) == ["file"]
    with pytest.raises(ValueError, match="larger than 3 bytes"):
        storage.read_bytes(f"{folder}/file", 3)
    storage.remove(f"{folder}/file")
    assert not storage.exists(f"{folder}/file")
