"""What a report says, as tables of text: for the HTML report and the terminal."""

import dataclasses
import math
from typing import TypeAlias

from tfx_lr_finder.range_test.candidates import Candidate
from tfx_lr_finder.range_test.finder import combine, read
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.range_test.rules import RULES
from tfx_lr_finder.views.axis_limits import distinct_probes
from tfx_lr_finder.views.html.thinning import shown_points, stride

Row: TypeAlias = tuple[str, ...]

NONE = "none"
SOURCES = {
    "confirmed": "short trainings on held-out data",
    "rule": "a rule on the curve alone",
    "default_learning_rate": "the declared default_learning_rate, not this test",
    "last_good": "the last good result, not this test",
    "none": NONE,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table:
    """A table of text.

    Attributes:
      caption: What it shows.
      columns: A heading for each column.
      rows: As many cells as columns; the first one names the row.
    """

    caption: str
    columns: Row
    rows: tuple[Row, ...]


def number(value: float | None) -> str:
    """Returns a number for reading, of four significant digits."""
    if value is None:
        return NONE
    return f"{value:.4g}" if math.isfinite(value) else "not finite"


def decades(now: float | None, before: float | None) -> str:
    """Returns how far two rates are apart, in signed decades; empty without both."""
    if now is None or before is None:
        return ""
    return f"{math.log10(now) - math.log10(before):+.2f} decades"


def summary(report: LRFinderReport) -> Table:
    """Returns the answer in a few rows, the rate in full precision."""
    low, high = report.learning_rate_range or (None, None)
    rate = report.learning_rate
    rows = [
        ("verdict", f"{report.verdict.name}: {report.verdict.value}"),
        ("learning rate", NONE if rate is None else repr(rate)),
        ("range", NONE if low is None else f"{number(low)} to {number(high)}"),
        ("comes from", SOURCES.get(report.source, report.source)),
        ("sweeps ended because", report.stop_reason.value),
    ]
    rows += [
        (f"rate for a {name} schedule", number(value))
        for name, value in report.learning_rates_by_schedule.items()
    ]
    return Table(caption="Summary", columns=("what", "value"), rows=tuple(rows))


def rules(report: LRFinderReport) -> Table:
    """Returns what every rule reads off every sweep, and their median."""
    names = [f"sweep {k}" for k in range(1, len(report.sweeps) + 1)]
    rows = []
    for rule in RULES:
        readings = [read(rule, sweep) for sweep in report.sweeps]
        combined = report.suggestions.get(rule, combine(readings))
        chosen = f"{rule} (chosen)" if rule == report.rule else rule
        rows.append((chosen, *map(number, readings), number(combined)))
    return Table(
        caption="What each rule reads off the curves",
        columns=("rule", *names, "median"),
        rows=tuple(rows),
    )


def trainings(report: LRFinderReport) -> Table:
    """Returns every short training with its losses, smallest rate first."""
    kinds = [("probe", item) for item in distinct_probes(report)]
    kinds += [("candidate", item) for item in report.candidates]
    if report.checked is not None:
        kinds.append(("check of the suggestion", report.checked))
    kinds.sort(key=lambda pair: pair[1].learning_rate)
    rows = [_training(kind, item, report) for kind, item in kinds]
    return Table(
        caption="Short trainings, all from the same weights",
        columns=(
            "learning rate",
            "kind",
            "held-out loss",
            "below the untrained model by",
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
    """Returns the steps and the seconds of each phase."""
    phases = [*report.steps_by_phase]
    phases += [phase for phase in report.seconds if phase not in phases]
    rows = [
        (phase, _steps(report, phase), _seconds(report.seconds.get(phase)))
        for phase in phases
    ]
    total = _seconds(sum(report.seconds.values()))
    rows.append(("in all", str(report.steps_spent), total))
    return Table(
        caption="Cost", columns=("phase", "training steps", "seconds"), rows=tuple(rows)
    )


def _steps(report: LRFinderReport, phase: str) -> str:
    return str(report.steps_by_phase.get(phase, ""))


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f}"


def environment(report: LRFinderReport) -> Table:
    """Returns versions, device, model and data."""
    rows = tuple(
        (name.replace("_", " "), "unknown" if value is None else str(value))
        for name, value in report.environment.items()
    )
    return Table(caption="Data, model, device", columns=("what", "value"), rows=rows)


def configuration(report: LRFinderReport) -> Table:
    """Returns every knob."""
    config = report.config
    rows = tuple(
        (field.name, _knob(getattr(config, field.name)))
        for field in dataclasses.fields(config)
    )
    return Table(caption="Configuration", columns=("knob", "value"), rows=rows)


def _knob(value: object) -> str:
    return "not set" if value is None else str(value)


def earlier(report: LRFinderReport) -> Table:
    """Returns the rates of earlier runs, newest first, and how far this one is off."""
    rows = tuple(
        (
            item.when or "unknown",
            number(item.learning_rate),
            item.verdict.name,
            decades(report.learning_rate, item.learning_rate),
            item.name,
        )
        for item in reversed(report.earlier)
    )
    return Table(
        caption="Earlier results",
        columns=("written", "learning rate", "verdict", "this run against it", "name"),
        rows=rows,
    )


def curves(report: LRFinderReport) -> Table:
    """Returns the points of the sweeps: the loss of each point, and smoothed.

    All of them, but every k-th of sweeps that would make a page too long.
    """
    every = stride(report)
    longest = max(report.sweeps, key=lambda sweep: len(sweep.learning_rates))
    columns = ["learning rate"]
    for index in range(1, len(report.sweeps) + 1):
        columns += [f"sweep {index} loss", f"sweep {index} smoothed"]
    rows = []
    for point in shown_points(len(longest.learning_rates), every):
        row = [number(longest.learning_rates[point])]
        for sweep in report.sweeps:
            row += [_at(sweep.losses, point), _at(sweep.smoothed_losses, point)]
        rows.append(tuple(row))
    which = "Every point" if every == 1 else f"One point in {every}"
    return Table(
        caption=f"{which} of the sweeps", columns=tuple(columns), rows=tuple(rows)
    )


def _at(values: tuple[float, ...], index: int) -> str:
    return number(values[index]) if index < len(values) else ""
