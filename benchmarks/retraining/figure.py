"""The figure: rate and excess over the retrainings, LRFinder against a fixed rate."""

import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.retraining.score import BAD, FIXED, LAST_GOOD, Measured

MODES = {
    "light": {
        "background": "#ffffff",
        "text": "#1f2328",
        "faint": "#d1d9e0",
        FIXED: "#bc4c00",
        LAST_GOOD: "#0969da",
    },
    "dark": {
        "background": "#0d1117",
        "text": "#e6edf3",
        "faint": "#3d444d",
        FIXED: "#f0883e",
        LAST_GOOD: "#58a6ff",
    },
}
SIZE = (11.0, 6.0)
"""Width and height in inches."""


def write(spans: Sequence[Measured], path: pathlib.Path, mode: str) -> None:
    """Writes the figure as a PNG.

    Args:
      spans: All spans, those of a family in a row.
      path: The file.
      mode: "light" or "dark".
    """
    colors = MODES[mode]
    figure = Figure(figsize=SIZE, layout="constrained", facecolor=colors["background"])
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    for axes in (upper, lower):
        _style(axes, colors)
        _separate(axes, spans, colors)
    _rates(upper, spans, colors)
    _excess(lower, spans, colors)
    _name_families(upper, spans, colors)
    figure.savefig(path, format="png", dpi=110, facecolor=colors["background"])


def _style(axes: Axes, colors: dict[str, str]) -> None:
    axes.set_facecolor(colors["background"])
    axes.tick_params(colors=colors["text"])
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(colors["faint"])
    axes.yaxis.label.set_color(colors["text"])
    axes.xaxis.label.set_color(colors["text"])
    axes.grid(visible=True, axis="y", color=colors["faint"], linewidth=0.5, alpha=0.6)
    axes.set_axisbelow(True)


def _families(spans: Sequence[Measured]) -> list[tuple[str, int, int]]:
    """Returns name, first and last place of each family."""
    places: dict[str, list[int]] = {}
    for place, span in enumerate(spans):
        places.setdefault(span.family, []).append(place)
    return [(name, found[0], found[-1]) for name, found in places.items()]


def _separate(axes: Axes, spans: Sequence[Measured], colors: dict[str, str]) -> None:
    """Draws a line before each family, and shades the spans that cannot be learned."""
    for _, first, _ in _families(spans)[1:]:
        axes.axvline(first - 0.5, color=colors["faint"], linewidth=0.8)
    for place, span in enumerate(spans):
        if not span.learnable:
            axes.axvspan(
                place - 0.5, place + 0.5, color=colors["faint"], alpha=0.5, linewidth=0
            )


def _name_families(
    axes: Axes, spans: Sequence[Measured], colors: dict[str, str]
) -> None:
    for name, first, _ in _families(spans):
        axes.text(
            first - 0.35,
            1.01,
            name,
            transform=axes.get_xaxis_transform(),
            rotation=25,
            fontsize="small",
            color=colors["text"],
        )


def _lines(axes: Axes, spans: Sequence[Measured], values: Any, **style: Any) -> None:
    """Draws one line for each family."""
    label = style.pop("label")
    for _, first, last in _families(spans):
        places = np.arange(first, last + 1)
        axes.plot(places, [values(spans[p]) for p in places], label=label, **style)
        label = None


def _rates(axes: Axes, spans: Sequence[Measured], colors: dict[str, str]) -> None:
    good = [(place, span) for place, span in enumerate(spans) if span.learnable]
    axes.plot(
        [place for place, _ in good],
        [span.best()[0] for _, span in good],
        linestyle="none",
        marker="_",
        markersize=11,
        markeredgewidth=2.5,
        color=colors["text"],
        alpha=0.6,
        label="best in hindsight",
    )
    for name, label in ((FIXED, "hand-written on day 1"), (LAST_GOOD, "LRFinder")):
        _lines(
            axes,
            spans,
            lambda span, name=name: span.of(name).learning_rate,
            label=label,
            color=colors[name],
            marker="o",
            markersize=4,
            linewidth=1.5,
        )
    axes.set_yscale("log")
    axes.set_ylabel("learning rate")
    legend = axes.legend(loc="lower left", fontsize="small", frameon=False, ncols=3)
    for text in legend.get_texts():
        text.set_color(colors["text"])


def _excess(axes: Axes, spans: Sequence[Measured], colors: dict[str, str]) -> None:
    width = 0.36
    for shift, name in ((-0.5, FIXED), (0.5, LAST_GOOD)):
        heights = [
            max(0.0, float(np.mean(span.excess(name)))) if span.learnable else np.nan
            for span in spans
        ]
        axes.bar(
            np.arange(len(spans)) + shift * width, heights, width, color=colors[name]
        )
    axes.axhline(BAD, color=colors["text"], linewidth=0.8, linestyle=":")
    axes.set_ylim(0.0, 1.05)
    axes.set_xlim(-0.7, len(spans) - 0.3)
    axes.set_ylabel("share of the gain lost")
    axes.set_xlabel(
        "retraining (shaded: cannot be learned; "
        "above the dotted line: a bad model; bars end at 1, the untrained model)"
    )
    axes.set_xticks(np.arange(len(spans)), [str(span.span) for span in spans])
    axes.tick_params(axis="x", labelsize="small")
