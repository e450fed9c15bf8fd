"""Artifacts as open-source KFP hands them over, and as TFX wants them."""

import copy
import os
from typing import Any

Json = dict[str, Any]

LOGS = "executor-logs"
_FOLDERS = {"gs://": "gcs", "s3://": "s3", "minio://": "minio"}


class Folders:
    """Where KFP's launcher keeps what it copies from and to a bucket.

    Args:
      root: The folder of its folders; "/" in a pod.
    """

    def __init__(self, root: str = "/") -> None:
        """Keeps the root."""
        self._folders = {
            scheme: os.path.join(root, folder, "")
            for scheme, folder in _FOLDERS.items()
        }

    def to_local(self, uri: str) -> str:
        """Returns the folder of a bucket's uri; anything else comes back as it is."""
        for scheme, folder in self._folders.items():
            if uri.startswith(scheme):
                return folder + uri.removeprefix(scheme)
        return uri

    def to_remote(self, value: Any) -> Any:
        """Returns JSON in which the launcher's folders are uris of buckets again."""
        if isinstance(value, dict):
            return {key: self.to_remote(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.to_remote(item) for item in value]
        if isinstance(value, str):
            for scheme, folder in self._folders.items():
                if value.startswith(folder):
                    return scheme + value.removeprefix(folder)
        return value


def repaired(executor_input: Json, declared: Json, folders: Folders) -> Json:
    """Returns an executor input that TFX's entrypoint can read.

    Args:
      executor_input: As the backend gave it.
      declared: The component's input definitions, as compiled.
      folders: Where the launcher keeps artifacts.

    Returns:
      A copy: every input has its declared type and a name, there is no output of logs,
      and every uri is a folder of the pod.
    """
    result = copy.deepcopy(executor_input)
    inputs = result.get("inputs", {}).get("artifacts", {})
    outputs = result.get("outputs", {}).get("artifacts", {})
    outputs.pop(LOGS, None)
    types = {
        name: definition["artifactType"]
        for name, definition in declared.get("artifacts", {}).items()
    }
    for name, entry in inputs.items():
        for artifact in entry.get("artifacts", []):
            artifact["type"] = types.get(name, artifact.get("type"))
            # TFX's Evaluator looks its model up by name.
            artifact["name"] = artifact.get("name") or artifact.get("uri", "")
    for entry in (*inputs.values(), *outputs.values()):
        for artifact in entry.get("artifacts", []):
            artifact["uri"] = folders.to_local(artifact.get("uri", ""))
    return result


def wants_driver(executor_input: Json) -> bool:
    """Returns whether the node is a file-based ExampleGen, whose driver finds the span.

    Args:
      executor_input: As the backend gave it, of version 2.1 of the schema.
    """
    given = executor_input.get("inputs", {}).get("parameterValues", {})
    outputs = executor_input.get("outputs", {}).get("artifacts", {})
    return {"input_base", "input_config"} <= set(given) and "examples" in outputs


def with_driver_output(executor_input: Json, driver_output: Json) -> Json:
    """Returns the executor input with what the driver set on the output artifacts.

    Args:
      executor_input: What the driver got.
      driver_output: What it wrote.
    """
    result = copy.deepcopy(executor_input)
    outputs = result["outputs"]["artifacts"]
    for name, entry in driver_output.get("artifacts", {}).items():
        for artifact, made in zip(
            outputs[name]["artifacts"], entry["artifacts"], strict=True
        ):
            metadata = {**artifact.get("metadata", {}), **made.get("metadata", {})}
            artifact["metadata"] = metadata
    return result
