"""`lr-finder export`."""

import csv
import io
import itertools
import math
from collections.abc import Iterable

import click

from tfx_lr_finder.cli.options import report_at
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.views.selection import trainings

COLUMNS = (
    "kind",
    "number",
    "point",
    "learning_rate",
    "train_loss",
    "smoothed_loss",
    "held_out_loss",
    "steps",
)


@click.command()
@click.argument("uri")
@click.option(
    "--format",
    "as_format",
    type=click.Choice(("csv", "json", "html")),
    default="csv",
    show_default=True,
    help="csv: one row per point. json: the whole result. html: the report page.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False),
    default="-",
    help="Local file to write. By default standard output.",
)
def export(uri: str, as_format: str, output: str) -> None:
    """Write one result as CSV, JSON or HTML, with numbers in full precision.

    \b
    Examples:
      lr-finder export lr_finder_result/6 > curve.csv
      lr-finder export --format html --output report.html gs://bucket/.../42
    """  # noqa: D301
    report = report_at(uri)
    if as_format == "json":
        text = report.to_json() + "\n"
    else:
        text = as_csv(report) if as_format == "csv" else _as_html(report)
    with click.open_file(output, "w", encoding="utf-8") as file:
        file.write(text)


def as_csv(report: LRFinderReport) -> str:
    """Returns CSV with a row per point of the sweeps and per candidate training."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_sweep_rows(report))
    writer.writerows(_training_rows(report))
    return file.getvalue()


def _sweep_rows(report: LRFinderReport) -> Iterable[tuple[object, ...]]:
    for number, sweep in enumerate(report.sweeps, start=1):
        for point, rate in enumerate(sweep.learning_rates):
            loss = sweep.losses[point]
            smoothed = sweep.smoothed_losses[point : point + 1]
            smooth = _number(*smoothed) if smoothed else ""
            yield "sweep", number, point + 1, repr(rate), _number(loss), smooth, "", ""


def _training_rows(report: LRFinderReport) -> Iterable[tuple[object, ...]]:
    for kind, group in itertools.groupby(trainings(report), key=lambda pair: pair[0]):
        for number, (_, item) in enumerate(group, start=1):
            losses = _number(item.train_loss), "", _number(item.eval_loss)
            yield kind, number, "", repr(item.learning_rate), *losses, item.num_steps


def _number(value: float) -> str:
    return repr(float(value)) if math.isfinite(value) else ""


def _as_html(report: LRFinderReport) -> str:
    # Imported late: the other formats do not need them.
    from tfx_lr_finder.views import plot
    from tfx_lr_finder.views.html import page as html

    return html.render(report, picture=plot.png_bytes(report))
