"""The executor input of a Kubeflow Pipelines task, and its outputs."""

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import Any

from tfx_lr_finder import storage
from tfx_lr_finder.kfp_folders import FOLDERS_VARIABLE, Folders
from tfx_lr_finder.settings import keys

Json = dict[str, Any]

_DATA = (keys.TRAIN_DATA, keys.EVAL_DATA, keys.MODULE_FILE)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaskArtifact:
    """An input or output artifact.

    Attributes:
      uri: Where the backend keeps it.
      path: Where the pod sees it.
      name: Its name in the backend.
    """

    uri: str
    path: str
    name: str

    def files(self) -> list[str]:
        """Returns its files with content, sorted: itself, or those below it."""
        if os.path.isfile(self.path):
            return [self.path] if os.path.getsize(self.path) else []
        found = [
            os.path.join(folder, name)
            for folder, _, names in os.walk(self.path)
            for name in names
            if not name.startswith((".", "_"))
        ]
        return sorted(path for path in found if os.path.getsize(path))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task:
    """One execution of the component.

    Attributes:
      parameters: Input parameters by name.
      inputs: Input artifacts by name, those that were passed.
      outputs: Output artifacts by name.
      parameter_files: The file for each output parameter, by name.
      output_file: The file for the metadata of the output artifacts.
    """

    parameters: Json
    inputs: dict[str, TaskArtifact]
    outputs: dict[str, TaskArtifact]
    parameter_files: dict[str, str]
    output_file: str

    @classmethod
    def from_json(cls, text: str) -> "Task":
        """Returns the task of an executor input.

        Args:
          text: The JSON that the backend puts into the container's arguments.

        Raises:
          ValueError: The text is not an executor input.
        """
        folders = Folders(os.environ.get(FOLDERS_VARIABLE, "/"))
        try:
            given = json.loads(text)
            inputs, outputs = given.get("inputs", {}), given["outputs"]
            files = outputs["parameters"]
            return cls(
                parameters=inputs.get("parameterValues", {}),
                inputs=_artifacts(inputs.get("artifacts", {}), folders),
                outputs=_artifacts(outputs["artifacts"], folders),
                parameter_files={
                    name: folders.to_local(file["outputFile"])
                    for name, file in files.items()
                },
                output_file=folders.to_local(outputs["outputFile"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"--executor_input is not the executor input of Kubeflow Pipelines 2 "
                f"({type(error).__name__}: {error}). The backend fills it in where "
                "the component has '{{$}}'."
            ) from error

    def properties(self) -> Json:
        """Returns the properties that `FinderRequest` checks.

        Raises:
          ValueError: An input artifact has no content, or `module_file` is not one
            file.
        """
        for name in _DATA:
            if name in self.inputs and not self.inputs[name].files():
                raise ValueError(
                    f"{name} is empty: {self.inputs[name].uri} has no file with "
                    "content. Check the step that wrote it."
                )
        result = {
            name: value
            for name, value in self.parameters.items()
            if value is not None and value != ""
        }
        if keys.CUSTOM_CONFIG in result:
            result[keys.CUSTOM_CONFIG] = _with_whole_numbers(result[keys.CUSTOM_CONFIG])
        if keys.MODULE_FILE in self.inputs:
            result[keys.MODULE_FILE] = self._module_file()
        return result

    def files(self, name: str) -> list[str]:
        """Returns the files of an input artifact; empty if it was not passed."""
        return self.inputs[name].files() if name in self.inputs else []

    def write_parameters(self, values: Mapping[str, str]) -> None:
        """Writes output parameters."""
        for name, value in values.items():
            storage.write_whole(self.parameter_files[name], value.encode())

    def write_metadata(self, metadata: Mapping[str, Json]) -> None:
        """Writes the metadata of output artifacts, which the consoles show.

        It lists the artifacts without metadata, too: `kfp.local` passes on only those
        that are listed.
        """
        artifacts = {
            name: {
                "artifacts": [
                    {
                        "name": output.name,
                        "uri": output.uri,
                        "metadata": metadata.get(name, {}),
                    }
                ]
            }
            for name, output in self.outputs.items()
        }
        text = json.dumps({"artifacts": artifacts})
        storage.write_whole(self.output_file, text.encode())

    def _module_file(self) -> str:
        files = self.files(keys.MODULE_FILE)
        if len(files) != 1:
            raise ValueError(
                f"module_file must be one Python file, got {len(files)} files at "
                f"{self.inputs[keys.MODULE_FILE].uri}. Put more modules into the image."
            )
        return files[0]


def _artifacts(lists: Json, folders: Folders) -> dict[str, TaskArtifact]:
    """Returns the first artifact of each list; an optional input has an empty one."""
    return {
        name: TaskArtifact(
            uri=found["uri"],
            path=folders.to_local(found["uri"]),
            name=found.get("name", ""),
        )
        for name, entry in lists.items()
        for found in (entry or {}).get("artifacts", [])[:1]
    }


def _with_whole_numbers(value: Any) -> Any:
    """Returns JSON with `int` for each whole number, as before the backend read it."""
    if isinstance(value, dict):
        return {name: _with_whole_numbers(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_whole_numbers(item) for item in value]
    is_whole = isinstance(value, float) and value.is_integer()
    return int(value) if is_whole else value
