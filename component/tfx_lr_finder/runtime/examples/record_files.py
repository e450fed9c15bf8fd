"""Read and write the files of Examples artifacts on a Beam worker."""

import contextlib
import gzip
import io
import os
import uuid
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems

# Beam's public transforms do not tell a record's place in its file.
from apache_beam.io.tfrecordio import _TFRecordUtil

TFRECORD, PARQUET = "tfrecord", "parquet"

_BUFFER_BYTES = 1 << 18
_ROWS_PER_BATCH = 1024
_DAMAGE = (EOFError, OSError, ValueError, zlib.error, pa.ArrowException)


class DamagedFileError(Exception):
    """A file cannot be read to its end."""


def read_records(path: str, file_format: str) -> Iterator[bytes]:
    """Yields the records of a file in order.

    Args:
      path: The file. A TFRecord file is compressed if its name ends with `.gz`.
      file_format: `TFRECORD` or `PARQUET`.

    Yields:
      The bytes of a TFRecord, or a row of a Parquet file as `encode_row` packs it.

    Raises:
      DamagedFileError: The rest of the file cannot be read.
    """
    read = _parquet_rows if file_format == PARQUET else _tfrecords
    with _open(path) as raw:
        try:
            yield from read(raw, path)
        except _DAMAGE as error:
            # Beam appends the record's bytes to its message, after a colon.
            reason = str(error).partition(": ")[0]
            raise DamagedFileError(f"{type(error).__name__}: {reason}") from error


def _open(path: str) -> Any:
    return FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)


def _tfrecords(raw: Any, path: str) -> Iterator[bytes]:
    # Unlike Beam's own decompression, Python's refuses a file that is cut short.
    content = gzip.GzipFile(fileobj=raw) if path.endswith(".gz") else raw
    with io.BufferedReader(content, _BUFFER_BYTES) as buffered:
        while (record := _TFRecordUtil.read_record(buffered)) is not None:
            yield record


def _parquet_rows(raw: Any, path: str) -> Iterator[bytes]:
    del path
    for batch in pq.ParquetFile(raw).iter_batches(_ROWS_PER_BATCH):
        for row in batch.to_pylist():
            yield encode_row(row, batch.schema)


def encode_row(row: dict[str, Any], schema: Any) -> bytes:
    """Returns a Parquet row as an Arrow stream, the same bytes for equal rows."""
    content = pa.BufferOutputStream()
    with pa.ipc.new_stream(content, schema.remove_metadata()) as stream:
        stream.write_batch(
            pa.RecordBatch.from_pylist([row], schema=schema.remove_metadata())
        )
    return bytes(content.getvalue().to_pybytes())


def decode_row(row: bytes) -> dict[str, Any]:
    """Returns the row that `encode_row` packed."""
    return dict(pa.ipc.open_stream(row).read_all().to_pylist()[0])


def parquet_schema(path: str) -> bytes:
    """Returns the serialized schema of a Parquet file.

    Args:
      path: The file.

    Raises:
      DamagedFileError: The file is not a Parquet file.
    """
    with _open(path) as raw:
        try:
            return bytes(pq.ParquetFile(raw).schema_arrow.serialize())
        except _DAMAGE as error:
            raise DamagedFileError(f"{type(error).__name__}: {error}") from error


def write_tfrecords(path: str, records: Sequence[bytes]) -> None:
    """Writes a compressed TFRecord file, the same bytes for the same records.

    Args:
      path: The file. It appears complete or not at all.
      records: The records.
    """
    content = io.BytesIO()
    with gzip.GzipFile("", "wb", 6, content, mtime=0) as file:
        for record in records:
            _TFRecordUtil.write_record(file, record)
    write_atomically(path, content.getvalue())


def write_parquet(path: str, rows: Sequence[bytes], schema: bytes) -> None:
    """Writes a Parquet file.

    Args:
      path: The file. It appears complete or not at all.
      rows: Rows as `encode_row` packs them.
      schema: The serialized schema.
    """
    arrow = pa.ipc.read_schema(pa.py_buffer(schema))
    table = pa.Table.from_pylist([decode_row(row) for row in rows], schema=arrow)
    content = io.BytesIO()
    pq.write_table(table, content)
    write_atomically(path, content.getvalue())


def write_atomically(path: str, content: bytes) -> None:
    """Writes a file under a temporary name in the parent folder, then renames it.

    A worker that dies leaves no partial file in the folder. A worker that repeats the
    work replaces the file with the same bytes.

    Args:
      path: The file.
      content: Its bytes.
    """
    folder, name = os.path.split(path)
    part = FileSystems.join(os.path.dirname(folder), f"{name}.{uuid.uuid4().hex}.part")
    with contextlib.suppress(OSError):  # it exists, or the store has no folders
        FileSystems.mkdirs(folder)
    with FileSystems.create(
        part, compression_type=CompressionTypes.UNCOMPRESSED
    ) as file:
        file.write(content)
    try:
        FileSystems.rename([part], [path])
    except BeamIOError:  # HDFS does not rename onto an existing file
        FileSystems.delete([path])
        FileSystems.rename([part], [path])
