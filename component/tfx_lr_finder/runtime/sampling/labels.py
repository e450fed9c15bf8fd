"""Labels of serialized examples, and whether they are examples at all."""

import hashlib
import re
from collections.abc import Callable
from typing import Any, TypeAlias

from google.protobuf.message import DecodeError

from tfx_lr_finder.runtime.examples import record_files

MISSING = "(missing)"

LabelReader: TypeAlias = Callable[[bytes, list[str]], tuple[str | None, str]]

_MAX_FEATURES_NAMED = 50
_MAX_LENGTH = 100

# Of a record that parses: the field `features` comes first, and `feature` first in it.
# Looking into the parsed message costs more than all else that is done with a record.
_HAS_FEATURE = re.compile(rb"\x0a[\x80-\xff]*[\x01-\x7f]\x0a").match


def label_reader(payload: str, feature: str) -> LabelReader:
    """Returns a function that reads the label of a record.

    It takes the record and a list, into which it puts the features of a record that
    has no label, once; it returns the label as text (None if no feature is asked for)
    and what is wrong with the record ("" if nothing is).

    Args:
      payload: The payload format as TFX names it, or `sample_files.PARQUET`.
      feature: Name of the label's feature, or "".
    """
    # Here, and not at the top: it loads TensorFlow, which only the workers need.
    from tensorflow.core.example import example_pb2

    def of_row(record: bytes, features: list[str]) -> tuple[str | None, str]:
        if not feature:
            return None, ""
        row = record_files.decode_row(record)
        if row.get(feature) is None:
            _name(features, row)
            return MISSING, ""
        return _short(_text(row[feature])), ""

    def of_example(record: bytes, features: list[str]) -> tuple[str | None, str]:
        example = example_pb2.Example()
        if not _parse(example, record):
            return None, "it is no tf.Example"
        if not feature and _HAS_FEATURE(record):
            return None, ""
        return _of_features(example.features.feature, feature, features, "tf.Example")

    def of_sequence(record: bytes, features: list[str]) -> tuple[str | None, str]:
        example = example_pb2.SequenceExample()
        if not _parse(example, record):
            return None, "it is no tf.SequenceExample"
        if example.feature_lists.feature_list and not feature:
            return None, ""
        context = example.context.feature
        return _of_features(context, feature, features, "tf.SequenceExample")

    return {
        record_files.PARQUET: of_row,
        "FORMAT_TF_EXAMPLE": of_example,
        "FORMAT_TF_SEQUENCE_EXAMPLE": of_sequence,
    }.get(payload, lambda record, features: (None, ""))


def _parse(message: Any, record: bytes) -> bool:
    """Reads a record into a message; returns whether all of the record is one."""
    try:
        return bool(message.ParseFromString(record) == len(record))
    except DecodeError:
        return False


def _of_features(
    present: Any, feature: str, features: list[str], kind: str
) -> tuple[str | None, str]:
    if not len(present):
        return None, f"it is no {kind}, or one without a feature"
    if not feature:
        return None, ""
    if feature in present:  # looking up a map's key would make it
        value = present[feature]
        held = value.WhichOneof("kind")
        values = list(getattr(value, held).value) if held else []
        if values:
            return _short(_text(values[0] if len(values) == 1 else values)), ""
    _name(features, present)
    return MISSING, ""


def _name(features: list[str], present: Any) -> None:
    if not features:
        features.extend(sorted(present)[:_MAX_FEATURES_NAMED])


def _short(text: str) -> str:
    """Returns a label that is no longer than a name; other labels stay others."""
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
