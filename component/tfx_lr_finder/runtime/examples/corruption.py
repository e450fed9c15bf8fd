"""Which file is damaged: TensorFlow says no more than that one is, or nothing."""

import contextlib
import time
import zlib
from collections.abc import Iterator

import tensorflow as tf
from tfx import types
from tfx.components.trainer.fn_args_utils import FnArgs

from tfx_lr_finder.runtime.examples import record_files, splits, tfrecords

SECONDS = 60.0
"""Longest search through the files; a test that has failed need not end at once."""

MOST_BYTES = 100 * 1024**2
"""Of compressed files that are looked through before any work."""

_CHUNK_BYTES = 1 << 20
_GZIP = 16 + zlib.MAX_WBITS
_SIGNS = (
    "inflate()",
    "Could not parse example",
    "truncated record",
    "corrupted record",
)


@contextlib.contextmanager
def named(fn_args: FnArgs, artifacts: list[types.Artifact]) -> Iterator[None]:
    """Names the damaged file in place of TensorFlow's error that there is one.

    Args:
      fn_args: Its `train_files` and `eval_files` are looked through, for a minute at
        most, and only after an error that data may have caused.
      artifacts: The examples; none but TFRecords of `tf.Example` are looked through.

    Raises:
      ValueError: A file is damaged; the message has its name and the record.
    """
    try:
        yield
    except Exception as error:
        damage = None
        if _is_of_data(error) and not any(map(splits.is_parquet, artifacts)):
            with contextlib.suppress(Exception):  # TensorFlow's error tells more
                damage = first_damage(_files(fn_args), time.monotonic() + SECONDS)
        if damage is None:
            raise
        raise _unreadable(damage) from error


def refuse_cut(fn_args: FnArgs) -> None:
    """Refuses compressed files that are cut short, before any work.

    TensorFlow takes one whose rest happens to end between two records for a whole one.
    Files of more than 100 MiB together are not looked through.

    Args:
      fn_args: Its `train_files` and `eval_files` are read; no others than `.gz`.

    Raises:
      ValueError: One is cut short, or is no compressed file.
    """
    files = [file for file in _files(fn_args) if file.endswith(".gz")]
    if sum(tf.io.gfile.stat(file).length for file in files) > MOST_BYTES:
        return
    for file in files:
        damage = _cut(file)
        if damage:
            raise _unreadable(f"{file}: {damage}")


def _cut(file: str) -> str:
    """Returns what is wrong with the compression of a file; empty if nothing is."""
    unpacker = zlib.decompressobj(_GZIP)
    with tf.io.gfile.GFile(file, "rb") as content:
        chunk = content.read(_CHUNK_BYTES)
        ended = not chunk  # TensorFlow reads an empty file as one without records
        while chunk:
            try:
                unpacker.decompress(chunk, _CHUNK_BYTES)  # never more in memory
            except zlib.error as error:
                return f"it is no compressed file, or is damaged: {error}"
            ended, chunk = unpacker.eof, unpacker.unconsumed_tail
            if ended:  # another compressed part may follow
                chunk = unpacker.unused_data
                unpacker = zlib.decompressobj(_GZIP)
            chunk = chunk or content.read(_CHUNK_BYTES)
    while unpacker.decompress(b"", _CHUNK_BYTES):
        pass  # it holds back what is too long
    return (
        ""
        if ended or unpacker.eof
        else "its compression has no end: the file is cut short"
    )


def _unreadable(damage: str) -> ValueError:
    return ValueError(
        f"The examples cannot be read: {damage}. Write the file anew by running its "
        "ExampleGen or Transform again; or give a sample_size, and with "
        "max_corrupt_share how much damage to leave out. Nothing was written."
    )


def _files(fn_args: FnArgs) -> list[str]:
    patterns = [*(fn_args.train_files or []), *(fn_args.eval_files or [])]
    return sorted(file for item in patterns for file in tf.io.gfile.glob(item))


def first_damage(files: list[str], until: float) -> str | None:
    """Returns the first damaged TFRecord file, and in it the record that is.

    Args:
      files: They hold `tf.Example`s.
      until: When to give up looking, by `time.monotonic`.

    Returns:
      Text for an error; None where nothing was found.
    """
    for file in files:
        number = 0
        try:
            for record in record_files.Reader(file, record_files.TFRECORD):
                number += 1
                problem = _problem(record)
                if problem:
                    return f"{file}: record {number}: {problem}"
                if time.monotonic() > until:
                    return None
        except tfrecords.Damaged as error:
            return f"{file}: after record {number}: {error}"
    return None


def _problem(record: bytes | None) -> str:
    """Returns what is wrong with a record; empty if nothing is."""
    if record is None:
        return "its checksum does not fit"
    try:
        tf.train.Example.FromString(record)
    except Exception:  # noqa: BLE001 - of protobuf, whose class differs by version
        return "it is no tf.Example"
    return ""


def _is_of_data(error: BaseException | None) -> bool:
    """Returns whether an error, or what it comes from, may come of a damaged file."""
    while error is not None:
        # TensorFlow's own message may hold the record's bytes, which are no text.
        if isinstance(error, tf.errors.DataLossError | UnicodeDecodeError):
            return True
        if isinstance(error, tf.errors.OpError) and any(
            sign in str(error) for sign in _SIGNS
        ):
            return True
        error = error.__cause__
    return False
