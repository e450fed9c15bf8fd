"""Name the damaged file. TensorFlow's errors do not."""

import contextlib
import gzip
import time
import zlib
from collections.abc import Iterator

import tensorflow as tf
from tfx import types
from tfx.components.trainer.fn_args_utils import FnArgs

from tfx_lr_finder.runtime.examples import formats, record_files

MAX_SEARCH_SECONDS = 60.0
"""Longest search for the damaged file after an error."""

MAX_CHECKED_BYTES = 100 * 1024**2
"""Compressed files of more than this size in total are not checked in advance."""

_CHUNK_BYTES = 1 << 20
_DATA_ERRORS = (
    "inflate()",
    "Could not parse example",
    "truncated record",
    "corrupted record",
)


@contextlib.contextmanager
def name_damaged_file_on_error(
    fn_args: FnArgs, artifacts: list[types.Artifact]
) -> Iterator[None]:
    """Replaces TensorFlow's error about damaged data by one that names the file.

    Args:
      fn_args: Its `train_files` and `eval_files` are searched, for at most a minute
        and only after an error that damaged data can cause.
      artifacts: The examples. Only TFRecords are searched.

    Raises:
      ValueError: A file is damaged; the message has its name and the record.
    """
    try:
        yield
    except Exception as error:
        damage = None
        if _is_data_error(error) and not any(map(formats.is_parquet, artifacts)):
            with contextlib.suppress(Exception):  # keep TensorFlow's error instead
                deadline = time.monotonic() + MAX_SEARCH_SECONDS
                damage = _first_damage(_files(fn_args), deadline)
        if damage is None:
            raise
        raise _unreadable(damage) from error


def reject_truncated(fn_args: FnArgs) -> None:
    """Refuses truncated compressed files before any work.

    TensorFlow reads a truncated file without an error if the rest ends between two
    records. Files of more than 100 MiB in total are not checked.

    Args:
      fn_args: The `.gz` files among its `train_files` and `eval_files` are read.

    Raises:
      ValueError: A file is truncated or is not a gzip file.
    """
    files = [file for file in _files(fn_args) if file.endswith(".gz")]
    if sum(tf.io.gfile.stat(file).length for file in files) > MAX_CHECKED_BYTES:
        return
    for file in files:
        try:
            with (
                tf.io.gfile.GFile(file, "rb") as raw,
                gzip.GzipFile(fileobj=raw) as content,
            ):
                while content.read(_CHUNK_BYTES):
                    pass
        except EOFError as error:
            raise _unreadable(f"{file}: the file is truncated") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise _unreadable(f"{file}: not a valid gzip file: {error}") from error


def _first_damage(files: list[str], deadline: float) -> str | None:
    """Returns the first damaged TFRecord file and what is wrong, or None."""
    for file in files:
        number = 0
        try:
            for number, record in enumerate(
                record_files.read_records(file, record_files.TFRECORD), 1
            ):
                if not _is_example(record):
                    return f"{file}: record {number}: not a tf.Example"
                if time.monotonic() > deadline:
                    return None
        except record_files.DamagedFileError as error:
            return f"{file}: after record {number}: {error}"
    return None


def _is_example(record: bytes) -> bool:
    try:
        tf.train.Example.FromString(record)
    except Exception:  # noqa: BLE001 - protobuf's error class differs by version
        return False
    return True


def _unreadable(damage: str) -> ValueError:
    return ValueError(
        f"The examples cannot be read: {damage}. Run the ExampleGen or Transform that "
        "wrote the file again. Nothing was written."
    )


def _files(fn_args: FnArgs) -> list[str]:
    patterns = [*(fn_args.train_files or []), *(fn_args.eval_files or [])]
    return sorted(file for item in patterns for file in tf.io.gfile.glob(item))


def _is_data_error(error: BaseException | None) -> bool:
    """Returns whether damaged data may have caused an error or one of its causes."""
    while error is not None:
        # TensorFlow's message may hold the record's bytes, which are not text.
        if isinstance(error, tf.errors.DataLossError | UnicodeDecodeError):
            return True
        if isinstance(error, tf.errors.OpError) and any(
            text in str(error) for text in _DATA_ERRORS
        ):
            return True
        error = error.__cause__
    return False
