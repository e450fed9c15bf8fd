"""What a user installs: the wheel, by pip alone, in an environment of its own."""

import json
import os
import pathlib
import re
import subprocess
import sys
from importlib import metadata

import pytest

ROOT = pathlib.Path(__file__).parents[1]


@pytest.mark.long
@pytest.mark.timeout(2400)
def test_the_first_example_of_the_readme_runs_where_only_the_wheel_is_installed(
    tmp_path,
):
    python = _clean_environment(tmp_path / "venv")
    _run(python, "-m", "pip", "install", "--no-deps", "--requirement", _lock())
    _run(python, "-m", "pip", "install", _wheel(tmp_path))
    script = tmp_path / "first_example.py"
    script.write_text(_first_example())
    _run(python, script.name, cwd=tmp_path)
    (used,) = tmp_path.glob(
        "penguin/LRFinderTrainer/model_run/*/learning_rate_used.json"
    )
    (found,) = tmp_path.glob("penguin/LRFinder/lr_finder_result/*/result.json")
    used, found = json.loads(used.read_text()), json.loads(found.read_text())
    assert found["verdict"] == "OK"
    assert used["learning_rate_used"] == found["learning_rate"]
    assert used["doubt"] is None


def _wheel(folder):
    """The wheel of `make dist`."""
    subprocess.run([ROOT / ".ci" / "dist.sh", folder / "dist"], check=True)
    (wheel,) = folder.glob("dist/*.whl")
    return wheel


def _clean_environment(folder):
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    return folder / "bin" / "python"


def _lock():
    """The lock file that README has users install, for this TFX and Python."""
    tfx = metadata.version("tfx").rpartition(".")[0]
    python = "{}.{}".format(*sys.version_info)
    return ROOT / "requirements" / f"tfx-{tfx}-py{python}.txt"


def _first_example():
    (first, *_) = re.findall(
        r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
    )
    return first


def _run(python, *arguments, cwd=None):
    """Runs the environment's Python as a user would who has activated it."""
    ours = ("PYTHONPATH", "VIRTUAL_ENV", "TF_USE_LEGACY_KERAS")
    environment = {k: v for k, v in os.environ.items() if k not in ours}
    environment["PATH"] = f"{python.parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [python, *arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-5000:]
