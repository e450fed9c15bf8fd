"""The folders of a pod in which the launcher of Kubeflow Pipelines keeps copies.

In a pod of open-source KFP, the launcher copies artifacts between the bucket and
folders of the pod (`/gcs`, `/s3`, `/minio`). These folders end with the pod, and the
launcher copies the outputs of successful nodes only.
"""

import os
from collections.abc import Mapping
from typing import Any

POD_VARIABLE = "KFP_POD_NAME"
"""KFP sets it in every pod."""

FOLDERS_VARIABLE = "LR_FINDER_KFP_FOLDERS"
"""Parent of the launcher's folders if it is not `/`."""

_FOLDERS = {"gs://": "gcs", "s3://": "s3", "minio://": "minio"}


class Folders:
    """The folders of KFP's launcher, which hold copies of a bucket's files."""

    def __init__(self, root: str = "/") -> None:
        """Takes the parent of the folders, "/" in a pod."""
        self._folders = {
            scheme: os.path.join(root, folder, "")
            for scheme, folder in _FOLDERS.items()
        }

    def to_local(self, uri: str) -> str:
        """Returns the folder of a bucket's uri, and any other uri unchanged."""
        for scheme, folder in self._folders.items():
            if uri.startswith(scheme):
                return folder + uri.removeprefix(scheme)
        return uri

    def to_remote(self, value: Any) -> Any:
        """Returns JSON with the uris of the bucket instead of the folders."""
        if isinstance(value, dict):
            return {key: self.to_remote(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.to_remote(item) for item in value]
        if isinstance(value, str):
            for scheme, folder in self._folders.items():
                if value.startswith(folder):
                    return scheme + value.removeprefix(folder)
        return value


def of_this_pod(environment: Mapping[str, str] = os.environ) -> Folders | None:
    """Returns the launcher's folders; None outside of a pod of open-source KFP.

    Args:
      environment: The environment variables.
    """
    if POD_VARIABLE not in environment:
        return None
    return Folders(environment.get(FOLDERS_VARIABLE, "/"))
