"""Container entrypoint that lets TFX's Kubeflow v2 output run on open-source KFP v2.

It takes the arguments of TFX's own entrypoint and runs it. Name it when compiling::

    KubeflowV2DagRunnerConfig(
        default_commands=["python", "-m", "tfx_lr_finder.kfp_entrypoint"],
        use_pipeline_spec_2_1=True,
    )

It lets TFX import the types of `show_in_console`. On Vertex it passes every argument
through unchanged. In a pod of open-source KFP, which sets the variable `KFP_POD_NAME`,
it corrects four things:

- Input artifacts have no TFX type: each gets the type that the compiled pipeline
  declares.
- TFX cannot import the type of the output `executor-logs`: it is removed.
- KFP does not run the driver of file-based ExampleGens, which finds the newest span:
  it runs here, before the executor.
- KFP's launcher copies artifacts between the bucket and folders of the pod (`/gcs`,
  `/s3`, `/minio`): TFX gets those folders and needs no plugin for the bucket.
"""

import argparse
import contextlib
import copy
import json
import os
import platform
import runpy
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from tfx_lr_finder import console, kfp_folders, version
from tfx_lr_finder.kfp_folders import Folders

Json = dict[str, Any]

LOGS = "executor-logs"

_EXECUTOR = "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor"
_INVOCATION = "--json_serialized_invocation_args"
_SPEC = "--json_serialized_inputs_spec_args"


def main(arguments: Sequence[str]) -> None:
    """Runs one node of a compiled pipeline.

    Args:
      arguments: The container's arguments as compiled by TFX, with the executor input
        of the backend; or `--version`.
    """
    if list(arguments) == ["--version"]:
        print(version.describe())
        return
    try:
        folders = kfp_folders.of_this_pod()
        if folders is None:
            _run_tfx(list(arguments))
        else:
            _run_on_kfp(list(arguments), folders)
    except Exception as error:
        explanation = _explanation(error)
        if explanation is None:
            raise
        traceback.print_exc()
        sys.exit(explanation)


def _run_tfx(arguments: list[str]) -> None:
    """Runs TFX's own entrypoint, which can import the types of the consoles then."""
    with contextlib.suppress(ImportError):  # without kfp, TFX raises it again
        console.register_titles()
    sys.argv = [_EXECUTOR, *arguments]
    try:
        runpy.run_module(_EXECUTOR, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code:
            raise


def _run_on_kfp(arguments: list[str], folders: Folders) -> None:
    """Runs TFX's entrypoint with a corrected input, and corrects its output."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument(_INVOCATION, dest="invocation", required=True)
    parser.add_argument(_SPEC, dest="spec", default="{}")
    options, rest = parser.parse_known_args(arguments)
    executor_input = repaired(
        json.loads(options.invocation), json.loads(options.spec), folders
    )
    output_file = executor_input["outputs"]["outputFile"]
    os.makedirs(os.path.dirname(output_file), exist_ok=True)
    if wants_driver(executor_input):
        executor_input = _with_newest_span(executor_input, options.spec, output_file)
    invocation = json.dumps(executor_input)
    _run_tfx([*rest, _INVOCATION, invocation, _SPEC, options.spec])
    with open(output_file) as file:
        written = json.load(file)
    with open(output_file, "w") as file:
        json.dump(folders.to_remote(written), file)


def _with_newest_span(executor_input: Json, spec: str, output_file: str) -> Json:
    """Runs the ExampleGen's driver; TFX's entrypoint then reads its output file."""
    # Imported late, because it loads all of TFX.
    from tfx.orchestration.kubeflow.v2.file_based_example_gen import driver

    driver.main(
        argparse.Namespace(
            json_serialized_invocation_args=json.dumps(executor_input),
            json_serialized_inputs_spec_args=spec,
        )
    )
    with open(output_file) as file:
        return with_driver_output(executor_input, json.load(file))


def _explanation(error: Exception) -> str | None:
    """Returns advice about an error that only pods have; None for any other error."""
    if isinstance(error, ImportError) and error.name == "kfp":
        return (
            f"TFX cannot run in a pod of Vertex or Kubeflow without kfp ({error}). "
            "Install tfx-lr-finder[kfp] with Python 3.10 or 3.11. TFX has no Kubeflow "
            f"runner for later versions. This is Python {platform.python_version()}."
        )
    if isinstance(error, ImportError):
        return (
            f"This image lacks a module that the pipeline needs: {error}. Every node "
            "that writes or reads an LRFinderResult, including the Trainer, needs "
            "tfx-lr-finder and the user module in its image. Use one image for all."
        )
    signs = ("permission denied", "permissiondenied", "forbidden", "read-only file")
    text = f"{error!r} {error}".lower()
    if isinstance(error, PermissionError) or any(sign in text for sign in signs):
        return (
            f"This pod may not write to a folder of the pipeline: {error}. Allow the "
            "pod's service account to read and write the pipeline root and the push "
            "destination, or choose others."
        )
    return None


def repaired(executor_input: Json, declared: Json, folders: Folders) -> Json:
    """Returns an executor input that TFX's entrypoint can read.

    Args:
      executor_input: The executor input of the backend.
      declared: The component's input definitions, as compiled.
      folders: The folders of the launcher.

    Returns:
      A copy. Every input has its declared type and a name, the output of logs is gone,
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
            # TFX's Evaluator finds its model by name.
            artifact["name"] = artifact.get("name") or artifact.get("uri", "")
    for entry in (*inputs.values(), *outputs.values()):
        for artifact in entry.get("artifacts", []):
            artifact["uri"] = folders.to_local(artifact.get("uri", ""))
    return result


def wants_driver(executor_input: Json) -> bool:
    """Returns whether the node is a file-based ExampleGen, whose driver has to run."""
    given = executor_input.get("inputs", {}).get("parameterValues", {})
    outputs = executor_input.get("outputs", {}).get("artifacts", {})
    return {"input_base", "input_config"} <= set(given) and "examples" in outputs


def with_driver_output(executor_input: Json, driver_output: Json) -> Json:
    """Returns the driver's input with its output's metadata on the artifacts."""
    result = copy.deepcopy(executor_input)
    outputs = result["outputs"]["artifacts"]
    for name, entry in driver_output.get("artifacts", {}).items():
        for artifact, written in zip(
            outputs[name]["artifacts"], entry["artifacts"], strict=True
        ):
            metadata = {**artifact.get("metadata", {}), **written.get("metadata", {})}
            artifact["metadata"] = metadata
    return result


if __name__ == "__main__":
    main(sys.argv[1:])
