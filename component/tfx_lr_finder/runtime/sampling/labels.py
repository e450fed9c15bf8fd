"""Read the labels of serialized examples, and check that they are examples."""

import hashlib
from collections.abc import Callable
from typing import Any, TypeAlias

from google.protobuf.message import DecodeError

from tfx_lr_finder.runtime.examples import formats, record_files

MISSING = "(missing)"

LabelReader: TypeAlias = Callable[[bytes, list[str]], tuple[str | None, str]]

_MAX_FEATURES_NAMED = 50
_MAX_LENGTH = 100


def label_reader(payload: str, feature: str) -> LabelReader:
    """Returns a function that reads the label of a record.

    The function takes the record and a list. If the record has no label and the list
    is empty, the function adds the names of the record's features to the list. It
    returns the label as text (None if `feature` is empty) and what is wrong with the
    record ("" if it is valid).

    Args:
      payload: TFX's name of the payload format, or `record_files.PARQUET`.
      feature: Name of the label's feature; "" reads no label.
    """
    # Here, and not at the top: it loads TensorFlow, which only the workers need.
    from tensorflow.core.example import example_pb2

    def from_row(record: bytes, features: list[str]) -> tuple[str | None, str]:
        if not feature:
            return None, ""
        row = record_files.decode_row(record)
        if row.get(feature) is None:
            _add_names(features, row)
            return MISSING, ""
        return _shorten(_text(row[feature])), ""

    def from_example(record: bytes, features: list[str]) -> tuple[str | None, str]:
        example = example_pb2.Example()
        if not _parse(example, record) or not example.HasField("features"):
            return None, "not a tf.Example with features"
        return _from_features(example.features, feature, features), ""

    def from_sequence(record: bytes, features: list[str]) -> tuple[str | None, str]:
        example = example_pb2.SequenceExample()
        if not _parse(example, record) or not (
            example.HasField("context") or example.HasField("feature_lists")
        ):
            return None, "not a tf.SequenceExample with features"
        return _from_features(example.context, feature, features), ""

    return {
        record_files.PARQUET: from_row,
        formats.TF_EXAMPLE: from_example,
        formats.TF_SEQUENCE_EXAMPLE: from_sequence,
    }.get(payload, lambda record, features: (None, ""))


def _parse(message: Any, record: bytes) -> bool:
    """Parses a record into a message; returns whether the whole record is one."""
    try:
        return bool(message.ParseFromString(record) == len(record))
    except DecodeError:
        return False


def _from_features(holder: Any, feature: str, features: list[str]) -> str | None:
    """Returns the label in the features of an example."""
    if not feature:
        return None
    present = holder.feature
    if feature in present:  # indexing would add the key
        value = present[feature]
        kind = value.WhichOneof("kind")
        values = list(getattr(value, kind).value) if kind else []
        if values:
            return _shorten(_text(values[0] if len(values) == 1 else values))
    _add_names(features, present)
    return MISSING


def _add_names(features: list[str], present: Any) -> None:
    if not features:
        features.extend(sorted(present)[:_MAX_FEATURES_NAMED])


def _shorten(text: str) -> str:
    """Returns a label of limited length; different labels stay different."""
    if len(text) <= _MAX_LENGTH:
        return text
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8)
    return f"{text[:_MAX_LENGTH]}... ({digest.hexdigest()})"


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)
