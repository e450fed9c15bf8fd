"""What follows a range test: drift, the policy, and the log."""

from collections.abc import Callable, Sequence

from absl import logging

from tfx_lr_finder.lineage import drift
from tfx_lr_finder.lineage.previous import PreviousResult, newest_usable
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.runtime.checkpoint.plan import CheckpointPlan
from tfx_lr_finder.settings.inconclusive import (
    LAST_GOOD,
    InconclusiveError,
    InconclusivePolicy,
    needs_policy,
)
from tfx_lr_finder.settings.request import FinderRequest


def conclude(
    request: FinderRequest,
    report: LRFinderReport,
    previous: Sequence[PreviousResult],
    plan: CheckpointPlan | None,
    keep_evidence: Callable[[LRFinderReport], str],
) -> LRFinderReport:
    """Returns the report to emit: compared with previous ones, with the policy's rate.

    Args:
      request: Holds the policy and `max_drift_decades`.
      report: What the range test found.
      previous: Previous results, the newest first.
      plan: The checkpoint of the test. It is deleted if the test is inconclusive.
      keep_evidence: Saves the report of an inconclusive test, and returns the sentence
        that says where.

    Raises:
      InconclusiveError: Neither the test nor the policy has a learning rate.
    """
    if previous:
        report = drift.compare(report, previous, request.max_drift_decades)
    try:
        report = _apply_policy(request.policy, report, previous)
    except InconclusiveError as error:
        _log_end(report)
        kept = keep_evidence(report)
        remove(plan)
        raise InconclusiveError(f"{error} {kept}") from None
    _log_end(report)
    return report


def remove(plan: CheckpointPlan | None) -> None:
    """Deletes the checkpoint of a test that has ended."""
    if plan is not None:
        plan.remove()


def _apply_policy(
    policy: InconclusivePolicy,
    report: LRFinderReport,
    previous: Sequence[PreviousResult],
) -> LRFinderReport:
    """Returns the report with the policy's rate if the test found none."""
    if policy.on_inconclusive != LAST_GOOD or not needs_policy(report):
        return policy.apply(report)
    optimizer = report.environment.get("optimizer")
    usable = newest_usable(previous, optimizer, report.config.schedule)
    if usable is None:
        return policy.apply(report)
    return policy.apply(report, usable.report, usable.name)


def _log_end(report: LRFinderReport) -> None:
    """Logs the outcome in one line."""
    logging.info(
        "LRFinder: ended after %d steps: %s; learning_rate=%r (%s), range=%r, "
        "verdict %s%s, in %.1f seconds",
        report.steps_spent,
        report.stop_reason.value,
        report.learning_rate,
        report.source,
        report.learning_rate_range,
        report.verdict.name,
        f" ({' '.join(report.reasons)})" if report.reasons else "",
        sum(report.seconds.values()),
    )
