"""Reading and writing `result.json`, without TFX for a local file.

`artifact.py` writes the artifact of TFX. It imports TFX, which takes seconds, and
`lr-finder show` does not need it.
"""

import contextlib
import os
from typing import Any

from tfx_lr_finder import storage
from tfx_lr_finder.range_test.report import SCHEMA_VERSION, LRFinderReport

RESULT_FILE = "result.json"
TYPE_NAME = "tfx_lr_finder.LRFinderResult"
"""Type of the artifact that holds the file; also the import path of its class."""


def read_result(result: Any) -> LRFinderReport:
    """Returns the report of an artifact, in full precision.

    Args:
      result: An `LRFinderResult`, or the uri of one.

    Returns:
      The report.

    Raises:
      ValueError: There is no `result.json`, this account may not read it, or it is
        truncated, edited or of another schema.
    """
    return read_report(result if isinstance(result, str) else result.uri)


def read_report(uri: str) -> LRFinderReport:
    """Returns the report in a folder or in a file, in full precision.

    Args:
      uri: The folder of an `LRFinderResult`, or the file that the component of
        Kubeflow Pipelines wrote; a path or a uri.

    Raises:
      ValueError: There is no `result.json`, this account may not read it, or it is
        truncated, edited or of another schema.
    """
    path = os.path.join(uri, RESULT_FILE)
    text = _text(path) if uri else None
    if text is None and uri:
        path = uri
        with contextlib.suppress(ValueError):  # a folder, or nothing
            text = _text(uri)
    if text is None:
        raise ValueError(
            f"There is no {RESULT_FILE} at {uri!r}. Pass an LRFinderResult that "
            "LRFinder has written, or the uri of one."
        )
    try:
        return LRFinderReport.from_json(text)
    except ValueError as error:
        raise ValueError(f"{path} cannot be read: {error}") from error


def _text(path: str) -> str | None:
    """Returns the text of a file, or None if it does not exist."""
    try:
        return storage.read_text(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except Exception as error:  # each remote file system raises its own kinds
        raise ValueError(
            f"{path} cannot be read: {type(error).__name__}: {error}. Check the uri, "
            "and whether this account may read it."
        ) from error


def write_report(folder: str, report: LRFinderReport) -> None:
    """Writes `result.json` into a folder, completely or not at all.

    Args:
      folder: A path or a uri, created if it does not exist.
      report: The report.
    """
    storage.write_whole(os.path.join(folder, RESULT_FILE), report.to_json().encode())


def custom_properties(report: LRFinderReport) -> dict[str, str | int]:
    """Returns what people and conditions can read from ML Metadata."""
    low, high = report.learning_rate_range or (None, None)
    return {
        "learning_rate": _in_full(report.learning_rate),
        "min_learning_rate": _in_full(low),
        "max_learning_rate": _in_full(high),
        "verdict": report.verdict.name,
        "reasons": " ".join(report.reasons),
        "source": report.source,
        "stop_reason": report.stop_reason.name,
        "rule": report.rule,
        "steps_spent": int(report.steps_spent),
        "num_rates": report.config.resolved_num_rates,
        "optimizer": str(report.environment.get("optimizer", "")),
        "keras": str(report.environment.get("keras", "")),
        "schema_version": SCHEMA_VERSION,
    }


def _in_full(rate: float | None) -> str:
    """Returns the shortest text that parses to the same float."""
    return "" if rate is None else repr(float(rate))
