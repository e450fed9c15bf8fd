"""`lr-finder compare`."""

import dataclasses
import json
import math
import sys
from typing import Any

import click

from tfx_lr_finder.cli import terminal
from tfx_lr_finder.cli.results import report_at
from tfx_lr_finder.cli.status import CHANGED, json_option
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.views import tables

Facts = dict[str, Any]


@click.command()
@click.argument("first")
@click.argument("second")
@click.option(
    "--max-drift-decades",
    type=click.FloatRange(min=0, min_open=True),
    help="Exit with status 5 if the rates are more decades apart, or one is missing.",
)
@json_option
def compare(
    first: str, second: str, max_drift_decades: float | None, as_json: bool
) -> None:
    """Compare two results: what differs, and both curves.

    \b
    Examples:
      lr-finder compare lr_finder_result/6 lr_finder_result/14
      lr-finder compare --max-drift-decades 0.5 "$LAST_WEEK" "$TODAY" || notify
    """  # noqa: D301
    reports = report_at(first), report_at(second)
    change = change_between(*reports)
    if as_json:
        both = [differing(*reports, side) for side in (0, 1)]
        found = {"change_in_decades": change, "first": both[0], "second": both[1]}
        click.echo(json.dumps(found, indent=1))
    else:
        click.echo(terminal.curve(reports, ["first", "second"]) + "\n")
        terminal.print_table(_table(*reports))
        said = "not known" if change is None else f"{change:+.2f} decades"
        click.echo(f"change of the learning rate: {said}")
    too_far = change is None or abs(change) > (max_drift_decades or 0)
    if max_drift_decades is not None and too_far:
        sys.exit(CHANGED)


def change_between(first: LRFinderReport, second: LRFinderReport) -> float | None:
    """Returns the decades from the first rate to the second, None without both."""
    if first.learning_rate is None or second.learning_rate is None:
        return None
    return math.log10(second.learning_rate) - math.log10(first.learning_rate)


def differing(first: LRFinderReport, second: LRFinderReport, side: int) -> Facts:
    """Returns one side's answer, and its facts and knobs that differ.

    Args:
      first: A report.
      second: Another.
      side: 0 for the facts of the first, 1 for those of the second.
    """
    both = _facts(first), _facts(second)
    names = [*both[0], *(name for name in both[1] if name not in both[0])]
    always = len(_answer(first))
    return {
        name: both[side].get(name)
        for number, name in enumerate(names)
        if number < always or both[0].get(name) != both[1].get(name)
    }


def _facts(report: LRFinderReport) -> Facts:
    knobs = {
        f"config.{field.name}": getattr(report.config, field.name)
        for field in dataclasses.fields(report.config)
    }
    environment = {f"environment.{k}": v for k, v in report.environment.items()}
    rules = {f"rule.{name}": rate for name, rate in report.suggestions.items()}
    return {**_answer(report), **rules, **environment, **knobs}


def _answer(report: LRFinderReport) -> Facts:
    low, high = report.learning_rate_range or (None, None)
    return {
        "verdict": report.verdict.name,
        "learning_rate": report.learning_rate,
        "range_low": low,
        "range_high": high,
        "source": report.source,
        "reasons": list(report.reasons),
        "stop_reason": report.stop_reason.name,
        "untrained_loss": _finite(report.untrained_loss),
        "steps_spent": report.steps_spent,
        "seconds": round(sum(report.seconds.values()), 3),
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _table(first: LRFinderReport, second: LRFinderReport) -> tables.Table:
    left, right = differing(first, second, 0), differing(first, second, 1)
    rows = tuple((name, _cell(left[name]), _cell(right[name])) for name in left)
    return tables.Table(
        caption="What was found, and what differs",
        columns=("", "first", "second"),
        rows=rows,
    )


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(value)
    return "" if value is None else str(value)
