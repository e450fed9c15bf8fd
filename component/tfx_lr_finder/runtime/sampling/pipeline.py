"""The Beam pipeline that draws a sample: one pass, and only the sample is shuffled."""

import collections
import contextlib
import dataclasses
import math
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam

from tfx_lr_finder.runtime.examples import record_files
from tfx_lr_finder.runtime.examples.tfrecords import Damaged
from tfx_lr_finder.runtime.sampling.bottom_k import Entry, Sketch, record_keys
from tfx_lr_finder.runtime.sampling.labels import label_reader
from tfx_lr_finder.runtime.sampling.shards import Told, write_sample

MAX_LABELS = 1000

_MARGIN = 6.0
_LEAST_PER_FILE = 32


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourceFile:
    """A file to read.

    Attributes:
      group: "train" or "eval": what the sample of it is for.
      split: Number of its split in the group.
      path: Where it is.
      name: Its path inside its artifact.
      num_bytes: Its size.
      file_format: `sample_files.TFRECORD` or `PARQUET`.
      most: Distinct records that can be needed of it.
    """

    group: str
    split: int
    path: str
    name: str
    num_bytes: int
    file_format: str
    most: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Group:
    """What to draw for one purpose.

    Attributes:
      size: Examples wanted.
      folder: Where the sample goes.
    """

    size: int
    folder: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rules:
    """How examples are chosen.

    Attributes:
      seed: The seed.
      by_position: Whether an example's place in its file counts too.
      payload: Name of the payload format, as TFX writes it.
      stratify_by: The label's feature, or "".
      min_per_label: Examples a label keeps.
      stop_at_corrupt: Whether a file is given up at its first corrupt record.
      transform_graph: Folder of the transform graph to apply to the sample, or "".
    """

    seed: int
    payload: str
    by_position: bool = False
    stratify_by: str = ""
    min_per_label: int = 0
    stop_at_corrupt: bool = True
    transform_graph: str = ""


def build(
    pipeline: beam.Pipeline,
    files: Iterable[SourceFile],
    groups: dict[str, Group],
    rules: Rules,
) -> None:
    """Adds the sampling of `files` to a pipeline.

    Every group's folder then holds a few shards of even size, and a manifest, which is
    written last and says what was found: see `sample_write`.

    Args:
      pipeline: The pipeline.
      files: What to read.
      groups: Name to group.
      rules: How examples are chosen.
    """
    # A dataclass would be guessed to be a row by Beam's type inference.
    described = [dataclasses.asdict(file) for file in files]
    (
        pipeline
        | "Files" >> beam.Create(described)
        | "Spread" >> beam.Reshuffle()
        | "SampleEachFile" >> beam.ParDo(_SampleFile(rules))
        | "Gather" >> beam.GroupByKey()
        | "WriteSample" >> beam.ParDo(_WriteSample(groups, rules))
    )


def with_limits(
    files: Iterable[SourceFile], groups: dict[str, Group], *, bounded: bool
) -> list[SourceFile]:
    """Returns the files with the number of distinct records that each may hand on.

    Bounded, a file hands on its share of the sample, by its bytes, and six standard
    deviations more; so hardly more than the sample is shuffled, however many files
    there are. Whether that was enough is known in the end, and exactly: see
    `complete` in the manifest.

    Args:
      files: The files.
      groups: Name to group.
      bounded: Whether to trust the files' sizes.
    """
    files = list(files)
    total: dict[str, int] = collections.Counter()
    for file in files:
        total[file.group] += file.num_bytes
    limited = []
    for file in files:
        size = groups[file.group].size
        share = size * file.num_bytes / max(1, total[file.group])
        most = math.ceil(share + _MARGIN * math.sqrt(share)) + _LEAST_PER_FILE
        most = min(size, most) if bounded else size
        limited.append(dataclasses.replace(file, most=most))
    return limited


