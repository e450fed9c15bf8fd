"""Where an execution keeps files that must outlive its pod.

Kubeflow v2 and Vertex AI give an executor no working directory, and keep no output of
a node that fails. The pod then writes to the pipeline root itself, whose uri it knows
from its outputs.
"""

import dataclasses
import os
import re
from typing import Any

from tfx_lr_finder import kfp_folders, storage
from tfx_lr_finder.settings import keys

CHECKPOINTS, EVIDENCE = "lr_finder_checkpoints", "lr_finder_evidence"
"""Names of the folders under the pipeline root."""

WRITABLE = "gs://"
"""The only bucket that pods write to without a plugin and without keys of their own."""

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_LAYOUTS = (
    # Kubeflow: PIPELINE/RUN/TASK/[ATTEMPT/]OUTPUT; RUN and ATTEMPT are UUIDs.
    re.compile(rf"(.+)/{_UUID}/[^/]+/(?:{_UUID}/)?[^/]+"),
    # Vertex AI: PROJECT NUMBER/JOB/TASK_NUMBER/OUTPUT
    re.compile(r"(.+/\d+)/[^/]+/[^/]+_-?\d+/[^/]+"),
)
"""The end of an output's uri. The group is a folder that all runs share."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LastingFolders:
    """Folders that outlive the pod; None if this pod can write to none.

    Attributes:
      checkpoints: Default folder of checkpoints.
      evidence: Default folder of the report of a test that fails.
    """

    checkpoints: str | None
    evidence: str | None


def lasting_folders(context: Any, output_uri: str) -> LastingFolders:
    """Returns the folders of an execution.

    Args:
      context: The executor's context, or None.
      output_uri: The uri of one of its outputs.
    """
    working_dir = getattr(context, "stateful_working_dir", None)
    if working_dir:
        return LastingFolders(
            checkpoints=working_dir,
            evidence=os.path.join(working_dir, keys.LR_FINDER_RESULT),
        )
    launcher = kfp_folders.of_this_pod()
    uri = launcher.to_remote(output_uri) if launcher else output_uri
    if not uri or (storage.is_remote(uri) and not uri.startswith(WRITABLE)):
        return LastingFolders(checkpoints=None, evidence=None)
    return LastingFolders(
        checkpoints=os.path.join(_shared_folder(uri), CHECKPOINTS),
        evidence=os.path.join(os.path.dirname(uri), EVIDENCE),
    )


def _shared_folder(output_uri: str) -> str:
    """Returns a folder under the pipeline root that the next attempt finds again.

    All runs of the pipeline share it if the uri has a known layout. If not, it is the
    folder two levels above the output, which is still under the root.
    """
    for layout in _LAYOUTS:
        found = layout.fullmatch(output_uri)
        if found:
            return found[1]
    return os.path.dirname(os.path.dirname(output_uri))
