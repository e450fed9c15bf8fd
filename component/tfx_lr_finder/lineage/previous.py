"""The results of previous runs, read once, and the one rule for which may be used."""

import dataclasses
import datetime
from collections.abc import Iterable, Sequence
from typing import Any

from absl import logging

from tfx_lr_finder import result_file
from tfx_lr_finder.range_test.report import LRFinderReport, Verdict


@dataclasses.dataclass(frozen=True, kw_only=True)
class PreviousResult:
    """The result of a previous run.

    Attributes:
      report: Its report.
      written: When it was written, ISO 8601 in UTC; empty if unknown.
      name: Its number, time and uri, for people.
    """

    report: LRFinderReport
    written: str
    name: str


def read_previous(results: Iterable[Any]) -> tuple[PreviousResult, ...]:
    """Returns previous results, the newest first.

    A result that cannot be read, for instance one of an older schema, is skipped with
    a warning.

    Args:
      results: `LRFinderResult` artifacts, in any order.
    """
    return tuple(
        found
        for result in newest_first(results)
        for found in _read(
            result.uri,
            result_file.digest_of(result),
            iso_time(result.mlmd_artifact.create_time_since_epoch),
            _name(result),
        )
    )


def read_previous_file(path: str, uri: str) -> tuple[PreviousResult, ...]:
    """Returns the previous result in a file; empty, with a warning, if it is unusable.

    Args:
      path: The file, or the folder of an `LRFinderResult`.
      uri: Its uri, for people.
    """
    return _read(path, None, "", f"LRFinder's result at {uri}")


def _read(
    uri: str, digest: str | None, written: str, name: str
) -> tuple[PreviousResult, ...]:
    """Returns the result at a uri; empty, with a warning, if it cannot be read."""
    try:
        report = result_file.read_report(uri, digest)
    except ValueError as error:
        logging.warning("LRFinder: skipping %s: %s", name, error)
        return ()
    return (PreviousResult(report=report, written=written, name=name),)


def newest_usable(
    previous: Sequence[PreviousResult], optimizer: object, schedule: str
) -> PreviousResult | None:
    """Returns the newest previous result whose rate may be used now, or None.

    Its verdict is OK, and it has a rate of the same optimizer for the schedule. A rate
    for Adam says nothing about SGD.

    Args:
      previous: The newest first.
      optimizer: Class name of the optimizer that trains now.
      schedule: Name of the schedule that the rate is for.
    """
    for result in previous:
        reason = reason_to_skip(result.report, optimizer, schedule)
        if reason is None:
            return result
        logging.info("LRFinder: skipping %s: %s", result.name, reason)
    return None


def reason_to_skip(
    report: LRFinderReport, optimizer: object, schedule: str
) -> str | None:
    """Returns why the rate of a previous report may not be used now, or None."""
    if report.verdict is not Verdict.OK:
        return f"its verdict is {report.verdict.name}"
    if report.environment.get("optimizer") != optimizer:
        used = report.environment.get("optimizer")
        return f"its optimizer is {used}, this run's is {optimizer}"
    if schedule not in report.learning_rates_by_schedule:
        return f"it has no rate for the schedule {schedule!r}"
    return None


def newest_first(results: Iterable[Any]) -> list[Any]:
    """Returns artifacts by their time of creation, the newest first."""
    return sorted(
        results,
        key=lambda result: (result.mlmd_artifact.create_time_since_epoch, result.id),
        reverse=True,
    )


def iso_time(milliseconds: int) -> str:
    """Returns a time of ML Metadata as ISO 8601 in UTC, empty if it is 0."""
    if not milliseconds:
        return ""
    moment = datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.timezone.utc)
    return moment.isoformat(timespec="seconds")


def _name(result: Any) -> str:
    """Returns an artifact's number, time and uri, as far as it has them."""
    number = f" {result.id}" if result.id else ""
    written = iso_time(result.mlmd_artifact.create_time_since_epoch)
    time = f" of {written[:19].replace('T', ' ')} UTC" if written else ""
    return f"LRFinderResult{number}{time} at {result.uri}"
