"""Tables and curves on a terminal."""

import math
import shutil
import sys
from collections.abc import Sequence
from typing import Any

from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.views.axis_limits import sweep_limits
from tfx_lr_finder.views.tables import Table

MIN_WIDTH = 60
MAX_CURVE_WIDTH = 110
CURVE_HEIGHT = 20
LARGEST_LOSS = 1e100
FILE_WIDTH = 160
"""Columns if the output is not a terminal and COLUMNS is not set."""


def plain(text: str) -> str:
    """Returns text without the control characters of terminals, except line ends."""
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)


def width() -> int:
    """Returns the number of columns to use."""
    fallback = 80 if sys.stdout.isatty() else FILE_WIDTH
    return max(MIN_WIDTH, shutil.get_terminal_size((fallback, 24)).columns)


def print_table(table: Table) -> None:
    """Prints a table with its caption. It prints markup in a cell as plain text."""
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(
        title=Text(plain(table.caption), style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for column in table.columns:
        drawn.add_column(Text(plain(column)), overflow="fold")
    for row in table.rows:
        drawn.add_row(*(Text(plain(cell)) for cell in row))
    Console(width=width(), soft_wrap=False, highlight=False).print(drawn)


def curve(reports: Sequence[LRFinderReport], names: Sequence[str]) -> str:
    """Returns a plot of the smoothed curves and the suggestions.

    Args:
      reports: One or more.
      names: The name of each in the legend, or an empty string.
    """
    shown = [limit for limit in map(sweep_limits, reports) if limit is not None]
    if not shown:
        return "No finite loss to draw."
    low, high = min(limit[0] for limit in shown), max(limit[1] for limit in shown)
    if max(-low, high) > LARGEST_LOSS:
        return "The losses are too large to draw."
    plt = _canvas()
    colors = ("blue", "orange", "green", "magenta")
    for report, name, color in zip(reports, names, colors, strict=False):
        for number, sweep in enumerate(report.sweeps):
            points = [
                (math.log10(rate), loss)
                for rate, loss in zip(
                    sweep.learning_rates, sweep.smoothed_losses, strict=False
                )
                if low <= loss <= high
            ]
            if points:
                label = name if name and number == 0 else None
                x, y = zip(*points, strict=True)
                plt.plot(x, y, marker="braille", color=color, label=label)
        if report.learning_rate is not None:
            plt.vline(math.log10(report.learning_rate), "red")
    ends = [math.log10(r.config.min_lr) for r in reports]
    ends += [math.log10(r.config.max_lr) for r in reports]
    _rate_ticks(plt.xticks, min(ends), max(ends))
    plt.xlim(min(ends), max(ends))
    plt.ylim(low, high)
    plt.ylabel("training loss")
    plt.xlabel("learning rate (vertical line: the suggestion)")
    return _drawn(plt)


def rates_over_runs(rates: Sequence[float | None]) -> str:
    """Returns a plot of the rates, oldest first, on a log axis."""
    points = [(run, math.log10(r)) for run, r in enumerate(rates, 1) if r is not None]
    if not points:
        return "No rate to draw."
    plt = _canvas()
    x, y = zip(*points, strict=True)
    plt.plot(x, y, marker="braille", color="blue")
    plt.scatter(x, y, marker="dot", color="red")
    low, high = math.floor(min(y)) - 0.1, math.ceil(max(y)) + 0.1
    plt.ylim(low, high)
    plt.xlim(0.5, len(rates) + 0.5)
    step = max(1, len(rates) // 20)
    plt.xticks(list(range(1, len(rates) + 1, step)))
    _rate_ticks(plt.yticks, low, high)
    plt.xlabel("result, oldest first")
    plt.ylabel("learning rate")
    return _drawn(plt)


def _canvas() -> Any:
    """Returns plotext, whose one figure per process is now empty."""
    import plotext

    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(min(width(), MAX_CURVE_WIDTH), CURVE_HEIGHT)
    return plotext


def _rate_ticks(set_ticks: Any, low: float, high: float) -> None:
    powers = range(math.ceil(low), math.floor(high) + 1)
    if powers:
        set_ticks(list(powers), [f"1e{power}" for power in powers])


def _drawn(plt: Any) -> str:
    text = str(plt.build())
    plt.clear_figure()
    return text if sys.stdout.isatty() else str(plt.uncolorize(text))
