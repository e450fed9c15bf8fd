"""SIGTERM under LocalDagRunner, while LRFinder writes its outputs."""

import pathlib
import subprocess
import sys

import pytest

SCRIPT = pathlib.Path(__file__).with_name("sigterm_pipeline.py")

pytestmark = pytest.mark.long


def test_the_process_ends_with_143_and_the_trainer_does_not_run(tmp_path):
    root = tmp_path / "artifacts"
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(root)], capture_output=True, text=True
    )
    assert done.returncode == 143, done.stderr[-3000:]
    assert "received SIGTERM" in done.stderr
    assert list(root.glob("LRFinder/lr_finder_result/*/result.json"))
    assert not (root / "LRFinderTrainer").exists()
