"""Which file is damaged, where TensorFlow says no more than that one is."""

import contextlib
import time
from collections.abc import Iterator

import tensorflow as tf
from tfx import types
from tfx.components.trainer.fn_args_utils import FnArgs

from tfx_lr_finder.runtime import examples, sample_files

SECONDS = 60.0
"""Longest search through the files; a test that has failed need not end at once."""

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
        if _is_of_data(error) and not any(map(examples.is_parquet, artifacts)):
            patterns = [*(fn_args.train_files or []), *(fn_args.eval_files or [])]
            with contextlib.suppress(Exception):  # TensorFlow's error tells more
                damage = first_damage(patterns, time.monotonic() + SECONDS)
        if damage is None:
            raise
        raise ValueError(
            f"The examples cannot be read: {damage}. Write the file anew by running "
            "its ExampleGen or Transform again; or give a sample_size, and with "
            "max_corrupt_share how much damage to leave out. Nothing was written."
        ) from error


def first_damage(patterns: list[str], until: float) -> str | None:
    """Returns the first damaged TFRecord file, and in it the record that is.

    Args:
      patterns: Of the files, which hold `tf.Example`s.
      until: When to give up looking, by `time.monotonic`.

    Returns:
      Text for an error; None where nothing was found.
    """
    for file in sorted(file for item in patterns for file in tf.io.gfile.glob(item)):
        number = 0
        try:
            for record in sample_files.Reader(file, sample_files.TFRECORD):
                number += 1
                problem = _problem(record)
                if problem:
                    return f"{file}: record {number}: {problem}"
                if time.monotonic() > until:
                    return None
        except sample_files.Damaged as error:
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
