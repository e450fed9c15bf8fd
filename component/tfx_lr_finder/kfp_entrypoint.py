"""Container entrypoint that lets TFX's Kubeflow v2 output run on open-source KFP v2.

It takes the arguments of TFX's own entrypoint and ends in it; name it when compiling::

    KubeflowV2DagRunnerConfig(
        default_commands=["python", "-m", "tfx_lr_finder.kfp_entrypoint"],
        use_pipeline_spec_2_1=True,
    )

On Vertex everything passes through as it is. In a pod of open-source KFP, which is
known by its variable `KFP_POD_NAME`, four things differ from what TFX expects:

- Input artifacts have no type of TFX's: each gets the one that the compiled pipeline
  declares for it.
- There is an output `executor-logs` of a type that TFX cannot import: it is left out.
- The driver of file-based ExampleGens, which finds the newest span, is not run: it is
  run here, before the executor.
- KFP's launcher copies artifacts from the bucket to folders of the pod and back
  (`/gcs`, `/s3`, `/minio`): TFX gets those folders, and so needs no plugin for the
  kind of bucket.
"""

import argparse
import json
import os
import platform
import runpy
import sys
import traceback
from collections.abc import Sequence

from tfx_lr_finder import kfp_artifacts, version

POD_VARIABLE = "KFP_POD_NAME"
FOLDERS_VARIABLE = "LR_FINDER_KFP_FOLDERS"  # where the launcher's folders are, if not /

_EXECUTOR = "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor"
_INVOCATION = "--json_serialized_invocation_args"
_SPEC = "--json_serialized_inputs_spec_args"


def main(arguments: Sequence[str]) -> None:
    """Runs one node of a compiled pipeline.

    Args:
      arguments: What TFX compiled into the container's arguments, with the executor
        input filled in by the backend; or `--version`.
    """
    if list(arguments) == ["--version"]:
        print(version.describe())
        return
    try:
        if POD_VARIABLE in os.environ:
            _run_on_kfp(list(arguments))
        else:
            _run_tfx(list(arguments))
    except Exception as error:
        explanation = _explanation(error)
        if explanation is None:
            raise
        traceback.print_exc()
        sys.exit(explanation)


def _run_tfx(arguments: list[str]) -> None:
    """Runs TFX's own entrypoint."""
    sys.argv = [_EXECUTOR, *arguments]
    try:
        runpy.run_module(_EXECUTOR, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code:
            raise


def _run_on_kfp(arguments: list[str]) -> None:
    """Runs TFX's entrypoint between the repair of its input and of its output."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument(_INVOCATION, dest="invocation", required=True)
    parser.add_argument(_SPEC, dest="spec", default="{}")
    options, rest = parser.parse_known_args(arguments)
    folders = kfp_artifacts.Folders(os.environ.get(FOLDERS_VARIABLE, "/"))
    executor_input = kfp_artifacts.repaired(
        json.loads(options.invocation), json.loads(options.spec), folders
    )
    output_file = executor_input["outputs"]["outputFile"]
    os.makedirs(os.path.dirname(output_file), exist_ok=True)
    if kfp_artifacts.wants_driver(executor_input):
        executor_input = _with_newest_span(executor_input, options.spec, output_file)
    invocation = json.dumps(executor_input)
    _run_tfx([*rest, _INVOCATION, invocation, _SPEC, options.spec])
    with open(output_file) as file:
        written = json.load(file)
    with open(output_file, "w") as file:
        json.dump(folders.to_remote(written), file)


def _with_newest_span(
    executor_input: kfp_artifacts.Json, spec: str, output_file: str
) -> kfp_artifacts.Json:
    """Runs the ExampleGen's driver; TFX's entrypoint then reads its output file."""
    # Here, and not at the top: it loads all of TFX.
    from tfx.orchestration.kubeflow.v2.file_based_example_gen import driver

    driver.main(
        argparse.Namespace(
            json_serialized_invocation_args=json.dumps(executor_input),
            json_serialized_inputs_spec_args=spec,
        )
    )
    with open(output_file) as file:
        return kfp_artifacts.with_driver_output(executor_input, json.load(file))


def _explanation(error: Exception) -> str | None:
    """Returns what to do about an error that only a pod has; None for any other."""
    if isinstance(error, ImportError) and error.name == "kfp":
        return (
            f"TFX cannot run in pods of Vertex and Kubeflow here ({error}): install "
            "the extra tfx-lr-finder[kfp], with Python 3.10 or 3.11. For later ones "
            f"TFX has no such runner; this is Python {platform.python_version()}."
        )
    if isinstance(error, ImportError):
        return (
            f"This image lacks something that the pipeline needs: {error}. Every node "
            "that writes or reads an LRFinderResult, the Trainer's too, needs "
            "tfx-lr-finder and the user module in its image: use the same image for "
            "both."
        )
    signs = ("permission denied", "permissiondenied", "forbidden", "read-only file")
    text = f"{error!r} {error}".lower()
    if isinstance(error, PermissionError) or any(sign in text for sign in signs):
        return (
            f"This pod may not write where the pipeline wants it to: {error}. Give the "
            "pod's service account the right to read and write the pipeline root and "
            "the push destination, or choose others."
        )
    return None


if __name__ == "__main__":
    main(sys.argv[1:])
