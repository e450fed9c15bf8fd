"""The picture of a range test: loss over learning rate."""

import io
import math
import textwrap
from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tfx_lr_finder.range_test.result import LRFinderReport

SWEEP_COLOR = "tab:blue"
RANGE_COLOR = "tab:green"
SUGGESTION_COLOR = "red"
CANDIDATE_COLOR = "black"
SIZE = (8.0, 5.0)
"""Width and height of a picture, in inches."""
TITLE_WIDTH = 80
MARGIN = 0.08
HEADROOM = 0.5


def plot_report(report: LRFinderReport, ax: Axes | None = None) -> Axes:
    """Returns the axes with the curve of every sweep and the suggestion.

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
    ax.set_xscale("log")
    for number, sweep in enumerate(report.sweeps):
        rates = sweep.learning_rates
        ax.plot(
            rates,
            sweep.losses,
            ".",
            color=SWEEP_COLOR,
            alpha=0.3,
            markersize=4,
            label="loss of each rung" if number == 0 else None,
        )
        ax.plot(
            rates[: len(sweep.smoothed_losses)],
            sweep.smoothed_losses,
            color=SWEEP_COLOR,
            alpha=0.9,
            linewidth=1.5,
            label="smoothed loss of each sweep" if number == 0 else None,
        )
    _draw_candidates(ax, report)
    _draw_suggestion(ax, report)
    limits = _loss_limits(report)
    if limits is not None:
        ax.set_ylim(*limits)
    ax.set_xlabel("learning rate (log scale)")
    ax.set_ylabel("training loss of the batch")
    ax.set_title(_title(report), fontsize="medium")
    ax.grid(visible=True, which="major", alpha=0.3)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="best")
    return ax


def png_bytes(report: LRFinderReport) -> bytes:
    """Returns the picture as a PNG.

    Args:
      report: What to draw.
    """
    figure = Figure(figsize=SIZE, layout="constrained")
    FigureCanvasAgg(figure)
    plot_report(report, figure.add_subplot())
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
    """Returns the verdict, and its first reason or why the sweeps ended."""
    reason = report.reasons[0] if report.reasons else report.stop_reason.value
    return textwrap.fill(f"{report.verdict.name}: {reason}", TITLE_WIDTH)


def _draw_suggestion(ax: Axes, report: LRFinderReport) -> None:
    """Shades the range and marks the suggestion in red."""
    low, high = report.learning_rate_range or (0.0, 0.0)
    if low < high:
        label = f"range {low:.3g} to {high:.3g}"
        ax.axvspan(low, high, color=RANGE_COLOR, alpha=0.15, label=label)
    if report.learning_rate is not None:
        ax.axvline(
            report.learning_rate,
            color=SUGGESTION_COLOR,
            linewidth=2.0,
            label=f"learning rate {report.learning_rate:.3g} ({report.source})",
        )


def _draw_candidates(ax: Axes, report: LRFinderReport) -> None:
    """Marks the held-out loss of every candidate that was trained."""
    trained = [c for c in report.candidates if math.isfinite(c.eval_loss)]
    if trained:
        ax.plot(
            [candidate.learning_rate for candidate in trained],
            [candidate.eval_loss for candidate in trained],
            "D",
            color=CANDIDATE_COLOR,
            markersize=6,
            label="held-out loss of each candidate",
        )


def _loss_limits(report: LRFinderReport) -> tuple[float, float] | None:
    """Returns the y limits, or None where no loss is finite.

    From the lowest to the highest point of the curves before they blow up; a
    candidate that did well is in the picture, one that did badly need not be.
    """
    curves = [_finite(sweep.smoothed_losses) for sweep in report.sweeps]
    curves = [curve for curve in curves if curve.size]
    if not curves:
        return None
    candidates = _finite(candidate.eval_loss for candidate in report.candidates)
    low = min(*(curve.min() for curve in curves), *candidates, math.inf)
    start = max(float(curve[: max(1, curve.size // 3)].max()) for curve in curves)
    top = min(max(float(curve.max()) for curve in curves), _above(start, low))
    top = max(top, start)
    margin = MARGIN * (top - low) or MARGIN * abs(top) or MARGIN
    return float(low - margin), float(top + margin)


def _above(start: float, low: float) -> float:
    """Returns how high a rising curve is followed."""
    return start + HEADROOM * (start - low)


def _finite(values: Iterable[float]) -> Any:
    """Returns the finite values, float64 `[<= n]`."""
    array = np.fromiter(values, dtype=np.float64)
    return array[np.isfinite(array)]
