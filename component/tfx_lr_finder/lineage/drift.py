"""How far the rate has moved since the earlier runs."""

import dataclasses
import datetime
import math
from collections.abc import Sequence

from absl import logging
from tfx import types

from tfx_lr_finder.artifact import read_result
from tfx_lr_finder.lineage.resolver import find_last_good, name_of, newest_first
from tfx_lr_finder.range_test.earlier import EarlierRate
from tfx_lr_finder.range_test.report import LRFinderReport, check_rate
from tfx_lr_finder.range_test.verdict import Verdict
from tfx_lr_finder.settings.inconclusive import EarlierResult


def with_earlier(
    report: LRFinderReport, previous: Sequence[types.Artifact], max_drift_decades: float
) -> LRFinderReport:
    """Returns the report with the earlier rates, and with a doubt if it jumped.

    It is compared with the newest earlier result that was OK and is of the same
    optimizer and for the same schedule.

    Args:
      report: What this run found.
      previous: Earlier results, in any order.
      max_drift_decades: Decades that the rate may move, positive.

    Returns:
      A copy; one reason more and LOW_CONFIDENCE instead of OK if the rate moved
      further.
    """
    if not previous:
        return report
    rates = tuple(_earlier_rate(item) for item in reversed(newest_first(previous)))
    report = dataclasses.replace(report, earlier=rates)
    last_good = find_last_good(previous, report)
    if report.learning_rate is None or last_good is None:
        return report
    reason = _objection(report.learning_rate, report, last_good, max_drift_decades)
    if reason is None:
        return report
    verdict = report.verdict
    if verdict is Verdict.OK:
        verdict = Verdict.LOW_CONFIDENCE
    return dataclasses.replace(
        report, verdict=verdict, reasons=(reason, *report.reasons)
    )


def _objection(
    now: float,
    report: LRFinderReport,
    last_good: EarlierResult,
    max_drift_decades: float,
) -> str | None:
    """Returns the reason to doubt a rate that moved too far, or None."""
    before = last_good.report.learning_rates_by_schedule[report.config.schedule]
    change = math.log10(now) - math.log10(before)
    if abs(change) <= max_drift_decades:
        return None
    return (
        f"The learning rate moved by {change:+.2f} decades, from {before!r} to "
        f"{now!r}, since the last good result ({last_good.name}); max_drift_decades is "
        f"{max_drift_decades:g}. "
        "Look at what changed in the data or the model. If the new rate is right, run "
        "once with a larger max_drift_decades: the next runs compare with that result."
    )


def _earlier_rate(result: types.Artifact) -> EarlierRate:
    """Returns an earlier result's rate, from its properties or else from its file."""
    rate, verdict = _from_properties(result) or _from_file(result)
    return EarlierRate(
        learning_rate=rate,
        verdict=verdict,
        when=_when(result.mlmd_artifact.create_time_since_epoch),
        name=name_of(result),
    )


def _from_properties(result: types.Artifact) -> tuple[float | None, Verdict] | None:
    """Returns what ML Metadata knows, or None: an Importer's artifact has nothing."""
    verdict = result.get_string_custom_property("verdict")
    text = result.get_string_custom_property("learning_rate")
    try:
        rate = float(text) if text else None
        return (None if rate is None else check_rate(rate)), Verdict[verdict]
    except (KeyError, ValueError):
        return None


def _from_file(result: types.Artifact) -> tuple[float | None, Verdict]:
    try:
        report = read_result(result)
    except Exception as error:  # whatever a remote file system may raise
        logging.warning("LRFinder: cannot read %s: %s", name_of(result), error)
        return None, Verdict.INCONCLUSIVE
    return report.learning_rate, report.verdict


def _when(milliseconds: int) -> str:
    if not milliseconds:
        return ""
    moment = datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.timezone.utc)
    return moment.isoformat(timespec="seconds")
