"""Checks of the input examples: are the splits there, and do they fit the graph?"""

import contextlib
import os
from typing import Any

import tensorflow as tf
from google.protobuf import text_format
from google.protobuf.message import DecodeError
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.components.util import examples_utils
from tfx.dsl.io import fileio
from tfx.proto import trainer_pb2
from tfx.types import artifact_utils
from tfx.utils import io_utils, proto_utils

from tfx_lr_finder.settings import keys

_SCHEMAS_OF_A_GRAPH = ("metadata", "transformed_metadata")
_COMPRESSION = {"tfrecords_gzip": "GZIP", "FORMAT_TFRECORDS_GZIP": "GZIP"}
_NUM_EXAMPLES_LOOKED_AT = 100
_MAX_FILES_NAMED = 5


def check(
    input_dict: dict[str, list[types.Artifact]], exec_properties: dict[str, Any]
) -> None:
    """Checks the splits that the user module will read.

    Args:
      input_dict: The node's input artifacts.
      exec_properties: `train_args` and `eval_args` as JSON.

    Raises:
      ValueError: If a split is missing or empty, or its examples have no feature
        in common with the transform graph.
    """
    artifacts = input_dict[keys.EXAMPLES]
    train, held_out = splits(exec_properties)
    for argument, names in ((keys.TRAIN_ARGS, train), (keys.EVAL_ARGS, held_out)):
        for split in names:
            _check_split(artifacts, split, argument)
    if input_dict.get(keys.TRANSFORM_GRAPH):
        graph = artifact_utils.get_single_uri(input_dict[keys.TRANSFORM_GRAPH])
        _check_features(artifacts, train[0], graph)


def splits(exec_properties: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Returns the names of the splits to train on, and of those held out.

    Args:
      exec_properties: `train_args` and `eval_args` as JSON.
    """
    train_args, eval_args = trainer_pb2.TrainArgs(), trainer_pb2.EvalArgs()
    proto_utils.json_to_proto(exec_properties[keys.TRAIN_ARGS], train_args)
    proto_utils.json_to_proto(exec_properties[keys.EVAL_ARGS], eval_args)
    return list(train_args.splits) or ["train"], list(eval_args.splits) or ["eval"]


def payload_format(artifacts: list[types.Artifact]) -> str:
    """Returns the name of the format that all artifacts hold their examples in.

    Raises:
      ValueError: If they differ.
    """
    names = sorted(set(map(examples_utils.get_payload_format_string, artifacts)))
    if len(names) != 1:
        raise ValueError(
            f"The examples are of different payload formats: {', '.join(names)}. "
            "Connect examples of one format."
        )
    return str(names[0])


def is_parquet(artifact: types.Artifact) -> bool:
    """Returns whether the files are Parquet, not TFRecords."""
    formats = (
        examples_utils.get_payload_format_string(artifact),
        examples_utils.get_file_format(artifact),
    )
    return any("parquet" in name.lower() for name in formats)


def _check_split(artifacts: list[types.Artifact], split: str, argument: str) -> None:
    """Refuses a split that some artifact lacks, or that holds no example."""
    for artifact in artifacts:
        names = artifact_utils.decode_split_names(artifact.split_names)
        if split not in names:
            raise ValueError(
                f"The examples at {artifact.uri} have no split {split!r}, only "
                f"{', '.join(names) or 'none'}. Name one of these in "
                f"{argument}=...(splits=[...])."
            )
    if not _any_record(artifacts, split):
        files = [file for artifact in artifacts for file in _files(artifact, split)]
        places = files[:_MAX_FILES_NAMED] or [artifact.uri for artifact in artifacts]
        raise ValueError(
            f"The split {split!r} holds no example that can be read at "
            f"{', '.join(places)}. Check the files and the ExampleGen's split "
            f"configuration, or name another split in {argument}."
        )


def _any_record(artifacts: list[types.Artifact], split: str) -> bool:
    """Returns whether a split holds at least one record."""
    return any(
        not _is_tfrecord(artifact) or any(True for _ in _records(artifact, split))
        for artifact in artifacts
        if _files(artifact, split)
    )


def _files(artifact: types.Artifact, split: str) -> list[str]:
    """Returns the files of a split."""
    (uri,) = artifact_utils.get_split_uris([artifact], split)
    files: list[str] = fileio.glob(io_utils.all_files_pattern(uri))
    return files


def _is_tfrecord(artifact: types.Artifact) -> bool:
    """Returns whether the payload can be read without TFXIO."""
    known = examples_utils.get_file_format(artifact) in _COMPRESSION
    return known and not is_parquet(artifact)


def _records(artifact: types.Artifact, split: str) -> tf.data.Dataset:
    """Returns the serialized examples of a split, a dataset of scalar strings."""
    compression = _COMPRESSION[examples_utils.get_file_format(artifact)]
    records = tf.data.TFRecordDataset(_files(artifact, split), compression)
    # What is damaged is refused or skipped, by its file, where all of it is read.
    return records.ignore_errors()


def _check_features(artifacts: list[types.Artifact], split: str, graph: str) -> None:
    """Refuses examples of which the transform graph knows no feature at all.

    Examples may lack features and have others; only no overlap at all, with the raw
    and with the transformed schema, is certainly another data set's graph.
    """
    artifact = artifacts[0]
    if examples_utils.get_payload_format_string(artifact) != "FORMAT_TF_EXAMPLE":
        return
    if not _is_tfrecord(artifact):
        return
    present: set[str] = set()
    for record in _records(artifact, split).take(_NUM_EXAMPLES_LOOKED_AT):
        with contextlib.suppress(DecodeError):  # refused, or skipped, as damage is
            example = tf.train.Example.FromString(record.numpy())
            present.update(example.features.feature)
    known = {name for kind in _SCHEMAS_OF_A_GRAPH for name in _schema(graph, kind)}
    if known and present and not known & present:
        raise ValueError(
            f"The examples at {artifact.uri} do not match the transform graph at "
            f"{graph}: they have the features {', '.join(sorted(present))}, and it "
            f"knows {', '.join(sorted(known))}. Connect both to the same Transform."
        )


def _schema(graph: str, kind: str) -> list[str]:
    """Returns the feature names of one of a transform graph's schemas."""
    path = os.path.join(graph, kind, "schema.pbtxt")
    if not fileio.exists(path):
        return []
    with fileio.open(path, "r") as file:
        schema = text_format.Parse(file.read(), schema_pb2.Schema())
    return [feature.name for feature in schema.feature]
