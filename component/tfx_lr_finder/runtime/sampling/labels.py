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

    kinds: dict[str, tuple[Any, tuple[str, ...]]] = {
        formats.TF_EXAMPLE: (example_pb2.Example, ("features",)),
        formats.TF_SEQUENCE_EXAMPLE: (
            example_pb2.SequenceExample,
            ("context", "feature_lists"),
        ),
    }

    def read(record: bytes, features: list[str]) -> tuple[str | None, str]:
        if payload in kinds:
            kind, parts = kinds[payload]
            example = kind()
            if not _parse(example, record) or not any(map(example.HasField, parts)):
                return None, f"not a tf.{kind.__name__} with features"
            present = getattr(example, parts[0]).feature
        elif payload == record_files.PARQUET and feature:
            present = record_files.decode_row(record)
        else:
            return None, ""
        if not feature:
            return None, ""
        value = _value(present, feature)
        if value is None:
            if not features:
                features.extend(sorted(present)[:_MAX_FEATURES_NAMED])
            return MISSING, ""
        return _shorten(_text(value)), ""

    return read


def _parse(message: Any, record: bytes) -> bool:
    """Parses a record into a message; returns whether the whole record is one."""
    try:
        return bool(message.ParseFromString(record) == len(record))
    except DecodeError:
        return False


def _value(features: Any, name: str) -> Any:
    """Returns the value of a feature or column, None if it is missing or empty."""
    value: Any = features.get(name)
    if not hasattr(value, "WhichOneof"):
        return value
    kind = value.WhichOneof("kind")
    values = list(getattr(value, kind).value) if kind else []
    return values[0] if len(values) == 1 else values or None


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
