"""The Beam pipeline that draws a sample in one pass over the examples."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.transforms.combiners import Top

from tfx_lr_finder.runtime.examples import record_files
from tfx_lr_finder.runtime.sampling import manifest
from tfx_lr_finder.runtime.sampling.choice import Entry, choose, record_keys
from tfx_lr_finder.runtime.sampling.labels import label_reader
from tfx_lr_finder.runtime.sampling.shards import write_shards
from tfx_lr_finder.runtime.sampling.source import SourceFile

_FILES, _ENTRIES, _LABELS = "files", "entries", "labels"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Group:
    """One sample to draw.

    Attributes:
      name: "train" or "eval".
      files: The files to read.
      size: Number of examples to draw.
      folder: The folder of the sample's shards.
    """

    name: str
    files: list[SourceFile]
    size: int
    folder: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rules:
    """How examples are read and chosen.

    Attributes:
      seed: The seed.
      payload: TFX's name of the payload format.
      stratify_by: The label's feature; "" reads no label.
      min_per_label: Number of examples that each label keeps.
      transform_graph: Folder of the transform graph to apply to the sample, or "".
    """

    seed: int
    payload: str
    stratify_by: str = ""
    min_per_label: int = 0
    transform_graph: str = ""


def build(pipeline: beam.Pipeline, group: Group, rules: Rules) -> None:
    """Adds the drawing of one sample to a pipeline.

    The pipeline writes shards of equal size into the group's folder, and then the
    manifest beside that folder.

    Args:
      pipeline: The pipeline.
      group: The sample to draw.
      rules: How examples are chosen.
    """
    # Beam's type inference would take a dataclass for a row.
    files = [dataclasses.asdict(file) for file in group.files]
    read = (
        pipeline
        | f"{group.name}: list files" >> beam.Create(files)
        | f"{group.name}: distribute files" >> beam.Reshuffle()
        | f"{group.name}: read files"
        >> beam.ParDo(_ReadFile(rules)).with_outputs(_FILES, main=_ENTRIES)
    )
    gathered = {
        _FILES: read[_FILES],
        _ENTRIES: read[_ENTRIES]
        | f"{group.name}: choose" >> Top.LargestPerKey(group.size),
    }
    least = min(rules.min_per_label, group.size)
    if rules.stratify_by and least:
        gathered[_LABELS] = (
            read[_ENTRIES]
            | f"{group.name}: key by label" >> beam.Map(_by_label)
            | f"{group.name}: choose by label" >> Top.LargestPerKey(least)
            | f"{group.name}: key by nothing" >> beam.Map(lambda pair: (None, pair))
        )
    _ = (
        gathered
        | f"{group.name}: gather" >> beam.CoGroupByKey()
        | f"{group.name}: write"
        >> beam.Map(_write, group=dataclasses.replace(group, files=[]), rules=rules)
    )


def _by_label(element: tuple[None, tuple[Any, ...]]) -> tuple[str, Any]:
    return str(Entry(*element[1]).label), element[1]


class _ReadFile(beam.DoFn):
    """Reads a file: its entries as the main output, and one summary.

    All outputs have the key None, so that the last step gets them together.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def process(self, element: dict[str, Any]) -> Iterator[Any]:
        file, rules = SourceFile(**element), self._rules
        summary = manifest.FileSummary(split=file.split, path=file.path)
        key_of = record_keys(rules.seed, file.name)
        try:
            for record, label in _readable(file, rules, summary):
                key = key_of(summary.num_records, record)
                yield None, (key, record, file.split, label)
        except record_files.DamagedFileError as error:
            summary.problem = f"after record {summary.num_records}: {error}"
        yield beam.pvalue.TaggedOutput(_FILES, (None, dataclasses.asdict(summary)))


def _readable(
    file: SourceFile, rules: Rules, summary: manifest.FileSummary
) -> Iterator[tuple[bytes, str | None]]:
    """Yields records and labels up to the first damage, and counts them."""
    payload = rules.payload
    if file.file_format == record_files.PARQUET:
        payload = record_files.PARQUET
        summary.schema = record_files.parquet_schema(file.path)
    read_label = label_reader(payload, rules.stratify_by)
    for record in record_files.read_records(file.path, file.file_format):
        label, problem = read_label(record, summary.features)
        if problem:
            summary.problem = f"record {summary.num_records + 1}: {problem}"
            return
        summary.num_records += 1
        if label is not None:
            summary.labels[label] = summary.labels.get(label, 0) + 1
            if len(summary.labels) > manifest.MAX_LABELS:
                return  # the manifest's check refuses the label
        yield record, label


def _write(element: tuple[None, dict[str, Any]], *, group: Group, rules: Rules) -> None:
    """Writes the shards of a sample, and then its manifest."""
    _, gathered = element
    files = [manifest.FileSummary(**summary) for summary in gathered[_FILES]]
    sample: list[Entry] = []
    if not any(file.problem for file in files):
        sample = choose(
            [Entry(*entry) for part in gathered[_ENTRIES] for entry in part],
            {
                label: [Entry(*entry) for entry in entries]
                for label, entries in gathered.get(_LABELS, ())
            },
            group.size,
            rules.min_per_label,
        )
        write_shards(
            group.folder,
            [entry.record for entry in sample],
            {file.schema for file in files if file.schema},
            rules.transform_graph,
        )
    record_files.write_atomically(
        manifest.path_of(group.folder), manifest.make(files, sample)
    )
