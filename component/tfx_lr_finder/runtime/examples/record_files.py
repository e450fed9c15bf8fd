"""Records in and out of the files of Examples artifacts, on a Beam worker."""

import contextlib
import io
import os
import uuid
import zlib
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems

from tfx_lr_finder.runtime.examples.tfrecords import (
    damaged,
    pack_tfrecords,
    read_tfrecords,
)

TFRECORD, PARQUET = "tfrecord", "parquet"

_UNREADABLE = (EOFError, OSError, zlib.error, pa.ArrowException)


class Reader:
    """The records of one file, in order; None for one that is corrupt alone.

    A TFRecord file is decompressed if its name ends with `.gz`, as TFX reads it. The
    record of a Parquet file is a row, as bytes that equal rows share.

    Args:
      path: The file.
      file_format: `TFRECORD` or `PARQUET`.
    """

    def __init__(self, path: str, file_format: str) -> None:
        """Opens nothing yet."""
        self._path = path
        self._format = file_format

    def __iter__(self) -> Generator[bytes | None, None, None]:
        """Yields the records.

        Raises:
          Damaged: The rest cannot be read.
        """
        raw = FileSystems.open(
            self._path, compression_type=CompressionTypes.UNCOMPRESSED
        )
        with raw:
            try:
                if self._format == PARQUET:
                    yield from _parquet_rows(raw)
                else:
                    yield from read_tfrecords(raw, self._path.endswith(".gz"))
            except _UNREADABLE as error:
                damaged(raw, f"{type(error).__name__}: {error}", error)


def _parquet_rows(raw: Any) -> Iterator[bytes | None]:
    for batch in pq.ParquetFile(raw).iter_batches(1024):
        for row in batch.to_pylist():
            yield encode_row(row, batch.schema)


def encode_row(row: dict[str, Any], schema: Any) -> bytes:
    """Returns a row of a Parquet file as an Arrow stream that equal rows share."""
    content = pa.BufferOutputStream()
    with pa.ipc.new_stream(content, schema.remove_metadata()) as stream:
        stream.write_batch(
            pa.RecordBatch.from_pylist([row], schema=schema.remove_metadata())
        )
    return bytes(content.getvalue().to_pybytes())


def parquet_schema(path: str) -> bytes:
    """Returns the schema of a Parquet file, serialized.

    Args:
      path: The file.

    Raises:
      Damaged: It cannot be read.
    """
    with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as raw:
        try:
            return bytes(pq.ParquetFile(raw).schema_arrow.serialize())
        except _UNREADABLE as error:
            damaged(raw, f"{type(error).__name__}: {error}", error)


def write_tfrecords(path: str, records: Sequence[bytes]) -> None:
    """Writes a compressed TFRecord file, the same bytes for the same records.

    Args:
      path: The file; it appears whole or not at all.
      records: The records.
    """
    write_whole(path, pack_tfrecords(records))


def write_parquet(path: str, rows: Sequence[bytes], schema: bytes) -> None:
    """Writes a Parquet file.

    Args:
      path: The file; it appears whole or not at all.
      rows: Rows as `Reader` gives them.
      schema: The serialized schema.
    """
    arrow = pa.ipc.read_schema(pa.py_buffer(schema))
    table = pa.Table.from_pylist([decode_row(row) for row in rows], schema=arrow)
    content = io.BytesIO()
    pq.write_table(table, content)
    write_whole(path, content.getvalue())


def decode_row(row: bytes) -> dict[str, Any]:
    """Returns the row that `encode_row` was given."""
    return dict(pa.ipc.open_stream(row).read_all().to_pylist()[0])


def write_whole(path: str, content: bytes) -> None:
    """Writes a file under another name, one folder up, and then renames it.

    A worker that dies leaves no part of a file in this folder, and one that does the
    work again replaces it by the same bytes.

    Args:
      path: The file.
      content: All of it.
    """
    folder, name = os.path.split(path)
    part = FileSystems.join(os.path.dirname(folder), f"{name}.{uuid.uuid4().hex}.part")
    with contextlib.suppress(OSError):  # it is there; object stores have no folders
        FileSystems.mkdirs(folder)
    with FileSystems.create(
        part, compression_type=CompressionTypes.UNCOMPRESSED
    ) as file:
        file.write(content)
    try:
        FileSystems.rename([part], [path])
    except BeamIOError:  # HDFS renames onto no file that exists
        FileSystems.delete([path])
        FileSystems.rename([part], [path])
