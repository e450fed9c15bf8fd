"""Reading and writing `result.json`, without TFX for a local file.

`artifact.py` does the same for an artifact. It imports TFX, which takes seconds, and
`lr-finder show` does not need it.
"""

import os

from tfx_lr_finder import storage
from tfx_lr_finder.range_test.report import LRFinderReport

RESULT_FILE = "result.json"
MAX_DEPTH = 5
"""How many levels below a folder results are looked for."""
TYPE_NAME = "tfx_lr_finder.LRFinderResult"
"""Type of the artifact that holds the file; also the import path of its class."""


def read_report(uri: str) -> LRFinderReport:
    """Returns the report in a folder, in full precision.

    Args:
      uri: The folder of an `LRFinderResult`, a path or a uri.

    Raises:
      ValueError: There is no `result.json`, this account may not read it, or it is
        truncated, edited or of another schema.
    """
    path = os.path.join(uri, RESULT_FILE)
    try:
        text = storage.read_text(path) if uri else None
    except (FileNotFoundError, NotADirectoryError):
        text = None
    except Exception as error:  # each remote file system raises its own kinds
        raise ValueError(
            f"{path} cannot be read: {type(error).__name__}: {error}. Check the uri, "
            "and whether this account may read it."
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


def write_report(folder: str, report: LRFinderReport) -> None:
    """Writes `result.json` into a folder, completely or not at all.

    Args:
      folder: A path or a uri, created if it does not exist.
      report: The report.
    """
    storage.write_whole(os.path.join(folder, RESULT_FILE), report.to_json().encode())
