"""The results of a pipeline over its runs, read from ML Metadata."""

import dataclasses
import hashlib
import math
from collections.abc import Iterable
from typing import Any

from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2

from tfx_lr_finder.lineage.previous import iso_time
from tfx_lr_finder.range_test.values import decades_between
from tfx_lr_finder.result_file import TYPE_NAME

PIPELINE_TYPES = ("pipeline", "system.Pipeline")
RUN_TYPES = ("pipeline_run", "system.PipelineRun")
FINGERPRINT = "input_fingerprint"
MAX_DEPTH = 20
_EVENT = metadata_store_pb2.Event
_OUTPUTS = (_EVENT.OUTPUT, _EVENT.DECLARED_OUTPUT, _EVENT.INTERNAL_OUTPUT)
_INPUTS = (_EVENT.INPUT, _EVENT.DECLARED_INPUT, _EVENT.INTERNAL_INPUT)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """One result of a pipeline.

    Attributes:
      number: The artifact's number in the store.
      when: When it was written, ISO 8601 in UTC; empty if unknown.
      pipeline: Name of the pipeline; empty if unknown.
      run: Name of the pipeline run; empty if unknown.
      span: The span of the data, as ExampleGen counts; empty if unknown.
      data: Eight characters that change when the data do; empty if unknown.
      learning_rate: The rate in full precision, or None.
      verdict: The verdict's name.
      source: Where the rate comes from.
      change: Decades since the newest OK result before it, or None.
      reasons: Why the verdict is not OK.
      uri: The artifact's folder.
    """

    number: int
    when: str
    pipeline: str
    run: str
    span: str
    data: str
    learning_rate: float | None
    verdict: str
    source: str
    change: float | None
    reasons: str
    uri: str


def read_history(
    store: metadata_store.MetadataStore, pipeline: str | None = None
) -> tuple[Entry, ...]:
    """Returns the results in a store, oldest first.

    Args:
      store: See `metadata.connect`.
      pipeline: Name of the pipeline; None for all.

    Raises:
      ValueError: The store has no such pipeline, or no result.
    """
    known = {
        context.name
        for kind in PIPELINE_TYPES
        for context in store.get_contexts_by_type(kind)
    }
    if pipeline is not None and pipeline not in known:
        raise ValueError(
            f"The metadata store has no pipeline {pipeline!r}. It has "
            f"{sorted(known) or 'none'}."
        )
    reader = _Reader(store)
    entries = [
        reader.entry(artifact)
        for artifact in _results(store)
        if pipeline is None or pipeline in reader.names(artifact, PIPELINE_TYPES)
    ]
    if not entries:
        raise ValueError(
            "The metadata store has no LRFinderResult"
            + (f" of the pipeline {pipeline!r}." if pipeline else ".")
            + " Run the pipeline with an LRFinder first."
        )
    entries.sort(key=lambda entry: (entry.when, entry.number))
    return tuple(_with_changes(entries))


def _results(store: metadata_store.MetadataStore) -> list[Any]:
    kinds = (metadata_store_pb2.Artifact.LIVE, metadata_store_pb2.Artifact.UNKNOWN)
    found = store.get_artifacts_by_type(TYPE_NAME)
    return [artifact for artifact in found if artifact.state in kinds]


def _with_changes(entries: Iterable[Entry]) -> Iterable[Entry]:
    """Yields the entries, each with its distance from the newest OK one before it."""
    last_ok: float | None = None
    for entry in entries:
        rate = entry.learning_rate
        yield dataclasses.replace(entry, change=decades_between(last_ok, rate))
        if rate is not None and entry.verdict == "OK":
            last_ok = rate


class _Reader:
    """Reads an artifact's contexts, producers and inputs."""

    def __init__(self, store: metadata_store.MetadataStore) -> None:
        self._store = store
        self._types = {kind.id: kind.name for kind in store.get_context_types()}
        kinds = store.get_artifact_types()
        self._artifact_types = {kind.id: kind.name for kind in kinds}

    def entry(self, artifact: Any) -> Entry:
        properties = artifact.custom_properties
        span, data = self._data(artifact)
        return Entry(
            number=artifact.id,
            when=iso_time(artifact.create_time_since_epoch),
            pipeline=", ".join(self.names(artifact, PIPELINE_TYPES)),
            run=next(iter(self.names(artifact, RUN_TYPES)), ""),
            span=span,
            data=data,
            learning_rate=_rate(_text(properties, "learning_rate")),
            verdict=_text(properties, "verdict"),
            source=_text(properties, "source"),
            change=None,
            reasons=_text(properties, "reasons"),
            uri=artifact.uri,
        )

    def names(self, artifact: Any, kinds: tuple[str, ...]) -> list[str]:
        """Returns the names of an artifact's contexts of these types, oldest first."""
        contexts = self._store.get_contexts_by_artifact(artifact.id)
        contexts = [c for c in contexts if self._types.get(c.type_id) in kinds]
        return [context.name for context in sorted(contexts, key=lambda c: c.id)]

    def _data(self, artifact: Any) -> tuple[str, str]:
        """Returns the spans of all ExampleGens upstream and a digest of their data."""
        spans, prints = set(), set()
        for examples in self._sources([artifact.id], 0):
            properties = {**examples.properties, **examples.custom_properties}
            spans.add(_text(properties, "span"))
            prints.add(_text(properties, FINGERPRINT))
        digest = hashlib.sha256("\n".join(sorted(prints - {""})).encode()).hexdigest()
        shown = digest[:8] if prints - {""} else ""
        return ", ".join(sorted(spans - {""})), shown

    def _sources(self, artifact_ids: list[int], depth: int) -> list[Any]:
        """Returns the upstream examples that an ExampleGen wrote."""
        inputs = self._inputs_of_producers(artifact_ids)
        found, further = [], []
        for artifact in inputs:
            if self._artifact_types.get(artifact.type_id) != "Examples":
                continue
            if FINGERPRINT in artifact.custom_properties:
                found.append(artifact)
            else:
                further.append(artifact.id)
        if further and depth < MAX_DEPTH:
            found += self._sources(further, depth + 1)
        return found

    def _inputs_of_producers(self, artifact_ids: list[int]) -> list[Any]:
        events = self._store.get_events_by_artifact_ids(artifact_ids)
        producers: dict[int, int] = {}
        for event in events:
            if event.type in _OUTPUTS:  # later executions took it from the cache
                first = producers.get(event.artifact_id, event.execution_id)
                producers[event.artifact_id] = min(first, event.execution_id)
        if not producers:
            return []
        events = self._store.get_events_by_execution_ids(sorted(producers.values()))
        wanted = {event.artifact_id for event in events if event.type in _INPUTS}
        return list(self._store.get_artifacts_by_id(sorted(wanted))) if wanted else []


def _text(properties: Any, name: str) -> str:
    """Returns a property of any type as text, empty if there is none."""
    if name not in properties:
        return ""
    value = properties[name]
    kind = value.WhichOneof("value")
    return "" if kind is None else str(getattr(value, kind))


def _rate(text: str) -> float | None:
    try:
        rate = float(text)
    except ValueError:
        return None
    return rate if math.isfinite(rate) and rate > 0 else None
