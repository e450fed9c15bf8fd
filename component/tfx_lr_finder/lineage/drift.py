"""How far the learning rate has moved since previous runs."""

import dataclasses
import math
from collections.abc import Sequence

from tfx_lr_finder.lineage.previous import PreviousResult, newest_usable
from tfx_lr_finder.range_test.report import LRFinderReport, PreviousRate
from tfx_lr_finder.range_test.verdict import Verdict


def compare(
    report: LRFinderReport,
    previous: Sequence[PreviousResult],
    max_drift_decades: float,
) -> LRFinderReport:
    """Returns the report with the previous rates, and a warning if its rate jumped.

    The comparison is with the newest usable previous result for the same schedule.

    Args:
      report: What this run found.
      previous: Previous results, the newest first.
      max_drift_decades: Decades that the rate may move, positive.

    Returns:
      A copy. If the rate moved further, it has one more reason, and LOW_CONFIDENCE
      instead of OK.
    """
    report = dataclasses.replace(
        report, previous=tuple(_rate_of(result) for result in reversed(previous))
    )
    if report.learning_rate is None:
        return report
    schedule = report.config.schedule
    latest = newest_usable(previous, report.environment.get("optimizer"), schedule)
    if latest is None:
        return report
    rate = latest.report.learning_rates_by_schedule[schedule]
    drift = math.log10(report.learning_rate) - math.log10(rate)
    if abs(drift) <= max_drift_decades:
        return report
    reason = (
        f"The learning rate moved by {drift:+.2f} decades, from {rate!r} to "
        f"{report.learning_rate!r}, since the newest OK result ({latest.name}). "
        f"max_drift_decades is {max_drift_decades:g}. Check what changed in the data "
        "or the model. If the new rate is right, run once with a larger "
        "max_drift_decades. The next runs then compare with that result."
    )
    doubtful = report.verdict is Verdict.OK
    return dataclasses.replace(
        report,
        verdict=Verdict.LOW_CONFIDENCE if doubtful else report.verdict,
        reasons=(reason, *report.reasons),
    )


def _rate_of(result: PreviousResult) -> PreviousRate:
    return PreviousRate(
        learning_rate=result.report.learning_rate,
        verdict=result.report.verdict,
        when=result.written,
        name=result.name,
    )
