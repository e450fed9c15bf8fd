"""Where an execution keeps its checkpoint, and how often it writes one."""

import contextlib
import dataclasses
import hashlib
import importlib.util
import json
import math
from collections.abc import Mapping
from typing import Any

from absl import logging

from tfx_lr_finder import storage
from tfx_lr_finder.runtime.checkpoint.preemption import Watch
from tfx_lr_finder.settings import keys, parameters

CHECKPOINT_SECONDS = 30.0
_CODE_BYTES = 64 * 1024**2
_DATA_PROPERTIES = ("input_fingerprint", "span", "version")
_CODE = (keys.MODULE_FILE, keys.MODULE_PATH, keys.LR_FINDER_FN, keys.RUN_FN)
_ARGUMENTS = (keys.TRAIN_ARGS, keys.EVAL_ARGS, keys.CUSTOM_CONFIG)


@dataclasses.dataclass(kw_only=True)
class CheckpointPlan:
    """Where a range test keeps its checkpoint, and how often it writes one.

    Attributes:
      folder: A path or a uri; made if it does not exist. Tests may share it.
      seconds: Least seconds between two checkpoints, at least 0.
      inputs: What says where the data and the code come from; a checkpoint of others
        is not gone on from.
      watch: Tells whether this process has to go.
      path: The checkpoint itself, once it is known.
    """

    folder: str
    seconds: float = CHECKPOINT_SECONDS
    inputs: str = ""
    watch: Watch = dataclasses.field(default_factory=Watch)
    path: str | None = None

    def __post_init__(self) -> None:
        """Refuses an interval that is none."""
        check_seconds(self.seconds)

    def remove(self) -> None:
        """Deletes the checkpoint, whose test has come to its end."""
        if self.path is None:
            return
        try:
            if storage.exists(self.path):
                storage.remove(self.path)
        except Exception as error:  # whatever a file system may raise
            logging.warning("LRFinder: %s is not deleted: %s", self.path, error)


def check_seconds(seconds: float) -> float:
    """Returns the least seconds between two checkpoints.

    Raises:
      ValueError: If they are negative or not finite.
    """
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ValueError(
            f"checkpoint_seconds must be finite and at least 0, got {seconds!r}. 30 "
            "loses half a minute of a killed test."
        )
    return seconds


def properties(folder: Any, seconds: Any) -> dict[str, Any]:
    """Returns the execution properties of those arguments that are not None.

    Args:
      folder: `checkpoint_dir`; a string, a runtime parameter or a placeholder.
      seconds: `checkpoint_seconds`; a number or one of those.

    Raises:
      ValueError: They are of another type, or the seconds are negative.
    """
    given = (
        (keys.CHECKPOINT_DIR, folder, str),
        (keys.CHECKPOINT_SECONDS, seconds, float),
    )
    found = {
        n: parameters.cast_number(n, x, kind) for n, x, kind in given if x is not None
    }
    plain = found.get(keys.CHECKPOINT_SECONDS)
    if isinstance(plain, float):
        check_seconds(plain)
    return found


def of_execution(
    context: Any,
    input_dict: Mapping[str, Any],
    exec_properties: Mapping[str, Any],
    watch: Watch,
) -> CheckpointPlan | None:
    """Returns the plan of an execution; None where it has no place to write to.

    Args:
      context: The executor's context, or None.
      input_dict: The input artifacts; their uris tell data from other data.
      exec_properties: `checkpoint_dir` and `checkpoint_seconds`, and the module.
      watch: See `CheckpointPlan`.

    Raises:
      ValueError: `checkpoint_seconds` is negative or not finite.
    """
    seconds = exec_properties.get(keys.CHECKPOINT_SECONDS)
    seconds = CHECKPOINT_SECONDS if seconds is None else check_seconds(float(seconds))
    folder = exec_properties.get(keys.CHECKPOINT_DIR)
    folder = folder or getattr(context, "stateful_working_dir", None)
    if not folder:
        return None
    return CheckpointPlan(
        folder=folder,
        seconds=seconds,
        inputs=_inputs(input_dict, exec_properties),
        watch=watch,
    )


def _inputs(input_dict: Mapping[str, Any], exec_properties: Mapping[str, Any]) -> str:
    """Returns what says where an execution's data and code come from, as JSON."""
    artifacts = {
        key: [[artifact.uri, *_data_properties(artifact)] for artifact in given]
        for key, given in input_dict.items()
        if key != keys.PREVIOUS  # is compared with after the test
    }
    properties = {name: exec_properties.get(name) for name in (*_CODE, *_ARGUMENTS)}
    return json.dumps(
        [artifacts, properties, _code_digest(exec_properties)],
        sort_keys=True,
        default=str,
    )


def _data_properties(artifact: Any) -> list[str]:
    """Returns what ExampleGen says of the data that it read."""
    properties = artifact.mlmd_artifact.custom_properties
    return [str(properties[n]) for n in _DATA_PROPERTIES if n in properties]


def _code_digest(exec_properties: Mapping[str, Any]) -> str:
    """Returns a digest of the user's module; a wheel's name has one already."""
    paths = [exec_properties.get(keys.MODULE_FILE)]
    for name in (keys.LR_FINDER_FN, keys.RUN_FN):
        with contextlib.suppress(ImportError, ValueError):
            module = str(exec_properties.get(name) or "").rpartition(".")[0]
            spec = importlib.util.find_spec(module) if module else None
            paths.append(spec.origin if spec else None)
    digest = hashlib.sha256()
    for path in filter(None, paths):
        with contextlib.suppress(Exception):  # running it will tell what is wrong
            digest.update(storage.read_bytes(path, _CODE_BYTES))
    return digest.hexdigest()
