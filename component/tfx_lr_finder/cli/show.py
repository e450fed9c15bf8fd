"""`lr-finder show`."""

import click

from tfx_lr_finder.cli import terminal
from tfx_lr_finder.cli.options import (
    NEVER,
    exit_by_verdict,
    fail_on_option,
    json_option,
    report_at,
    results_at,
)
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.result_file import read_report
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

    URI may also be a folder above, such as that of a node or a pipeline. If there are
    several results below it, the command lists them.

    \b
    Examples:
      lr-finder show runs/taxi/artifacts/LRFinder/lr_finder_result/6
      lr-finder show --json gs://bucket/pipeline/LRFinder/lr_finder_result/42
      lr-finder show --fail-on low_confidence "$URI" || echo "check it"
    """  # noqa: D301
    found = results_at(uri)
    if len(found) > 1 and not as_json and fail_on == NEVER:
        terminal.print_table(_overview(uri, found))
        click.echo("Pass one of these folders for the whole result.")
        return
    report = report_at(uri)
    if as_json:
        click.echo(report.to_json())
    else:
        print_report(report, everything=everything)
    exit_by_verdict(report.verdict, fail_on)


def _overview(uri: str, folders: list[str]) -> tables.Table:
    """Returns the verdict and the rate of each result."""
    rows = []
    for folder in folders:
        try:
            report = read_report(folder)
        except ValueError:
            rows.append((folder, "cannot be read", ""))
        else:
            rate = tables.number(report.learning_rate)
            rows.append((folder, report.verdict.name, rate))
    return tables.Table(
        caption=f"{len(folders)} results below {uri}",
        columns=("folder", "verdict", "learning rate"),
        rows=tuple(rows),
    )


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
