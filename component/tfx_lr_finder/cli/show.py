"""`lr-finder show`."""

import click

from tfx_lr_finder.cli import terminal
from tfx_lr_finder.cli.options import (
    exit_by_verdict,
    fail_on_option,
    json_option,
    report_at,
)
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.views import tables

COLORS = {"OK": "green", "LOW_CONFIDENCE": "yellow", "INCONCLUSIVE": "red"}


@click.command()
@click.argument("uri")
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Print every table: rules, parameters, versions.",
)
@json_option
@fail_on_option
def show(uri: str, everything: bool, as_json: bool, fail_on: str) -> None:
    """Show one result: its verdict, reasons, curve, candidates and cost.

    \b
    Examples:
      lr-finder show runs/taxi/artifacts/LRFinder/lr_finder_result/6
      lr-finder show --json gs://bucket/pipeline/LRFinder/lr_finder_result/42
      lr-finder show --fail-on low_confidence "$URI" || echo "check it"
    """  # noqa: D301
    report = report_at(uri)
    if as_json:
        click.echo(report.to_json())
    else:
        print_report(report, everything=everything)
    exit_by_verdict(report.verdict, fail_on)


def print_report(report: LRFinderReport, *, everything: bool = False) -> None:
    """Prints a report for a person.

    Args:
      report: What to print.
      everything: Whether to print every table except the points of the curves.
    """
    name = report.verdict.name
    click.secho(name, fg=COLORS[name], bold=True, nl=False)
    click.echo(f": {report.verdict.value}")
    for reason in report.reasons:
        click.echo(terminal.plain(f"  - {reason}"))
    click.echo("\n" + terminal.curve([report], [""]))
    shown = [tables.summary(report)]
    if report.probes or report.candidates:
        shown.append(tables.trainings(report))
    if report.previous:
        shown.append(tables.previous(report))
    shown.append(tables.cost(report))
    if everything:
        shown += [
            tables.rules(report),
            tables.environment(report),
            tables.configuration(report),
        ]
    for table in shown:
        terminal.print_table(table)
