"""`lr-finder history`."""

import dataclasses
import json
from typing import TYPE_CHECKING

import click

from tfx_lr_finder.cli import terminal
from tfx_lr_finder.cli.status import json_option
from tfx_lr_finder.views.tables import Table

if TYPE_CHECKING:
    from tfx_lr_finder.lineage.history import Entry


@click.command()
@click.option(
    "--metadata",
    "location",
    required=True,
    help="Path of the SQLite file, mysql://user@host:port/database (password in "
    "LR_FINDER_MYSQL_PASSWORD) or grpc://host:port.",
)
@click.option("--pipeline", help="Name of the pipeline; all pipelines if left out.")
@click.option(
    "--last", type=click.IntRange(min=1), help="Only so many of the newest results."
)
@click.option("--plot", is_flag=True, help="Draw the rate over the runs as well.")
@json_option
def history(
    location: str, pipeline: str | None, last: int | None, plot: bool, as_json: bool
) -> None:
    """List all results of a pipeline, oldest first, from ML Metadata.

    `change` is in decades, since the last result that was OK. `data` changes when the
    files that ExampleGen read do; "changed" if they did although the span did not.

    \b
    Examples:
      lr-finder history --metadata runs/taxi/metadata.sqlite --pipeline taxi
      lr-finder history --metadata mysql://mlmd@db:3306/metadb --pipeline taxi --plot
      kubectl port-forward -n kubeflow svc/metadata-grpc-service 8080 &
      lr-finder history --metadata grpc://localhost:8080 --json
    """  # noqa: D301
    # Here, and not at the top: no other command needs ML Metadata.
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
    several = len({entry.pipeline for entry in entries}) > 1
    columns = [
        "date (UTC)",
        "span",
        "data",
        "learning rate",
        "change",
        "verdict",
        "from",
    ]
    rows = []
    data_of_span: dict[tuple[str, str], str] = {}
    for entry in entries:
        before = data_of_span.setdefault((entry.pipeline, entry.span), entry.data)
        changed = before != entry.data
        data_of_span[entry.pipeline, entry.span] = entry.data
        row = [
            entry.when[:19].replace("T", " "),
            entry.span,
            f"{entry.data} changed" if changed else entry.data,
            "" if entry.learning_rate is None else f"{entry.learning_rate:.4g}",
            "" if entry.change is None else f"{entry.change:+.2f}",
            entry.verdict,
            entry.source,
        ]
        rows.append((entry.pipeline, *row) if several else tuple(row))
    names = sorted({entry.pipeline for entry in entries})
    of = "" if several or not names[0] else f" of {names[0]}"
    return Table(
        caption=f"{len(entries)} result{'s' if len(entries) != 1 else ''}{of}",
        columns=("pipeline", *columns) if several else tuple(columns),
        rows=tuple(rows),
    )
