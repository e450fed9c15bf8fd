"""Runs the executor of an LRFinder once, on small data with a slow step.

    python -m tests.faults.run_executor FOLDER

or, from a process that has imported TensorFlow already, `run(FOLDER)` in a fork of it.
"""

import pathlib
import sys
import textwrap

from tests.faults import modules

OPTIONS = {
    "num_rates": 40,
    "num_sweeps": 2,
    "max_steps": 260,
    "on_inconclusive": "fallback",
    "default_learning_rate": 0.01,
}


def run(root, text=modules.SLOW, folders=None, beam_args=(), **changes):
    """Runs the executor as a launcher does: inputs, outputs and state below `root`.

    Args:
      root: A folder; made if it does not exist.
      text: The user's module, with {seconds} and {times} to fill in.
      beam_args: Options for Beam.
      folders: Other places for some of "state", "tmp" and the outputs, by name. A
        "state" of None is what Kubeflow v2 and Vertex AI give.
      changes: Arguments other than `OPTIONS`, and what to fill into the module.
    """
    import tfx
    from tfx import types
    from tfx.types import artifact_utils, standard_artifacts

    from tfx_lr_finder import LRFinder, LRFinderResult
    from tfx_lr_finder.executor import Executor

    root = pathlib.Path(root)
    root.mkdir(parents=True, exist_ok=True)
    folders = folders or {}
    filled = {"seconds": 0.01, "times": 1}
    filled = {name: changes.pop(name, value) for name, value in filled.items()}
    module = pathlib.Path(changes.pop("module", root)) / "slow_module.py"
    if not module.exists():
        module.write_text(textwrap.dedent(text.format(**filled)))
    examples = standard_artifacts.Examples()
    penguins = pathlib.Path(tfx.__path__[0]) / "components/testdata/penguin/data"
    examples.uri = str(changes.pop("examples", penguins))
    examples.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    examples.set_string_custom_property("file_format", "tfrecords_gzip")
    examples.split_names = artifact_utils.encode_split_names(["train", "eval"])
    finder = LRFinder(
        types.Channel(type=standard_artifacts.Examples),
        module_file=str(module),
        **{**OPTIONS, **changes},
    )
    outputs = {
        "lr_finder_result": [LRFinderResult()],
        "best_hyperparameters": [standard_artifacts.HyperParameters()],
    }
    for key, (output,) in outputs.items():
        output.uri = str(folders.get(key, root / key))
    state = folders.get("state", root / "state")
    context = Executor.Context(
        tmp_dir=str(folders.get("tmp", root / "tmp")),
        unique_id="1",
        stateful_working_dir=str(state) if state else None,
        beam_pipeline_args=list(beam_args),
    )
    Executor(context).Do({"examples": [examples]}, outputs, finder.exec_properties)


if __name__ == "__main__":
    run(sys.argv[1])
