"""The last step of sampling: the shards of the sample, and what they hold."""

import collections
import dataclasses
import json
import os
from typing import Any

import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from tfx_lr_finder.runtime.examples import record_files
from tfx_lr_finder.runtime.sampling.bottom_k import (
    HIGHEST,
    Entry,
    checksum,
    draw_copies,
    keep_rare,
    shuffled,
)

MANIFEST = "sample.json"
NUM_SHARDS = 4


@dataclasses.dataclass(kw_only=True)
class Told:
    """What the reading of a file told.

    Attributes:
      split: Number of its split.
      path: Where it is.
      num_bytes: Its size.
      num_records: Records met, corrupt ones too.
      num_corrupt: Corrupt records among them.
      lost_bytes: Bytes at its end that could not be read.
      problem: The first thing wrong with it, or "".
      labels: Label to number of records.
      features: Features of a record without the label, if there was one.
      schema: A Parquet file's serialized schema.
      bound: The smallest key that the file did not hand on.
    """

    split: int
    path: str
    num_bytes: int
    num_records: int = 0
    num_corrupt: int = 0
    lost_bytes: int = 0
    problem: str = ""
    labels: dict[str, int] = dataclasses.field(default_factory=dict)
    features: list[str] = dataclasses.field(default_factory=list)
    schema: bytes = b""
    bound: bytes = HIGHEST


def write_sample(
    told: list[Told],
    entries: list[Entry],
    by_label: dict[str, list[Entry]],
    *,
    bound: bytes,
    shuffled_bytes: int,
    size: int,
    folder: str,
    seed: int,
    min_per_label: int,
    transform_graph: str,
) -> None:
    """Writes the shards of a sample, and then `MANIFEST` into the folder above.

    Args:
      told: What each file told.
      entries: The records of the smallest keys of all files, smallest first.
      by_label: Label to its records of the smallest keys.
      bound: The smallest key that `entries` left out.
      shuffled_bytes: Bytes of records and keys that the files handed on.
      size: Examples wanted.
      folder: Where they go.
      seed: The seed.
      min_per_label: Examples that a label keeps.
      transform_graph: Folder of the transform graph to apply, or "".
    """
    # With fewer records than wanted everything is needed, whatever its key.
    needed = entries[-1].key if len(entries) >= size else HIGHEST
    limits = [file.bound for file in told if file.bound != HIGHEST]
    summary = _summary(told)
    summary["complete"] = all(limit > needed for limit in limits)
    summary["shuffled_bytes"] = shuffled_bytes
    summary["all_distinct"] = bound == HIGHEST and not limits
    if summary["complete"]:
        copies = draw_copies(entries, size, seed)
        chosen = {
            entry.key: (entry, number)
            for entry, number in zip(entries, copies, strict=True)
            if number
        }
        if by_label:
            least = min(min_per_label, max(1, size // len(by_label)))
            chosen = keep_rare(chosen, by_label, least, seed)
        pairs = [chosen[key] for key in sorted(chosen)]
        sample = shuffled([pair[0] for pair in pairs], [pair[1] for pair in pairs])
        summary |= _sampled(sample, len(pairs))
        _write_shards(sample, folder, transform_graph, told)
    content = json.dumps(summary, sort_keys=True).encode()
    path = FileSystems.join(os.path.dirname(folder), MANIFEST)
    record_files.write_whole(path, content)


def _summary(told: list[Told]) -> dict[str, Any]:
    """Returns what was read, in all."""
    files = sorted(told, key=lambda file: file.path)
    splits: dict[str, int] = collections.Counter()
    labels: dict[str, int] = collections.Counter()
    for file in files:
        splits[str(file.split)] += file.num_records - file.num_corrupt
        labels.update(file.labels)
    return {
        "num_files": len(files),
        "num_bytes": sum(file.num_bytes for file in files),
        "num_records": sum(file.num_records for file in files),
        "num_corrupt": sum(file.num_corrupt for file in files),
        "lost_bytes": sum(file.lost_bytes for file in files),
        "problems": [[file.path, file.problem] for file in files if file.problem],
        "num_by_split": splits,
        "num_by_label": labels,
        "features": next((file.features for file in files if file.features), []),
    }


def _sampled(sample: list[Entry], num_distinct: int) -> dict[str, Any]:
    """Returns what the sample holds."""
    splits = collections.Counter(str(entry.key[-1]) for entry in sample)
    labels = collections.Counter(
        entry.label for entry in sample if entry.label is not None
    )
    return {
        "sample_size": len(sample),
        "num_distinct": num_distinct,
        "sample_by_split": splits,
        "sample_by_label": labels,
        "checksum": checksum(sample),
    }


def _write_shards(
    sample: list[Entry], folder: str, transform_graph: str, told: list[Told]
) -> None:
    """Writes the sample into files that differ by one example at most."""
    schemas = {file.schema for file in told if file.schema}
    name, suffix = "data_tfrecord", ".gz"
    if schemas:
        name, suffix = "data_parquet", ".parquet"
        schema = _unified(schemas)
    records = [entry.payload for entry in sample]
    if transform_graph and records:
        name = "transformed_examples"
        # Here, and not at the top: it loads TensorFlow Transform.
        from tfx_lr_finder.runtime.sampling import transform

        records = transform.transform(records, transform_graph)
    num_shards = max(1, min(NUM_SHARDS, len(records)))
    for shard in range(num_shards):
        file = f"{name}-{shard:05d}-of-{num_shards:05d}{suffix}"
        path = FileSystems.join(folder, file)
        if schemas:
            record_files.write_parquet(path, records[shard::num_shards], schema)
        else:
            record_files.write_tfrecords(path, records[shard::num_shards])


def _unified(schemas: set[bytes]) -> bytes:
    """Returns one schema with the columns of all."""
    read = [
        pa.ipc.read_schema(pa.py_buffer(schema)).remove_metadata()
        for schema in sorted(schemas)
    ]
    try:
        return bytes(pa.unify_schemas(read).serialize())
    except pa.ArrowException as error:
        raise ValueError(
            f"The Parquet files of a split have columns of different types: {error}. "
            "Write them with one schema."
        ) from error
