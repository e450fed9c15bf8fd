"""The manifest of a sample: what the files held, and what was chosen."""

import collections
import dataclasses
import json
import os
from typing import Any

from tfx.dsl.io import fileio

from tfx_lr_finder.runtime.sampling.choice import Entry, checksum
from tfx_lr_finder.runtime.sampling.labels import MISSING

FILE_NAME = "sample.json"

MAX_LABELS = 1000
"""A feature with more values than this is not a label of classes."""

_MAX_FILES_NAMED = 5


@dataclasses.dataclass(kw_only=True)
class FileSummary:
    """What a file holds.

    Attributes:
      split: Number of its split.
      path: Its path.
      num_records: Number of records before the first damage.
      problem: The first damage; "" if the file is valid.
      labels: Label to number of records.
      features: Features of a record without the label, if there is one.
      schema: Serialized schema of a Parquet file.
    """

    split: int
    path: str
    num_records: int = 0
    problem: str = ""
    labels: dict[str, int] = dataclasses.field(default_factory=dict)
    features: list[str] = dataclasses.field(default_factory=list)
    schema: bytes = b""


def make(files: list[FileSummary], sample: list[Entry]) -> bytes:
    """Returns the manifest as JSON, the same bytes for the same sample.

    Args:
      files: The summaries of all files, in any order.
      sample: The sample in its order.
    """
    files = sorted(files, key=lambda file: file.path)
    splits: dict[str, int] = collections.Counter()
    labels: dict[str, int] = collections.Counter()
    for file in files:
        splits[str(file.split)] += file.num_records
        labels.update(file.labels)
    content = {
        "num_files": len(files),
        "problems": [[file.path, file.problem] for file in files if file.problem],
        "num_by_split": splits,
        "num_by_label": labels,
        "features": next((file.features for file in files if file.features), []),
        "sample_size": len(sample),
        "sample_by_split": collections.Counter(str(entry.split) for entry in sample),
        "sample_by_label": collections.Counter(
            entry.label for entry in sample if entry.label is not None
        ),
        "checksum": checksum(sample),
    }
    return json.dumps(content, sort_keys=True).encode()


def path_of(folder: str) -> str:
    """Returns the path of the manifest, beside the folder of the sample's shards."""
    return os.path.join(os.path.dirname(folder), FILE_NAME)


def read(folder: str) -> dict[str, Any]:
    """Returns the parsed manifest of a sample.

    Args:
      folder: The folder of the sample's shards.

    Raises:
      ValueError: There is no manifest.
    """
    path = path_of(folder)
    if not fileio.exists(path):
        raise ValueError(
            f"The Beam pipeline ended without {path}. Its workers and this process "
            "must see the same storage: set the pipeline's root to a bucket or a "
            "shared folder, or leave out sample_size."
        )
    with fileio.open(path, "rb") as file:
        content: dict[str, Any] = json.loads(file.read())
    return content


def check(manifest: dict[str, Any], stratify_by: str, splits: list[str]) -> None:
    """Refuses a sample that cannot be used.

    Args:
      manifest: The parsed manifest.
      stratify_by: The label's feature, or "".
      splits: Names of the splits, for the errors.

    Raises:
      ValueError: A file is damaged, there is no example, or the label does not exist
        or has too many values.
    """
    where = f"the split {', '.join(splits)}"
    problems = manifest["problems"]
    if problems:
        named = "; ".join(
            f"{path}: {text}" for path, text in problems[:_MAX_FILES_NAMED]
        )
        raise ValueError(
            f"{len(problems)} of {manifest['num_files']} files of {where} cannot be "
            f"read: {named}. Run the ExampleGen or Transform that wrote the files "
            "again."
        )
    if not sum(manifest["num_by_split"].values()):
        raise ValueError(
            f"There is no example in {where}. Check the ExampleGen's split "
            "configuration, or name another split."
        )
    labels = manifest["num_by_label"]
    if set(labels) == {MISSING}:
        raise ValueError(
            f"The examples of {where} have no feature stratify_by={stratify_by!r}. "
            f"Their features are {', '.join(manifest['features'])}."
        )
    if len(labels) > MAX_LABELS:
        raise ValueError(
            f"stratify_by={stratify_by!r} has more than {MAX_LABELS} values in "
            f"{where}. Leave out stratify_by, or name a feature with fewer values."
        )
