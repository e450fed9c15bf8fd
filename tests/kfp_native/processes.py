"""Runs a pipeline that kfp compiled, each container's command as a process.

It does what the driver and the launcher of Kubeflow Pipelines 2 do: it fills the
placeholders and the executor input, starts the command, reads the outputs and takes the
branch of each condition.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

import tfx_lr_finder

SOURCE_ROOT = pathlib.Path(tfx_lr_finder.__file__).parents[1]
MODULES = SOURCE_ROOT.parent / "pipelines" / "kfp_native" / "module"

_PARAMETER = re.compile(r"\{\{\$\.inputs\.parameters\['([^']+)'\]\}\}")
_INPUT = re.compile(r"\{\{\$\.inputs\.artifacts\['([^']+)'\]\.path\}\}")
_OUTPUT = re.compile(r"\{\{\$\.outputs\.artifacts\['([^']+)'\]\.path\}\}")
_FILE = re.compile(r"\{\{\$\.outputs\.parameters\['([^']+)'\]\.output_file\}\}")


class Failed(RuntimeError):
    """A command that ended with a code other than 0."""

    def __init__(self, task, code, log):
        super().__init__(f"{task} ended with {code}:\n{log[-4000:]}")
        self.code = code
        self.log = log


def run_command(command, python=sys.executable, **environment):
    """Returns the exit code and the log of a container's command, run as a process."""
    program, *arguments = command
    assert program == "python", command
    paths = [SOURCE_ROOT, MODULES]
    done = subprocess.run(
        [python, *arguments],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "CUDA_VISIBLE_DEVICES": "-1",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


class Run:
    """One run of a compiled pipeline.

    Args:
      spec: The pipeline specification, as a dict.
      root: The folder that stands for the bucket.
      start: Runs a command and returns its exit code and log.

    Attributes:
      outputs: The outputs of each task that ran, by its name: parameters and paths.
      metadata: What each task wrote about its artifacts, by its name.
      logs: The log of each task that ran, by its name.
    """

    def __init__(self, spec, root, start=run_command):
        self._spec = spec
        self._root = pathlib.Path(root)
        self._start = start
        self.outputs = {}
        self.metadata = {}
        self.logs = {}

    def run(self, **parameters):
        """Runs the whole pipeline with these parameters."""
        self._dag(self._spec["root"], parameters, {})
        return self

    def _dag(self, component, parameters, artifacts):
        defined = component.get("inputDefinitions", {}).get("parameters", {})
        given = {
            name: definition["defaultValue"]
            for name, definition in defined.items()
            if "defaultValue" in definition
        }
        given.update(parameters)
        tasks = dict(component["dag"]["tasks"])
        done = {}
        while tasks:
            name = next(
                name
                for name, task in tasks.items()
                if set(task.get("dependentTasks", [])) <= set(done)
            )
            done[name] = self._task(name, tasks.pop(name), given, artifacts, done)

    def _task(self, name, task, given, artifacts, done):
        inputs = task.get("inputs", {})
        values = {
            key: self._parameter(source, given, done)
            for key, source in inputs.get("parameters", {}).items()
        }
        paths = {
            key: self._artifact(source, artifacts, done)
            for key, source in inputs.get("artifacts", {}).items()
        }
        condition = task.get("triggerPolicy", {}).get("condition")
        if condition and not _is_true(condition, values):
            return {}
        component = self._spec["components"][task["componentRef"]["name"]]
        if "dag" in component:
            self._dag(component, values, paths)
            return {}
        self.outputs[name] = self._container(name, component, values, paths)
        return self.outputs[name]

    @staticmethod
    def _parameter(source, given, done):
        if "runtimeValue" in source:
            return source["runtimeValue"]["constant"]
        if "componentInputParameter" in source:
            return given[source["componentInputParameter"]]
        output = source["taskOutputParameter"]
        return done[output["producerTask"]][output["outputParameterKey"]]

    @staticmethod
    def _artifact(source, artifacts, done):
        if "componentInputArtifact" in source:
            return artifacts[source["componentInputArtifact"]]
        output = source["taskOutputArtifact"]
        return done[output["producerTask"]][output["outputArtifactKey"]]

    def _container(self, name, component, values, paths):
        executor = executor_input(component, values, paths, self._root / name)
        label = component["executorLabel"]
        container = self._spec["deploymentSpec"]["executors"][label]["container"]
        code, self.logs[name] = self._start(filled(container, executor))
        if code:
            raise Failed(name, code, self.logs[name])
        outputs = {
            key: artifact["artifacts"][0]["uri"]
            for key, artifact in executor["outputs"]["artifacts"].items()
        }
        kinds = component.get("outputDefinitions", {}).get("parameters", {})
        for key, file in executor["outputs"]["parameters"].items():
            text = pathlib.Path(file["outputFile"]).read_text()
            is_text = kinds[key]["parameterType"] == "STRING"
            outputs[key] = text if is_text else json.loads(text)
        written = pathlib.Path(executor["outputs"]["outputFile"])
        if written.exists():
            self.metadata[name] = json.loads(written.read_text())["artifacts"]
        return outputs


def executor_input(component, values, paths, folder):
    """Returns what the backend passes to a task, all of it below a folder."""
    defined = component.get("inputDefinitions", {}).get("parameters", {})
    defaults = {
        key: definition["defaultValue"]
        for key, definition in defined.items()
        if "defaultValue" in definition
    }
    outputs = component.get("outputDefinitions", {})
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "inputs": {
            "parameterValues": {**defaults, **values},
            "artifacts": {key: _artifact(key, path) for key, path in paths.items()},
        },
        "outputs": {
            "parameters": {
                key: {"outputFile": str(folder / key)}
                for key in outputs.get("parameters", {})
            },
            "artifacts": {
                key: _artifact(key, str(folder / key))
                for key in outputs.get("artifacts", {})
            },
            "outputFile": str(folder / "executor_output.json"),
        },
    }


def _artifact(name, path):
    return {"artifacts": [{"name": name, "uri": path, "metadata": {}}]}


def filled(container, executor):
    """Returns the command of a container, with its placeholders filled."""
    inputs, outputs = executor["inputs"], executor["outputs"]

    def text(key):
        value = inputs["parameterValues"][key]
        return value if isinstance(value, str) else _number(value)

    def fill(argument):
        if argument == "{{$}}":
            return json.dumps(executor)
        argument = _PARAMETER.sub(lambda match: text(match[1]), argument)
        argument = _INPUT.sub(
            lambda match: inputs["artifacts"][match[1]]["artifacts"][0]["uri"], argument
        )
        argument = _OUTPUT.sub(
            lambda match: outputs["artifacts"][match[1]]["artifacts"][0]["uri"],
            argument,
        )
        return _FILE.sub(
            lambda match: outputs["parameters"][match[1]]["outputFile"], argument
        )

    return [*container["command"], *map(fill, container["args"])]


def _number(value):
    """Returns a number as the launcher prints it: a whole one without a point."""
    return str(int(value)) if float(value).is_integer() else repr(value)


def _is_true(condition, values):
    """Evaluates the condition of a branch (CEL: comparisons, && and negation)."""
    expression = re.sub(
        r"inputs\.parameter_values\['([^']+)'\]",
        lambda match: repr(values[match[1]]),
        condition,
    )
    expression = expression.replace("&&", " and ").replace("!(", " not (")
    return eval(expression, {"__builtins__": {}, "int": int, "double": float})
