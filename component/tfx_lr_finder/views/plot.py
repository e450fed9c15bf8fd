"""The picture of a range test: loss over learning rate."""

import io
import textwrap
from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tfx_lr_finder.range_test.result import LRFinderReport
from tfx_lr_finder.views import held_out

SWEEP_COLOR = "tab:blue"
RANGE_COLOR = "tab:green"
SUGGESTION_COLOR = "red"
SIZE = (8.0, 5.0)
"""Width and height of a picture with one panel, in inches."""
TALL_SIZE = (8.0, 7.5)
"""Width and height of a picture with two panels, in inches."""
TITLE_WIDTH = 90
MARGIN = 0.08
HEADROOM = 0.5


def draw_figure(report: LRFinderReport) -> Figure:
    """Returns a figure of its own, which no pyplot knows.

    One panel where nothing was confirmed. Otherwise two over one axis of rates: above,
    the sweeps' training loss; below, the held-out loss of all that was trained.

    Args:
      report: What to draw.
    """
    if not held_out.has_any(report):
        figure = Figure(figsize=SIZE, layout="constrained")
        plot_report(report, figure.add_subplot())
        return figure
    figure = Figure(figsize=TALL_SIZE, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    _draw_sweeps(upper, report)
    _draw_suggestion(upper, report)
    _finish(upper, report, "training loss of the batch", _sweep_limits(report))
    upper.set_xlabel("")
    upper.set_title(_title(report), fontsize="medium")
    held_out.draw(lower, report)
    _draw_suggestion(lower, report, labelled=False)
    _finish(lower, report, "held-out loss", held_out.limits(report))
    held_out.draw_outside(lower, report)
    return figure


def plot_report(report: LRFinderReport, ax: Axes | None = None) -> Axes:
    """Returns the axes with all of a report in one panel.

    Unlike a plot of the raw losses, the y axis covers the smoothed curves and little
    above their start: the end of a sweep that diverged leaves the picture.

    Args:
      report: What to draw; a report without a suggestion is drawn without one.
      ax: Where to draw; None makes a figure of its own, which no pyplot knows.

    Returns:
      The axes.
    """
    if ax is None:
        ax = Figure(figsize=SIZE, layout="constrained").add_subplot()
    _draw_sweeps(ax, report)
    held_out.draw(ax, report)
    _draw_suggestion(ax, report)
    label = "training loss of the batch"
    label = f"{label}, held-out loss" if held_out.has_any(report) else label
    _finish(ax, report, label, _both(_sweep_limits(report), held_out.limits(report)))
    ax.set_title(_title(report), fontsize="medium")
    return ax


def png_bytes(report: LRFinderReport) -> bytes:
    """Returns the picture as a PNG.

    Args:
      report: What to draw.
    """
    figure = draw_figure(report)
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def write_png(report: LRFinderReport, path: str) -> None:
    """Writes the picture.

    Args:
      report: What to draw.
      path: A path or a uri of a file, whose folder exists.
    """
    from tfx.dsl.io import fileio

    with fileio.open(path, "wb") as file:
        file.write(png_bytes(report))


def _title(report: LRFinderReport) -> str:
    """Returns the verdict, and its first reason or what it means."""
    reason = report.reasons[0] if report.reasons else report.verdict.value
    return textwrap.fill(f"{report.verdict.name}: {reason}", TITLE_WIDTH)


def _finish(
    ax: Axes, report: LRFinderReport, loss: str, limits: tuple[float, float] | None
) -> None:
    """Sets the scale, the labels, the limits, the grid and the legend."""
    ax.set_xscale("log")
    if limits is not None:
        ax.set_ylim(*limits)
    else:
        ax.set_xlim(report.config.min_lr, report.config.max_lr)
        ax.set_yticks([])
        ax.text(0.5, 0.5, "no finite loss", ha="center", transform=ax.transAxes)
    ax.set_xlabel("learning rate (log scale)")
    ax.set_ylabel(loss)
    ax.grid(visible=True, which="major", alpha=0.3)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="best", fontsize="small")


def _draw_sweeps(ax: Axes, report: LRFinderReport) -> None:
    """Draws the losses of every sweep as points, smoothed as a curve."""
    for number, sweep in enumerate(report.sweeps):
        ax.plot(
            sweep.learning_rates,
            sweep.losses,
            ".",
            color=SWEEP_COLOR,
            alpha=0.3,
            markersize=4,
            label="loss of each rung" if number == 0 else None,
        )
        ax.plot(
            sweep.learning_rates[: len(sweep.smoothed_losses)],
            sweep.smoothed_losses,
            color=SWEEP_COLOR,
            alpha=0.9,
            linewidth=1.5,
            label="smoothed loss of each sweep" if number == 0 else None,
        )


def _draw_suggestion(
    ax: Axes, report: LRFinderReport, *, labelled: bool = True
) -> None:
    """Shades the range and marks the suggestion in red."""
    low, high = report.learning_rate_range or (0.0, 0.0)
    if low < high:
        label = f"range {low:.3g} to {high:.3g}" if labelled else None
        ax.axvspan(low, high, color=RANGE_COLOR, alpha=0.15, label=label)
    if report.learning_rate is not None:
        schedule = report.config.schedule
        peak = "" if schedule == "constant" else f", peak for {schedule}"
        label = f"learning rate {report.learning_rate:.3g} ({report.source}{peak})"
        ax.axvline(
            report.learning_rate,
            color=SUGGESTION_COLOR,
            linewidth=2.0,
            label=label if labelled else None,
        )


def _sweep_limits(report: LRFinderReport) -> tuple[float, float] | None:
    """Returns the y limits, or None where no loss is finite.

    From the lowest to the highest point of the curves before they blow up, and as
    far as four fifths of the points at their start reach.
    """
    curves = [_finite(sweep.smoothed_losses) for sweep in report.sweeps]
    curves = [curve for curve in curves if curve.size]
    if not curves:
        return None
    starts = [curve[: max(1, curve.size // 3)] for curve in curves]
    points = [
        _finite(sweep.losses[: max(1, len(sweep.smoothed_losses) // 3)])
        for sweep in report.sweeps
    ]
    spread = np.quantile(np.concatenate([*points, *starts]), (0.1, 0.9))
    low = min(float(spread[0]), *(float(curve.min()) for curve in curves))
    start = max(float(spread[1]), *(float(curve.max()) for curve in starts))
    followed = start + HEADROOM * (start - low)
    top = max(start, min(max(float(curve.max()) for curve in curves), followed))
    margin = MARGIN * (top - low) or MARGIN * abs(top) or MARGIN
    return low - margin, top + margin


def _both(
    first: tuple[float, float] | None, second: tuple[float, float] | None
) -> tuple[float, float] | None:
    """Returns limits that hold both."""
    if first is None or second is None:
        return first or second
    return min(first[0], second[0]), max(first[1], second[1])


def _finite(values: Iterable[float]) -> Any:
    """Returns the finite values, float64 `[<= n]`."""
    array = np.fromiter(values, dtype=np.float64)
    return array[np.isfinite(array)]
