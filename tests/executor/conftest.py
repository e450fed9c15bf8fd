"""Runs the executor, on examples and a user module."""

import pytest
from tfx import types
from tfx.types import standard_artifacts

from tfx_lr_finder import LRFinder, LRFinderPage, LRFinderResult, LRFinderScalars
from tfx_lr_finder.executor import Executor

QUICK = {"num_rates": 40, "num_sweeps": 1, "confirm_steps": 0, "min_lr": 1e-4}
"""Parameters of a search that ends soon."""


@pytest.fixture(scope="session")
def run_finder(tmp_path_factory):
    """Runs the executor as a launcher does, and returns its outputs.

    Without a working directory it runs as on Kubeflow v2 and Vertex AI. `run.root` is
    the folder of the last run.
    """

    def run(inputs, working_dir=True, **arguments):
        root = tmp_path_factory.mktemp("lr_finder")
        inputs = {
            key: given if isinstance(given, list) else [given]
            for key, given in inputs.items()
        }
        channels = {
            key: types.Channel(type=type(artifacts[0]))
            for key, artifacts in inputs.items()
        }
        finder = LRFinder(**channels, **{**QUICK, **arguments})
        outputs = {
            "lr_finder_result": [LRFinderResult()],
            "best_hyperparameters": [standard_artifacts.HyperParameters()],
            "lr_finder_page": [LRFinderPage()],
            "lr_finder_scalars": [LRFinderScalars()],
        }
        # Vertex: PROJECT NUMBER/JOB/TASK_NUMBER/OUTPUT
        parent = root if working_dir else root / "123" / "job" / "LRFinder_45"
        for key, (output,) in outputs.items():
            output.uri = str(parent / key)
        context = Executor.Context(
            tmp_dir=str(root / "tmp"),
            unique_id="1",
            stateful_working_dir=str(root / "state") if working_dir else None,
        )
        executor = Executor(context)
        properties = dict(finder.exec_properties)
        run.root = root
        executor.Do(inputs, outputs, properties)
        return {key: output for key, (output,) in outputs.items()}

    return run


@pytest.fixture(scope="session")
def penguins(run_finder, penguin_examples, penguin_module):
    """The outputs of one search on the penguins."""
    return run_finder({"examples": penguin_examples}, module_file=penguin_module)
