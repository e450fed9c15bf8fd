"""The picture of a range test: the loss at each learning rate."""

import io
import textwrap

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.views import axis_limits, plot_candidates
from tfx_lr_finder.views.selection import trainings

SWEEP_COLOR = "tab:blue"
RANGE_COLOR = "tab:green"
SUGGESTION_COLOR = "red"
SIZE = (8.0, 5.0)
"""Width and height of a picture with one panel, in inches."""
TALL_SIZE = (8.0, 7.5)
"""Width and height of a picture with two panels, in inches."""
TITLE_WIDTH = 90
TRAINING_LOSS = "training loss"


def draw_figure(report: LRFinderReport) -> Figure:
    """Returns a new figure, which pyplot does not track.

    It has one panel if no rate was confirmed. Otherwise it has two, which share the
    axis of rates: the training loss of the sweeps above, the held-out loss of the short
    trainings below.

    Args:
      report: The report to draw.
    """
    if not trainings(report):
        figure = Figure(figsize=SIZE, layout="constrained")
        plot_report(report, figure.add_subplot())
        return figure
    figure = Figure(figsize=TALL_SIZE, layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    _draw_sweeps(upper, report)
    _draw_suggestion(upper, report)
    _finish(upper, report, TRAINING_LOSS, axis_limits.sweep_limits(report))
    upper.set_xlabel("")
    upper.set_title(_title(report), fontsize="medium")
    plot_candidates.draw(lower, report)
    _draw_suggestion(lower, report, labelled=False)
    _finish(lower, report, "held-out loss", axis_limits.held_out_limits(report))
    plot_candidates.draw_outside(lower, report)
    return figure


def plot_report(report: LRFinderReport, ax: Axes | None = None) -> Axes:
    """Returns the axes with the whole report in one panel.

    Unlike a plot of the raw losses, the y axis ends a little above the start of the
    smoothed curves, so the end of a diverging sweep is outside the picture.

    Args:
      report: The report to draw; it may have no suggestion.
      ax: Where to draw. None makes a new figure, which pyplot does not track.

    Returns:
      The axes.
    """
    if ax is None:
        ax = Figure(figsize=SIZE, layout="constrained").add_subplot()
    _draw_sweeps(ax, report)
    plot_candidates.draw(ax, report)
    _draw_suggestion(ax, report)
    label = TRAINING_LOSS + (", held-out loss" if trainings(report) else "")
    shown = axis_limits.union(
        axis_limits.sweep_limits(report), axis_limits.held_out_limits(report)
    )
    _finish(ax, report, label, shown)
    ax.set_title(_title(report), fontsize="medium")
    return ax


def png_bytes(report: LRFinderReport) -> bytes:
    """Returns the picture as a PNG.

    Args:
      report: The report to draw.
    """
    figure = draw_figure(report)
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _title(report: LRFinderReport) -> str:
    """Returns the verdict with its first reason, or else its meaning."""
    reason = report.reasons[0] if report.reasons else report.verdict.value
    return textwrap.fill(f"{report.verdict.name}: {reason}", TITLE_WIDTH)


def _finish(
    ax: Axes, report: LRFinderReport, loss: str, shown: axis_limits.Limits | None
) -> None:
    """Sets the scale, the labels, the limits, the grid and the legend."""
    ax.set_xscale("log")
    if shown is not None:
        ax.set_ylim(*shown)
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
    """Draws the losses of every sweep as points and the smoothed losses as a curve."""
    for number, sweep in enumerate(report.sweeps):
        ax.plot(
            sweep.learning_rates,
            sweep.losses,
            ".",
            color=SWEEP_COLOR,
            alpha=0.3,
            markersize=4,
            label="loss at each rate" if number == 0 else None,
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
