"""Reading a result by what people have at hand: a folder, or its file."""

import os

from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.result_file import RESULT_FILE, read_report


def report_at(uri: str) -> LRFinderReport:
    """Returns the report at a folder of an artifact, or at a `result.json`.

    Raises:
      ValueError: If it cannot be read.
    """
    folder, name = os.path.split(uri)
    if name == RESULT_FILE:
        return read_report(folder or ".")
    return read_report(uri.rstrip("/") or uri)
