"""`lr-finder compare`."""

import json
import sys
from typing import Any

import click

from tfx_lr_finder.cli import terminal
from tfx_lr_finder.cli.options import CHANGED, json_option, report_at
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.range_test.report_json import to_plain
from tfx_lr_finder.range_test.values import decades_between
from tfx_lr_finder.views import tables


@click.command()
@click.argument("first")
@click.argument("second")
@click.option(
    "--max-drift-decades",
    type=click.FloatRange(min=0, min_open=True),
    help="Exit with 5 if the rates differ by more than this many powers of ten, or if "
    "a result has no rate.",
)
@json_option
def compare(
    first: str, second: str, max_drift_decades: float | None, as_json: bool
) -> None:
    """Compare two results: their differences and both curves.

    \b
    Examples:
      lr-finder compare lr_finder_result/6 lr_finder_result/14
      lr-finder compare --max-drift-decades 0.5 "$LAST_WEEK" "$TODAY" || notify
    """  # noqa: D301
    reports = report_at(first), report_at(second)
    change = decades_between(*(report.learning_rate for report in reports))
    differences = _differences(*reports)
    if as_json:
        found = {
            "change_in_decades": change,
            "first": {name: left for name, (left, _) in differences.items()},
            "second": {name: right for name, (_, right) in differences.items()},
        }
        click.echo(json.dumps(found, indent=1))
    else:
        click.echo(terminal.curve(reports, ["first", "second"]) + "\n")
        terminal.print_table(_table(differences))
        text = "not known" if change is None else f"{change:+.2f} decades"
        click.echo(f"change of the learning rate: {text}")
    too_far = change is None or abs(change) > (max_drift_decades or 0)
    if max_drift_decades is not None and too_far:
        sys.exit(CHANGED)


def _differences(
    first: LRFinderReport, second: LRFinderReport
) -> dict[str, tuple[Any, Any]]:
    """Returns both outcomes, and the other values that differ, by name."""
    left, right = _values(first), _values(second)
    outcome = _outcome(first)
    return {
        name: (left.get(name), right.get(name))
        for name in {**left, **right}
        if name in outcome or left.get(name) != right.get(name)
    }


def _values(report: LRFinderReport) -> dict[str, Any]:
    parameters = {
        f"config.{name}": value for name, value in vars(report.config).items()
    }
    environment = {f"environment.{k}": v for k, v in report.environment.items()}
    rules = {f"rule.{name}": rate for name, rate in report.suggestions.items()}
    return {**_outcome(report), **rules, **environment, **parameters}


def _outcome(report: LRFinderReport) -> dict[str, Any]:
    low, high = report.learning_rate_range or (None, None)
    return {
        "verdict": report.verdict.name,
        "learning_rate": report.learning_rate,
        "range_low": low,
        "range_high": high,
        "source": report.source,
        "reasons": list(report.reasons),
        "stop_reason": report.stop_reason.name,
        "untrained_loss": to_plain(report.untrained_loss),
        "steps_spent": report.steps_spent,
        "seconds": round(sum(report.seconds.values()), 3),
    }


def _table(differences: dict[str, tuple[Any, Any]]) -> tables.Table:
    return tables.Table(
        caption="Outcome and differences",
        columns=("", "first", "second"),
        rows=tuple(
            (name, _cell(left), _cell(right))
            for name, (left, right) in differences.items()
        ),
    )


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(value)
    return "" if value is None else str(value)
