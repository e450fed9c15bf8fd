"""`lr-finder history`."""

import dataclasses
import json
from typing import TYPE_CHECKING

import click

from tfx_lr_finder.cli import terminal
from tfx_lr_finder.cli.options import json_option
from tfx_lr_finder.views.tables import Table

if TYPE_CHECKING:
    from tfx_lr_finder.lineage.history import Entry


@click.command()
@click.option(
    "--metadata",
    "location",
    required=True,
    help="Metadata store: path of an SQLite file, grpc://host:port, or "
    "mysql://user@host:port/database with the password in LR_FINDER_MYSQL_PASSWORD.",
)
@click.option("--pipeline", help="Name of the pipeline. By default all pipelines.")
@click.option(
    "--last",
    type=click.IntRange(min=1),
    help="Number of results to list, the newest ones, at least 1. By default all.",
)
@click.option("--plot", is_flag=True, help="Also draw the learning rate over the runs.")
@json_option
def history(
    location: str, pipeline: str | None, last: int | None, plot: bool, as_json: bool
) -> None:
    """List the results of a pipeline in ML Metadata, oldest first.

    "change" is the change of the rate since the newest OK result before, in decades.
    "data" is a fingerprint of the files that ExampleGen read. It says "changed" if
    they changed within a span.

    \b
    Examples:
      lr-finder history --metadata runs/taxi/metadata.sqlite --pipeline taxi
      lr-finder history --metadata mysql://mlmd@db:3306/metadb --pipeline taxi --plot
      kubectl port-forward -n kubeflow svc/metadata-grpc-service 8080 &
      lr-finder history --metadata grpc://localhost:8080 --json
    """  # noqa: D301
    # Imported late: no other command needs ML Metadata.
    from tfx_lr_finder.lineage import metadata
    from tfx_lr_finder.lineage.history import read_history

    entries = read_history(metadata.connect(location), pipeline)
    entries = entries[-last:] if last else entries
    if as_json:
        click.echo(
            json.dumps([dataclasses.asdict(entry) for entry in entries], indent=1)
        )
        return
    terminal.print_table(_table(entries))
    if plot:
        click.echo(terminal.rates_over_runs([entry.learning_rate for entry in entries]))


def _table(entries: "tuple[Entry, ...]") -> Table:
    columns = (
        "date (UTC)",
        "span",
        "data",
        "learning rate",
        "change",
        "verdict",
        "from",
    )
    rows = []
    data_of_span: dict[tuple[str, str], str] = {}
    for entry in entries:
        before = data_of_span.setdefault((entry.pipeline, entry.span), entry.data)
        changed = before != entry.data
        data_of_span[entry.pipeline, entry.span] = entry.data
        row = (
            entry.pipeline,
            entry.when[:19].replace("T", " "),
            entry.span,
            f"{entry.data} changed" if changed else entry.data,
            "" if entry.learning_rate is None else f"{entry.learning_rate:.4g}",
            "" if entry.change is None else f"{entry.change:+.2f}",
            entry.verdict,
            entry.source,
        )
        rows.append(row)
    names = sorted({entry.pipeline for entry in entries})
    first = 0 if len(names) > 1 else 1  # without the column of an only pipeline
    of = f" of {names[0]}" if first and names[0] else ""
    return Table(
        caption=f"{len(entries)} result{'s' if len(entries) != 1 else ''}{of}",
        columns=("pipeline", *columns)[first:],
        rows=tuple(row[first:] for row in rows),
    )
