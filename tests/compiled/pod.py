"""Runs the tasks of a compiled Kubeflow v2 pipeline as their pods would.

The backend fills `{{$}}` in the container's arguments with an `ExecutorInput` and
starts the container's command; here that command is started as a process. A `Pod` does
what Vertex does, a `KubeflowPod` what open-source Kubeflow Pipelines does.
"""

import copy
import json
import os
import pathlib
import shutil
import subprocess
import sys
import uuid

import tfx_lr_finder

SOURCE_ROOT = pathlib.Path(tfx_lr_finder.__file__).parents[1]


class Pod:
    """The tasks of one compiled pipeline, run one by one.

    Args:
      job: What `KubeflowV2DagRunner` wrote, as a dict.
      root: Stands for the bucket.
      start: Runs a command with more environment variables and with folders mounted
        (path inside to path outside), and returns its exit status and log. A process
        of this machine by default, for which both paths are the same.
      python_path: More folders of modules for the processes.
    """

    def __init__(self, job, root, start=None, python_path=()):
        self._spec = job["pipelineSpec"]
        self._root = pathlib.Path(root)
        self._python_path = python_path
        self._start = start or self._start_process
        self.outputs = {}
        self.logs = {}

    def component(self, task):
        """The component specification of a task."""
        node = self._spec["root"]["dag"]["tasks"][task]
        return self._spec["components"][node["componentRef"]["name"]]

    def run_all(self):
        """Runs every task after those it depends on, each with their outputs."""
        tasks = self._spec["root"]["dag"]["tasks"]
        while len(self.outputs) < len(tasks):
            name = next(
                name
                for name, task in tasks.items()
                if name not in self.outputs
                and set(task.get("dependentTasks", [])) <= set(self.outputs)
            )
            wired = {
                key: self.outputs[source["taskOutputArtifact"]["producerTask"]][
                    source["taskOutputArtifact"]["outputArtifactKey"]
                ]
                for key, source in tasks[name]
                .get("inputs", {})
                .get("artifacts", {})
                .items()
            }
            self.run(name, wired)

    def run(self, task, inputs):
        """Runs a task.

        Args:
          task: Its name in the pipeline.
          inputs: Input name to artifact, as `run` returns them.

        Returns:
          Output name to artifact, with what the executor set on it, and the log.
        """
        executor = self._executor(task)
        if "importer" in executor:
            self.outputs[task], self.logs[task] = self._import(task, executor), ""
        else:
            container = executor["container"]
            self.outputs[task], self.logs[task] = self._run(task, container, inputs)
        return self.outputs[task], self.logs[task]

    def _run(self, task, container, inputs):
        project = self._root / "123456789"
        folder = project / "taxi-20260102030405" / f"{task}_-4567"
        for made in (project, folder.parent, folder):
            make_folder(made)
        output_file = folder / "executor_output.json"
        executor_input = {
            "inputs": {"artifacts": _lists(inputs), **self._parameters(task)},
            "outputs": {
                "artifacts": _lists(self._outputs(task, str(folder))),
                "outputFile": str(output_file),
            },
        }
        if "lifecycle" in container:  # the backend runs this before it asks its cache
            hook = container["lifecycle"]["preCacheCheck"]
            self._command(task, hook["command"], hook["args"], executor_input)
            _merge(executor_input["outputs"]["artifacts"], output_file)
        log = self._command(
            task, container["command"], container["args"], executor_input
        )
        outputs = executor_input["outputs"]["artifacts"]
        _merge(outputs, output_file)
        return _singles(outputs), log

    def _executor(self, task):
        label = self.component(task)["executorLabel"]
        return self._spec["deploymentSpec"]["executors"][label]

    def _import(self, task, executor):
        spec = executor["importer"]
        uri = spec["artifactUri"]
        value = uri.get("constant") or uri["constantValue"]["stringValue"]
        (name,) = self.component(task)["outputDefinitions"]["artifacts"]
        artifact = {
            "name": f"{task}/{name}",
            "uri": value,
            "type": spec["typeSchema"],
            "metadata": spec.get("metadata", {}),
        }
        return {name: artifact}

    def _outputs(self, task, folder):
        """The output artifacts, as the backend provides them."""
        definitions = self.component(task).get("outputDefinitions", {})
        return {
            name: {
                "name": f"{task}/{name}",
                "uri": f"{folder}/{name}",
                "type": definition["artifactType"],
                "metadata": definition.get("metadata", {}),
            }
            for name, definition in definitions.get("artifacts", {}).items()
        }

    def _parameters(self, task):
        """The constants that the compiler wrote, as the backend hands them over."""
        node = self._spec["root"]["dag"]["tasks"][task]
        given = node.get("inputs", {}).get("parameters", {})
        values = {name: value["runtimeValue"] for name, value in given.items()}
        if self._spec["schemaVersion"] == "2.0.0":
            constants = {name: value["constantValue"] for name, value in values.items()}
            return {"parameters": constants}
        constants = {name: value["constant"] for name, value in values.items()}
        return {"parameterValues": constants}

    def _command(
        self, task, command, args, executor_input, environment=None, mounts=None
    ):
        """Starts a command of a container; returns its log."""
        filled = [arg.replace("{{$}}", json.dumps(executor_input)) for arg in args]
        mounts = mounts or {str(self._root): self._root}
        status, log = self._start([*command, *filled], environment or {}, mounts)
        if status:
            raise RuntimeError(f"{task} ended with {status}:\n{log[-5000:]}")
        return log

    def _start_process(self, command, environment, mounts):
        del mounts
        python, *arguments = command
        if python != "python":
            raise ValueError(f"wanted a Python command, got {command}")
        paths = [*self._python_path, SOURCE_ROOT, os.environ.get("PYTHONPATH", "")]
        python_path = os.pathsep.join(str(path) for path in paths if path)
        done = subprocess.run(
            [sys.executable, *arguments],
            env={**os.environ, "PYTHONPATH": python_path, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr


class KubeflowPod(Pod):
    """The same as open-source Kubeflow Pipelines does it.

    Artifacts are in a bucket. KFP's launcher copies a task's inputs from there to
    folders of the pod, and its outputs back; the types of inputs are empty, there is an
    output of logs, and no driver of ExampleGens is run.

    Args:
      job: As for `Pod`.
      root: Holds the bucket and the pods' folders.
      scheme: Of the bucket's uris.
      start: As for `Pod`.
      python_path: As for `Pod`.
    """

    def __init__(self, job, root, scheme="minio", start=None, python_path=()):
        super().__init__(job, root, start, python_path)
        self._bucket = f"{scheme}://mlpipeline/v2/taxi/{uuid.uuid4()}"
        self._scheme = scheme
        self.bucket = self._root / "bucket"

    def _run(self, task, container, inputs):
        pod = self._root / "pods" / task
        inside = str(pod) if self._start == self._start_process else ""
        for artifact in inputs.values():
            self._copy(artifact["uri"], self.bucket, pod)
        folder = f"{self._bucket}/{task}/{uuid.uuid4()}"
        outputs = self._outputs(task, folder)
        for artifact in outputs.values():
            make_folder(self._place(artifact["uri"], pod).parent)
        output_file = self._place(f"{folder}/output_metadata.json", pod)
        make_folder(output_file.parent)
        logs = {
            "uri": f"{folder}/executor-logs",
            "type": {"schemaTitle": "system.Artifact"},
        }
        executor_input = {
            "inputs": {
                "artifacts": _lists({k: _untyped(a) for k, a in inputs.items()}),
                **self._parameters(task),
            },
            "outputs": {
                "artifacts": _lists({**outputs, "executor-logs": logs}),
                "outputFile": f"{inside}/{output_file.relative_to(pod)}",
            },
        }
        environment = {"KFP_POD_NAME": f"taxi-{task.lower()}"}
        if inside:
            environment["LR_FINDER_KFP_FOLDERS"] = inside
        log = self._command(
            task,
            container["command"],
            container["args"],
            executor_input,
            environment,
            {f"{inside}/{self._scheme}": pod / self._scheme},
        )
        lists = _lists(outputs)
        _merge(lists, output_file)
        for artifact in outputs.values():
            self._copy(artifact["uri"], pod, self.bucket)
        return _singles(lists), log

    def _place(self, uri, base):
        """The folder of a uri of the bucket, below a base."""
        return base / self._scheme / uri.removeprefix(f"{self._scheme}://")

    def _copy(self, uri, source, destination):
        here, there = self._place(uri, source), self._place(uri, destination)
        if here.is_dir():
            shutil.copytree(here, there, dirs_exist_ok=True)
        elif here.is_file():
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(here, there)


def make_folder(folder):
    """Makes a folder that every user may write to, as a volume of a pod is."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o777)


def _untyped(artifact):
    """An input artifact as that backend hands it over."""
    return {
        "uri": artifact["uri"],
        "type": {"instanceSchema": ""},
        "metadata": artifact.get("metadata", {}),
    }


def _merge(outputs, output_file):
    """Puts what an executor wrote on the output artifacts."""
    written = json.loads(pathlib.Path(output_file).read_text())
    for name, entry in written.get("artifacts", {}).items():
        made = copy.deepcopy(entry["artifacts"][0])
        artifact = outputs[name]["artifacts"][0]
        metadata = {**artifact["metadata"], **made.pop("metadata", {})}
        artifact.update(made, metadata=metadata)


def _lists(artifacts):
    return {name: {"artifacts": [artifact]} for name, artifact in artifacts.items()}


def _singles(lists):
    return {name: entry["artifacts"][0] for name, entry in lists.items()}
