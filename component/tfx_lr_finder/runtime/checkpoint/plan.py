"""Where an execution keeps its checkpoint, and what identifies its data and code."""

import contextlib
import dataclasses
import hashlib
import importlib.util
import json
import os
import re
import time
from collections.abc import Mapping
from typing import Any

from absl import logging

from tfx_lr_finder import storage
from tfx_lr_finder.runtime.checkpoint.preemption import Watch
from tfx_lr_finder.settings import keys
from tfx_lr_finder.settings.request import FinderRequest

NAME = re.compile(r"lr_finder-[0-9a-f]{16}\.checkpoint")
"""Name of a checkpoint."""

OLD_DAYS = 14
"""A checkpoint that was not written to for so long is of a test that was given up."""

MAX_OLD = 100
"""How many files a test looks at when it deletes old checkpoints."""

_MAX_CODE_BYTES = 64 * 1024**2
_DATA_PROPERTIES = ("input_fingerprint", "span", "version")
_CODE = (keys.MODULE_FILE, keys.MODULE_PATH, keys.LR_FINDER_FN, keys.RUN_FN)
_ARGUMENTS = (keys.TRAIN_ARGS, keys.EVAL_ARGS, keys.CUSTOM_CONFIG)


@dataclasses.dataclass(kw_only=True)
class CheckpointPlan:
    """Where a range test keeps its checkpoint.

    Attributes:
      folder: A path or a uri; created if missing. Several tests may share it.
      inputs: Identifies the data and the code; a checkpoint from different inputs is
        ignored.
      watch: Knows whether this process must stop.
      path: The checkpoint itself; None until the test begins.
    """

    folder: str
    inputs: str = ""
    watch: Watch = dataclasses.field(default_factory=Watch)
    path: str | None = None

    @classmethod
    def from_execution(
        cls,
        input_dict: Mapping[str, Any],
        request: FinderRequest,
        watch: Watch,
        default_folder: str | None,
    ) -> "CheckpointPlan | None":
        """Returns the plan of an execution; None if there is no folder to write to.

        Args:
          input_dict: The input artifacts; their uris identify the data.
          request: Holds `checkpoint_dir` and what identifies the user's module.
          watch: See `CheckpointPlan`.
          default_folder: Folder to use without `checkpoint_dir`, or None.
        """
        folder = request.checkpoint_dir or default_folder
        if not folder:
            logging.warning(
                "LRFinder: this test cannot resume after a preemption, because this "
                "pod itself cannot write to the pipeline root. Set checkpoint_dir to "
                "a folder that it can write to: gs:// or a mounted path."
            )
            return None
        artifacts = {
            key: [[artifact.uri, *_data_properties(artifact)] for artifact in given]
            for key, given in input_dict.items()
        }
        inputs = identity(artifacts, request.exec_properties)
        return cls(folder=folder, inputs=inputs, watch=watch)

    def remove(self) -> None:
        """Deletes the checkpoint once its test has ended, and those of given-up tests.

        The latter are the checkpoints in the folder that nobody has written to for
        `OLD_DAYS` days.
        """
        if self.path is None:
            return
        try:
            if storage.exists(self.path):
                storage.remove(self.path)
        except Exception as error:  # a file system may raise anything
            logging.warning("LRFinder: cannot delete %s: %s", self.path, error)
        try:
            self._remove_old()
        except Exception as error:  # another test may have deleted one first
            logging.info("LRFinder: old checkpoints are left: %s", error)

    def _remove_old(self) -> None:
        """Deletes the old checkpoints of other tests, and what is left of them."""
        oldest = time.time() - OLD_DAYS * 24 * 3600
        names = [name for name in storage.list_folder(self.folder) if NAME.match(name)]
        for name in names[:MAX_OLD]:
            path = os.path.join(self.folder, name)
            modified = storage.modified_at(path)
            if modified is not None and modified < oldest:
                storage.remove(path)
                logging.info("LRFinder: deleted the old checkpoint %s", path)


def identity(artifacts: Mapping[str, Any], exec_properties: Mapping[str, Any]) -> str:
    """Returns what identifies an execution's data and code, as JSON.

    Args:
      artifacts: What identifies each input artifact, by its name.
      exec_properties: Name the user's code and its arguments.
    """
    data = {
        key: facts
        for key, facts in artifacts.items()
        if key != keys.PREVIOUS  # compared with the result after the test
    }
    arguments = {name: exec_properties.get(name) for name in (*_CODE, *_ARGUMENTS)}
    return json.dumps(
        [data, arguments, _code_digest(exec_properties)],
        sort_keys=True,
        default=str,
    )


def _data_properties(artifact: Any) -> list[str]:
    """Returns what ExampleGen recorded about the data that it read."""
    recorded = artifact.mlmd_artifact.custom_properties
    return [str(recorded[name]) for name in _DATA_PROPERTIES if name in recorded]


def _code_digest(exec_properties: Mapping[str, Any]) -> str:
    """Returns a digest of the user's module; the name of a wheel contains one."""
    paths = [exec_properties.get(keys.MODULE_FILE)]
    for name in (keys.LR_FINDER_FN, keys.RUN_FN):
        with contextlib.suppress(ImportError, ValueError):
            module = str(exec_properties.get(name) or "").rpartition(".")[0]
            spec = importlib.util.find_spec(module) if module else None
            paths.append(spec.origin if spec else None)
    digest = hashlib.sha256()
    for path in filter(None, paths):
        with contextlib.suppress(Exception):  # loading the module reports the error
            digest.update(storage.read_bytes(path, _MAX_CODE_BYTES))
    return digest.hexdigest()