class _SampleFile(beam.DoFn):
    """Hands on a file's records of the smallest keys, and what there is to tell."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def process(self, element: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        file, rules = SourceFile(**element), self._rules
        sketch = Sketch(file.most)
        by_label: dict[str, Sketch] = {}
        told = Told(split=file.split, path=file.path, num_bytes=file.num_bytes)
        key_of, name = record_keys(rules.seed, file.split), file.name.encode()
        for number, record, label in _readable(file, rules, told):
            if rules.by_position:
                key = key_of(record, name, number.to_bytes(8, "little"))
            else:
                key = key_of(record)
            if label is not None and rules.min_per_label:
                if label not in by_label:
                    by_label[label] = Sketch(rules.min_per_label)
                if key < by_label[label].bound:
                    by_label[label].add(Entry(key, record, label))
            if key < sketch.bound:
                sketch.add(Entry(key, record, label))
        frequent = {entry.key: entry for entry in sketch.entries()}
        rare = {
            entry.key: entry for part in by_label.values() for entry in part.entries()
        }
        told.bound = sketch.bound
        yield file.group, dataclasses.asdict(told)
        for key in sorted({*frequent, *rare}):
            entry = frequent[key] if key in frequent else rare[key]
            packed = (entry.key, entry.payload, entry.label, entry.num_copies)
            yield file.group, (packed, key in frequent, key in rare)


def _readable(
    file: SourceFile, rules: Rules, told: Told
) -> Iterator[tuple[int, bytes, str | None]]:
    """Yields the number, the bytes and the label of each record that can be read."""
    read_label = label_reader(rules.payload, rules.stratify_by)
    if file.file_format == record_files.PARQUET:
        read_label = label_reader(record_files.PARQUET, rules.stratify_by)
    try:
        if file.file_format == record_files.PARQUET:
            told.schema = record_files.parquet_schema(file.path)
        reader = record_files.Reader(file.path, file.file_format)
        with contextlib.closing(reader.__iter__()) as records:
            for number, record in enumerate(records, 1):
                told.num_records = number
                problem = "its checksum does not fit"
                if record is not None:
                    label, problem = read_label(record, told.features)
                if record is None or problem:
                    told.num_corrupt += 1
                    told.problem = told.problem or f"record {number}: {problem}"
                    if rules.stop_at_corrupt:
                        return
                    continue
                if label is not None:
                    told.labels[label] = told.labels.get(label, 0) + 1
                    if len(told.labels) > MAX_LABELS:
                        return
                yield number, record, label
    except Damaged as error:
        told.lost_bytes = max(1, file.num_bytes - error.position)
        told.problem = told.problem or f"after record {told.num_records}: {error}"


class _WriteSample(beam.DoFn):
    """Writes the sample of a group from what its files handed on."""

    def __init__(self, groups: dict[str, Group], rules: Rules) -> None:
        self._groups = groups
        self._rules = rules

    def process(self, element: tuple[str, Iterable[Any]]) -> None:
        name, values = element
        group, rules = self._groups[name], self._rules
        sketch = Sketch(group.size)
        by_label: dict[str, Sketch] = {}
        told: list[Told] = []
        num_bytes = 0
        for value in values:
            if isinstance(value, dict):
                told.append(Told(**value))
                continue
            packed, is_frequent, is_rare = value
            num_bytes += len(packed[0]) + len(packed[1])
            if is_frequent:
                sketch.add(Entry(*packed))
            if is_rare:
                label = str(packed[2])
                by_label.setdefault(label, Sketch(rules.min_per_label)).add(
                    Entry(*packed)
                )
        entries = sketch.entries()
        write_sample(
            told,
            entries,
            {label: part.entries() for label, part in by_label.items()},
            bound=sketch.bound,
            shuffled_bytes=num_bytes,
            size=group.size,
            folder=group.folder,
            seed=rules.seed,
            min_per_label=rules.min_per_label,
            transform_graph=rules.transform_graph,
        )
