"""The files of Examples artifacts, and their file and payload formats."""

from collections.abc import Sequence

from tfx import types
from tfx.components.util import examples_utils
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils

TF_EXAMPLE = "FORMAT_TF_EXAMPLE"
TF_SEQUENCE_EXAMPLE = "FORMAT_TF_SEQUENCE_EXAMPLE"

COMPRESSION = {"tfrecords_gzip": "GZIP", "FORMAT_TFRECORDS_GZIP": "GZIP"}
"""TFX's name of a TFRecord format to TensorFlow's name of its compression."""


def payload_format(artifacts: list[types.Artifact]) -> str:
    """Returns the name of the payload format that all artifacts share.

    Args:
      artifacts: Examples.

    Raises:
      ValueError: The artifacts differ in format.
    """
    names = sorted(set(map(examples_utils.get_payload_format_string, artifacts)))
    if len(names) != 1:
        raise ValueError(
            f"The examples have different payload formats: {', '.join(names)}. "
            "Connect examples of one format."
        )
    return str(names[0])


def is_parquet(artifact: types.Artifact) -> bool:
    """Returns whether the files of an Examples artifact are Parquet files."""
    formats = (
        examples_utils.get_payload_format_string(artifact),
        examples_utils.get_file_format(artifact),
    )
    return any("parquet" in name.lower() for name in formats)


def tfrecord_compression(artifact: types.Artifact) -> str | None:
    """Returns TensorFlow's name of the compression of TFRecord files.

    Args:
      artifact: Examples.

    Returns:
      The name; None if the files are not TFRecords of a known format.
    """
    if is_parquet(artifact):
        return None
    return COMPRESSION.get(examples_utils.get_file_format(artifact))


def split_files(artifacts: list[types.Artifact], splits: Sequence[str]) -> list[str]:
    """Returns the files of some splits of all artifacts.

    Args:
      artifacts: Examples.
      splits: Names of the splits.
    """
    return [
        file
        for split in splits
        for uri in artifact_utils.get_split_uris(artifacts, split)
        for file in fileio.glob(io_utils.all_files_pattern(uri))
    ]
