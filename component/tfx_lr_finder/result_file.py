"""Reading and writing `result.json`, without TFX for a local file.

`artifact.py` writes the artifact of TFX. It imports TFX, which takes seconds, and
`lr-finder show` does not need it.
"""

import contextlib
import hashlib
import os
from typing import Any

from absl import logging

from tfx_lr_finder import storage
from tfx_lr_finder.range_test.report import SCHEMA_VERSION, LRFinderReport

RESULT_FILE = "result.json"
MAX_DEPTH = 5
"""How many levels below a folder results are looked for."""
TYPE_NAME = "tfx_lr_finder.LRFinderResult"
"""Type of the artifact that holds the file; also the import path of its class."""
DIGEST = "result_sha256"
"""Custom property of the artifact: the SHA-256 digest of the file, in hexadecimal."""
MAX_BYTES = 64 * 1024**2
"""Largest file that is read. A rate of a sweep takes about 70 bytes, so this is enough
for 900,000 of them.
"""


def read_result(result: Any) -> LRFinderReport:
    """Returns the report of an artifact, in full precision.

    Args:
      result: An `LRFinderResult`, or the uri of one.

    Returns:
      The report.

    Raises:
      ValueError: There is no `result.json`, this account may not read it, or it is too
        large, truncated, edited or of another schema. An artifact that LRFinder wrote
        holds the digest of the file, with which any change is found.
    """
    if isinstance(result, str):
        return read_report(result)
    return read_report(result.uri, digest_of(result))


def read_report(uri: str, digest: str | None = None) -> LRFinderReport:
    """Returns the report in a folder or in a file, in full precision.

    Args:
      uri: The folder of an `LRFinderResult`, or the file that the component of
        Kubeflow Pipelines wrote; a path or a uri.
      digest: The digest that the file must have; see `digest_of`. None if unknown.

    Raises:
      ValueError: There is no `result.json`, this account may not read it, or it is too
        large, truncated, edited or of another schema.
    """
    path, content = _find(uri)
    report = _parse(path, content)
    _check_digest(path, content, digest)
    return report


def read_with_digest(uri: str) -> tuple[LRFinderReport, str]:
    """Returns the report in a folder, and the SHA-256 digest of its file.

    Args:
      uri: See `read_report`.

    Raises:
      ValueError: See `read_report`.
    """
    path, content = _find(uri)
    return _parse(path, content), hashlib.sha256(content).hexdigest()


def _find(uri: str) -> tuple[str, bytes]:
    """Returns the path of a result, and its content."""
    path = os.path.join(uri, RESULT_FILE)
    content = _content(path) if uri else None
    if content is None and uri:
        path = uri
        with contextlib.suppress(ValueError):  # a folder, or nothing
            content = _content(uri)
    if content is None:
        raise ValueError(
            f"There is no {RESULT_FILE} at {uri!r}. Pass an LRFinderResult that "
            "LRFinder has written, or the uri of one."
        )
    return path, content


def _parse(path: str, content: bytes) -> LRFinderReport:
    try:
        return LRFinderReport.from_json(content.decode())
    except ValueError as error:
        raise ValueError(f"{path} cannot be read: {error}") from error


def _content(path: str) -> bytes | None:
    """Returns the content of a file, or None if it does not exist."""
    try:
        return storage.read_bytes(path, MAX_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except Exception as error:  # each remote file system raises its own kinds
        raise ValueError(
            f"{path} cannot be read: {type(error).__name__}: {error}. Check the uri, "
            "and whether this account may read it."
        ) from error


def digest_of(result: Any) -> str | None:
    """Returns the digest that ML Metadata holds for the file of an artifact.

    Args:
      result: An `LRFinderResult`. One from an Importer has no digest, which gives None.
    """
    return result.get_string_custom_property(DIGEST) or None


def results_below(folder: str) -> list[str]:
    """Returns the folders that hold a result, up to five levels below a folder.

    The order is that of their names, with numbers by value, so a later run of the same
    node comes last.

    Args:
      folder: A path or a uri.

    Returns:
      The folders; the folder itself if it has a result.

    Raises:
      Exception: Whatever a remote file system raises.
    """
    found: list[str] = []
    level = [folder.rstrip("/") or folder]
    for _ in range(MAX_DEPTH + 1):
        listed = {path: storage.list_folder(path) for path in level}
        found += [path for path, names in listed.items() if RESULT_FILE in names]
        level = [
            os.path.join(path, name.rstrip("/"))
            for path, names in listed.items()
            for name in names
            if RESULT_FILE not in names and "." not in name
        ]
    return sorted(found, key=_numbers_by_value)


def _numbers_by_value(path: str) -> list[tuple[int, str]]:
    parts = path.split("/")
    return [(int(part) if part.isdecimal() else 0, part) for part in parts]


def write_report(folder: str, report: LRFinderReport) -> str:
    """Writes `result.json` into a folder, completely or not at all.

    Args:
      folder: A path or a uri, created if it does not exist.
      report: The report.

    Returns:
      The SHA-256 digest of the file, in hexadecimal.
    """
    content = report.to_json().encode()
    storage.write_whole(os.path.join(folder, RESULT_FILE), content)
    return hashlib.sha256(content).hexdigest()


def _check_digest(path: str, content: bytes, digest: str | None) -> None:
    if digest is None:
        logging.info(
            "LRFinder: there is no digest to check %s against, so only its fields were "
            "checked against one another.",
            path,
        )
    elif hashlib.sha256(content).hexdigest() != digest:
        raise ValueError(
            f"{path} was changed after LRFinder wrote it: its SHA-256 digest is not "
            f"the {DIGEST} of the artifact in ML Metadata, {digest}. Run LRFinder "
            "again, or restore the file."
        )


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
