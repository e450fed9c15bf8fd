import os

import pytest

from tfx_lr_finder import storage


def test_a_file_is_whole_or_absent(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("old")

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        storage.write_whole(str(path), b"new")
    assert path.read_text() == "old"


def test_nothing_is_left_beside_the_file_and_its_folder_is_made(tmp_path):
    storage.write_whole(str(tmp_path / "new" / "file"), b"whole")
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["file"]
    assert storage.read_text(str(tmp_path / "new" / "file")) == "whole"
