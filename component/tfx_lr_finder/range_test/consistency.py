"""Checks what a report says in several places: an edited file contradicts itself."""

from typing import TYPE_CHECKING

from tfx_lr_finder.range_test.verdict import Verdict

if TYPE_CHECKING:
    from tfx_lr_finder.range_test.report import LRFinderReport

OWN_SOURCES = ("confirmed", "rule", "none")
"""Sources of the range test itself; the others are those of a policy."""
TOLERANCE = 1e-9


def check_redundant_fields(report: "LRFinderReport") -> None:
    """Checks that the fields of a report agree with one another.

    Args:
      report: The report.

    Raises:
      ValueError: Two fields contradict each other; the message names both.
    """
    _check_rates(report)
    _check_source_and_verdict(report)
    trained = sum(sweep.num_steps for sweep in report.sweeps)
    if report.steps_by_phase.get("sweeps") != trained:
        raise ValueError(
            f"steps_by_phase['sweeps'] is {report.steps_by_phase.get('sweeps')}, but "
            f"the sweeps took {trained} steps"
        )


def _check_rates(report: "LRFinderReport") -> None:
    rate, rates = report.learning_rate, report.learning_rates_by_schedule
    schedule = report.config.schedule
    if rates and rates.get(schedule) != rate:
        raise ValueError(
            f"learning_rate is {rate}, but learning_rates_by_schedule[{schedule!r}] is "
            f"{rates.get(schedule)}"
        )
    constant, span = rates.get("constant"), report.learning_rate_range
    if constant is None or span is None:
        return
    if not span[0] * (1 - TOLERANCE) <= constant <= span[1] * (1 + TOLERANCE):
        raise ValueError(
            f"learning_rates_by_schedule['constant'] is {constant}, outside of "
            f"learning_rate_range, {span[0]} to {span[1]}"
        )


def _check_source_and_verdict(report: "LRFinderReport") -> None:
    rate, source = report.learning_rate, report.source
    if (rate is None) != (source == "none"):
        raise ValueError(f"learning_rate is {rate}, but source is {source!r}")
    is_declared = source not in OWN_SOURCES
    if rate is not None and not is_declared and not report.learning_rates_by_schedule:
        raise ValueError(
            f"learning_rate is {rate} and source is {source!r}, but "
            "learning_rates_by_schedule is empty"
        )
    is_inconclusive = report.verdict is Verdict.INCONCLUSIVE
    if is_inconclusive != (rate is None or is_declared):
        raise ValueError(
            f"verdict is {report.verdict.name}, but learning_rate is {rate} and source "
            f"is {source!r}"
        )
