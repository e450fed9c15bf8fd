"""Runs the pod of the component in this process; a folder stands for the bucket."""

import json
import pathlib

import pytest

from tests.executor.conftest import run_finder  # noqa: F401 - a fixture
from tests.kfp_native.processes import MODULES, executor_input
from tfx_lr_finder import kfp_main
from tfx_lr_finder.kfp import lr_finder

QUICK = {"num_rates": 20, "num_sweeps": 1, "min_lr": 1e-4, "max_steps": 200}
"""Parameters of a test that ends soon."""


@pytest.fixture(scope="session")
def component():
    """The component as kfp compiles it."""
    spec = lr_finder().pipeline_spec.components["comp-lr-finder"]
    from google.protobuf import json_format

    return json_format.MessageToDict(spec)


class Outputs:
    """The outputs of a pod."""

    def __init__(self, folder):
        self.folder = folder

    def text(self, name):
        return (self.folder / name).read_text()

    def json(self, name):
        return json.loads(self.text(name))

    def metadata(self, name):
        (artifact,) = self.json("executor_output.json")["artifacts"][name]["artifacts"]
        return artifact["metadata"]


@pytest.fixture
def run_pod(component, tmp_path, monkeypatch):
    """Runs the pod with these inputs; returns its outputs."""
    monkeypatch.syspath_prepend(str(MODULES))

    def run(artifacts=None, folder="pod", quick=QUICK, **parameters):
        paths = {name: str(path) for name, path in (artifacts or {}).items()}
        root = tmp_path / folder
        given = executor_input(component, {**quick, **parameters}, paths, root)
        kfp_main.main(["--executor_input", json.dumps(given)])
        return Outputs(root)

    run.outputs = lambda folder="pod": Outputs(tmp_path / folder)
    return run


@pytest.fixture(scope="session")
def penguin_folders():
    """The folders of TFX's penguins: training and evaluation."""
    import tfx

    data = pathlib.Path(tfx.__path__[0], "components", "testdata", "penguin", "data")
    return {"train_data": data / "Split-train", "eval_data": data / "Split-eval"}


@pytest.fixture
def write_module(tmp_path):
    """Writes a module file without a suffix, as an artifact has none."""

    def write(text, name="module"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write
