"""Check that the splits exist, hold examples and match the transform graph."""

import contextlib
import os
from collections.abc import Sequence

import tensorflow as tf
from google.protobuf import text_format
from google.protobuf.message import DecodeError
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from tfx_lr_finder.runtime.examples import formats
from tfx_lr_finder.settings import keys

_SCHEMAS_OF_A_GRAPH = ("metadata", "transformed_metadata")
_NUM_EXAMPLES_INSPECTED = 100
_MAX_FILES_NAMED = 5


def check(
    input_dict: dict[str, list[types.Artifact]],
    train_splits: Sequence[str],
    eval_splits: Sequence[str],
) -> None:
    """Checks the splits that the user's module reads.

    Args:
      input_dict: The node's input artifacts.
      train_splits: Names of the training splits.
      eval_splits: Names of the held-out splits.

    Raises:
      ValueError: A split is missing or empty, or its examples and the transform
        graph have no feature in common.
    """
    artifacts = input_dict[keys.EXAMPLES]
    names = {keys.TRAIN_ARGS: train_splits, keys.EVAL_ARGS: eval_splits}
    for argument, splits in names.items():
        for split in splits:
            _check_split(artifacts, split, argument)
    if input_dict.get(keys.TRANSFORM_GRAPH):
        graph = artifact_utils.get_single_uri(input_dict[keys.TRANSFORM_GRAPH])
        _check_features(artifacts, train_splits[0], graph)


def _check_split(artifacts: list[types.Artifact], split: str, argument: str) -> None:
    """Refuses a split that an artifact lacks, or that holds no example."""
    for artifact in artifacts:
        names = artifact_utils.decode_split_names(artifact.split_names)
        if split not in names:
            raise ValueError(
                f"The examples at {artifact.uri} have no split {split!r}, only "
                f"{', '.join(names) or 'none'}. Name one of these in "
                f"{argument}=...(splits=[...])."
            )
    if not _any_record(artifacts, split):
        files = formats.split_files(artifacts, [split])
        places = files[:_MAX_FILES_NAMED] or [artifact.uri for artifact in artifacts]
        raise ValueError(
            f"The split {split!r} holds no readable example at "
            f"{', '.join(places)}. Check the files and the ExampleGen's split "
            f"configuration, or name another split in {argument}."
        )


def _any_record(artifacts: list[types.Artifact], split: str) -> bool:
    """Returns whether a split holds at least one record."""
    return any(
        formats.tfrecord_compression(artifact) is None
        or any(True for _ in _records(artifact, split))
        for artifact in artifacts
        if formats.split_files([artifact], [split])
    )


def _records(artifact: types.Artifact, split: str) -> tf.data.Dataset:
    """Returns the serialized examples of a split, a dataset of scalar strings."""
    compression = formats.tfrecord_compression(artifact)
    files = formats.split_files([artifact], [split])
    # The later steps that read all of the data refuse a damaged file by its name.
    return tf.data.TFRecordDataset(files, compression).ignore_errors()


def _check_features(artifacts: list[types.Artifact], split: str, graph: str) -> None:
    """Refuses examples that share no feature with the transform graph.

    Examples may lack features or have more. Only examples that share no feature with
    the raw schema and none with the transformed schema certainly belong to another
    data set's graph.
    """
    artifact = artifacts[0]
    if formats.payload_format([artifact]) != formats.TF_EXAMPLE:
        return
    if formats.tfrecord_compression(artifact) is None:
        return
    present: set[str] = set()
    for record in _records(artifact, split).take(_NUM_EXAMPLES_INSPECTED):
        with contextlib.suppress(DecodeError):  # refused as damage later
            example = tf.train.Example.FromString(record.numpy())
            present.update(example.features.feature)
    known = {name for kind in _SCHEMAS_OF_A_GRAPH for name in _schema(graph, kind)}
    if known and present and not known & present:
        raise ValueError(
            f"The examples at {artifact.uri} do not match the transform graph at "
            f"{graph}: they have the features {', '.join(sorted(present))}, the "
            f"graph has {', '.join(sorted(known))}. Connect both to the same Transform."
        )


def _schema(graph: str, kind: str) -> list[str]:
    """Returns the feature names of one of a transform graph's schemas."""
    path = os.path.join(graph, kind, "schema.pbtxt")
    if not fileio.exists(path):
        return []
    with fileio.open(path, "r") as file:
        schema = text_format.Parse(file.read(), schema_pb2.Schema())
    return [feature.name for feature in schema.feature]
