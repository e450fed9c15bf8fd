"""A report as tables of text, for the HTML page and the terminal."""

import dataclasses
import math
from typing import TypeAlias

from tfx_lr_finder.range_test.candidates import Candidate
from tfx_lr_finder.range_test.finder import combine, read
from tfx_lr_finder.range_test.held_out import HeldOut
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.range_test.rules import RULES
from tfx_lr_finder.range_test.values import decades_between
from tfx_lr_finder.views import selection

Row: TypeAlias = tuple[str, ...]

NONE = "none"
SOURCES = {
    "confirmed": "short trainings on held-out data",
    "rule": "a rule that read the curve",
    "default_learning_rate": "the declared default_learning_rate, not this test",
    "last_good": "the last good result, not this test",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table:
    """A table of text.

    Attributes:
      caption: The title.
      columns: The heading of each column.
      rows: One cell for each column; the first cell is the name of the row.
    """

    caption: str
    columns: Row
    rows: tuple[Row, ...]


def number(value: float | None) -> str:
    """Returns a number with four significant digits."""
    if value is None:
        return NONE
    return f"{value:.4g}" if math.isfinite(value) else "not finite"


def summary(report: LRFinderReport) -> Table:
    """Returns the main results, with the rate in full precision."""
    low, high = report.learning_rate_range or (None, None)
    rate = report.learning_rate
    rows = [
        ("verdict", f"{report.verdict.name}: {report.verdict.value}"),
        ("learning rate", NONE if rate is None else repr(rate)),
        ("range", NONE if low is None else f"{number(low)} to {number(high)}"),
        ("source", SOURCES.get(report.source, report.source)),
        ("sweeps ended because", report.stop_reason.value),
        ("loss not finite for", str(report.non_finite) or "no batch"),
    ]
    rows += [
        (f"rate for a {name} schedule", number(value))
        for name, value in report.learning_rates_by_schedule.items()
    ]
    if report.held_out is not None:
        rows.append(("held-out data", _held_out(report.held_out)))
    return Table(caption="Summary", columns=("result", "value"), rows=tuple(rows))


def _held_out(held_out: HeldOut) -> str:
    unit = "rows" if held_out.unit == "row" else "batches"
    return (
        f"{held_out.num_rows} rows, {number(held_out.num_independent)} independent "
        f"{unit}, {held_out.overlap_fraction:.0%} also training rows, "
        f"{held_out.duplicate_fraction:.0%} copies"
    )


def rules(report: LRFinderReport) -> Table:
    """Returns the rate that each rule reads from each sweep, and the median."""
    names = [f"sweep {k}" for k in range(1, len(report.sweeps) + 1)]
    rows = []
    for rule in RULES:
        readings = [read(rule, sweep) for sweep in report.sweeps]
        combined = report.suggestions.get(rule, combine(readings))
        chosen = f"{rule} (chosen)" if rule == report.rule else rule
        rows.append((chosen, *map(number, readings), number(combined)))
    return Table(
        caption="Learning rate by each rule",
        columns=("rule", *names, "median"),
        rows=tuple(rows),
    )


def trainings(report: LRFinderReport) -> Table:
    """Returns every short training with its losses, smallest rate first."""
    kinds = selection.trainings(report)
    kinds.sort(key=lambda pair: pair[1].learning_rate)
    rows = [_training(kind, item, report) for kind, item in kinds]
    return Table(
        caption="Short trainings from the same weights",
        columns=(
            "learning rate",
            "kind",
            "held-out loss",
            "gain over the untrained model",
            "training loss",
            "steps",
        ),
        rows=tuple(rows),
    )


def _training(kind: str, item: Candidate, report: LRFinderReport) -> Row:
    gain = ""
    if report.untrained_loss is not None and math.isfinite(item.eval_loss):
        gain = number(report.untrained_loss - item.eval_loss)
    return (
        number(item.learning_rate),
        kind,
        number(item.eval_loss),
        gain,
        number(item.train_loss),
        str(item.num_steps),
    )


def cost(report: LRFinderReport) -> Table:
    """Returns the training steps and the seconds of each phase."""
    phases = [*report.steps_by_phase]
    phases += [phase for phase in report.seconds if phase not in phases]
    rows = [
        (
            phase.replace("_", " "),
            str(report.steps_by_phase.get(phase, "")),
            _seconds(report.seconds.get(phase)),
        )
        for phase in phases
    ]
    total = _seconds(sum(report.seconds.values()))
    rows.append(("total", str(report.steps_spent), total))
    return Table(
        caption="Cost", columns=("phase", "training steps", "seconds"), rows=tuple(rows)
    )


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f}"


def environment(report: LRFinderReport) -> Table:
    """Returns the data, the model, the device and the versions."""
    rows = tuple(
        (name.replace("_", " "), "unknown" if value is None else str(value))
        for name, value in report.environment.items()
    )
    return Table(caption="Environment", columns=("property", "value"), rows=rows)


def configuration(report: LRFinderReport) -> Table:
    """Returns every parameter of the test."""
    rows = tuple(
        (name, "not set" if value is None else str(value))
        for name, value in vars(report.config).items()
    )
    return Table(caption="Configuration", columns=("parameter", "value"), rows=rows)


def previous(report: LRFinderReport) -> Table:
    """Returns the previous rates, newest first, and the distance of this run's rate."""
    rows = tuple(
        (
            item.when or "unknown",
            number(item.learning_rate),
            item.verdict.name,
            _decades(item.learning_rate, report.learning_rate),
            item.name,
        )
        for item in reversed(report.previous)
    )
    return Table(
        caption="Previous results",
        columns=("written", "learning rate", "verdict", "change to this run", "name"),
        rows=rows,
    )


def _decades(first: float | None, second: float | None) -> str:
    change = decades_between(first, second)
    return "" if change is None else f"{change:+.2f} decades"


def curves(report: LRFinderReport) -> Table:
    """Returns the loss and the smoothed loss of each sweep at each rate.

    Long sweeps are shortened to every k-th point.
    """
    every = selection.stride(report)
    longest = max(report.sweeps, key=lambda sweep: len(sweep.learning_rates))
    columns = ["learning rate"]
    for index in range(1, len(report.sweeps) + 1):
        columns += [f"sweep {index} loss", f"sweep {index} smoothed"]
    rows = []
    for point in selection.shown_points(len(longest.learning_rates), every):
        row = [number(longest.learning_rates[point])]
        for sweep in report.sweeps:
            row += [_at(sweep.losses, point), _at(sweep.smoothed_losses, point)]
        rows.append(tuple(row))
    which = "each rate" if every == 1 else f"one rate in {every}"
    return Table(caption=f"Loss at {which}", columns=tuple(columns), rows=tuple(rows))


def _at(values: tuple[float, ...], index: int) -> str:
    return number(values[index]) if index < len(values) else ""
