"""The report's file, `result.json`: where it lies, and reading and writing it."""

import os

from tfx_lr_finder import storage
from tfx_lr_finder.range_test.report import LRFinderReport

RESULT_FILE = "result.json"


def read_report(uri: str) -> LRFinderReport:
    """Returns the report in a folder, in full precision.

    A local one is read without TFX.

    Args:
      uri: The folder of an `LRFinderResult`, a path or a uri.

    Raises:
      ValueError: If there is no `result.json`, it may not be read, or it is
        truncated, edited, or written by a newer version of this package.
    """
    path = os.path.join(uri, RESULT_FILE)
    try:
        text = storage.read_text(path) if uri else None
    except (FileNotFoundError, NotADirectoryError):
        text = None
    except Exception as error:  # whatever a remote file system may raise
        raise ValueError(
            f"{path} cannot be read: {type(error).__name__}: {error}. Check the uri, "
            "and that this account may read it."
        ) from error
    if text is None:
        raise ValueError(
            f"There is no {RESULT_FILE} at {uri!r}. Pass an LRFinderResult that "
            "LRFinder has written, or the uri of one."
        )
    try:
        return LRFinderReport.from_json(text)
    except ValueError as error:
        raise ValueError(f"{path} cannot be read: {error}") from error


def write_report(folder: str, report: LRFinderReport) -> None:
    """Writes `result.json` into a folder, all of it or nothing.

    Args:
      folder: A path or a uri; made if it does not exist.
      report: The report.
    """
    storage.write_whole(os.path.join(folder, RESULT_FILE), report.to_json().encode())
