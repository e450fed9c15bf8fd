"""Runs a task of a compiled Kubeflow v2 pipeline as its pod would.

The backend fills `{{$}}` in the container's arguments with an `ExecutorInput` and
starts the container's command; here that command is started as a process.
"""

import json
import os
import pathlib
import subprocess
import sys

import tfx_lr_finder

SOURCE_ROOT = pathlib.Path(tfx_lr_finder.__file__).parents[1]


class Pod:
    """The tasks of one compiled pipeline, run one by one.

    Args:
      job: What `KubeflowV2DagRunner` wrote, as a dict.
      root: Stands for the bucket.
    """

    def __init__(self, job, root):
        self._spec = job["pipelineSpec"]
        self._root = pathlib.Path(root)

    def component(self, task):
        """The component specification of a task."""
        node = self._spec["root"]["dag"]["tasks"][task]
        return self._spec["components"][node["componentRef"]["name"]]

    def run(self, task, inputs):
        """Runs a task.

        Args:
          task: Its name in the pipeline.
          inputs: Input name to artifact, as `run` returns them.

        Returns:
          Output name to artifact, with what the executor set on it, and the log.
        """
        folder = self._root / task
        folder.mkdir(parents=True)
        outputs = {
            name: {
                "name": f"{task}/{name}",
                "uri": str(folder / name),
                "type": definition["artifactType"],
                "metadata": definition.get("metadata", {}),
            }
            for name, definition in self.component(task)["outputDefinitions"][
                "artifacts"
            ].items()
        }
        output_file = folder / "executor_output.json"
        log = self._start(
            task,
            {
                "inputs": {"artifacts": _lists(inputs), **self._parameters(task)},
                "outputs": {
                    "artifacts": _lists(outputs),
                    "outputFile": str(output_file),
                },
            },
        )
        written = json.loads(output_file.read_text())["artifacts"]
        for name, artifacts in written.items():
            outputs[name] = {**outputs[name], **artifacts["artifacts"][0]}
        return outputs, log

    def _parameters(self, task):
        """The constants that the compiler wrote, as the backend hands them over."""
        node = self._spec["root"]["dag"]["tasks"][task]
        given = node["inputs"].get("parameters", {})
        values = {name: value["runtimeValue"] for name, value in given.items()}
        if self._spec["schemaVersion"] == "2.0.0":
            constants = {name: value["constantValue"] for name, value in values.items()}
            return {"parameters": constants}
        constants = {name: value["constant"] for name, value in values.items()}
        return {"parameterValues": constants}

    def _start(self, task, executor_input):
        """Starts the container's command; returns its log."""
        label = self.component(task)["executorLabel"]
        executors = self._spec["deploymentSpec"]["executors"]
        container = executors[label]["container"]
        arguments = [
            argument.replace("{{$}}", json.dumps(executor_input))
            for argument in container["args"]
        ]
        python, *command = container["command"]
        if python != "python":
            raise ValueError(f"wanted a Python command, got {container['command']}")
        paths = [str(SOURCE_ROOT), os.environ.get("PYTHONPATH", "")]
        done = subprocess.run(
            [sys.executable, *command, *arguments],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
            capture_output=True,
            text=True,
            check=False,
        )
        log = done.stdout + done.stderr
        if done.returncode:
            raise RuntimeError(f"{task} ended with {done.returncode}:\n{log[-5000:]}")
        return log


def _lists(artifacts):
    return {name: {"artifacts": [artifact]} for name, artifact in artifacts.items()}
