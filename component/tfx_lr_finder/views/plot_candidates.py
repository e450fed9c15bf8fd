"""The short trainings in the picture: the held-out loss at each learning rate."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes

from tfx_lr_finder.range_test.candidates import Candidate
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.views.selection import distinct_probes, trainings

CANDIDATE_COLOR = "black"
PROBE_COLOR = "gray"
CHECK_COLOR = "tab:red"
UNTRAINED_COLOR = "tab:purple"
OUTSIDE = 0.97
"""Height of the marks for losses above the picture, as a fraction of the axes."""


def draw(ax: Axes, report: LRFinderReport) -> None:
    """Marks every training at its rate and its held-out loss.

    Args:
      ax: Where to draw.
      report: The report to draw; a loss that is not finite has no mark.
    """
    if report.untrained_loss is not None and math.isfinite(report.untrained_loss):
        ax.axhline(
            report.untrained_loss,
            color=UNTRAINED_COLOR,
            linewidth=0.9,
            linestyle="--",
            label=f"untrained model {report.untrained_loss:.4g}",
        )
    probes, candidates = distinct_probes(report), report.candidates
    check = report.final_check
    _mark(ax, probes, "o", PROBE_COLOR, 5, _label("probe", probes))
    _mark(ax, candidates, "D", CANDIDATE_COLOR, 6, _label("candidate", candidates))
    if check is not None:
        label = f"final check at {check.learning_rate:.3g}, {check.num_steps} steps"
        _mark(ax, (check,), "*", CHECK_COLOR, 13, label)


def draw_outside(ax: Axes, report: LRFinderReport) -> None:
    """Marks the trainings whose loss is above the picture or not finite, at its top.

    Args:
      ax: Where to draw; its limits must be final.
      report: The report to draw.
    """
    top = ax.get_ylim()[1]
    outside = [
        item.learning_rate for _, item in trainings(report) if not item.eval_loss <= top
    ]
    if outside:
        ax.plot(
            outside,
            [OUTSIDE] * len(outside),
            "^",
            transform=ax.get_xaxis_transform(),
            markerfacecolor="none",
            markeredgecolor=PROBE_COLOR,
            label="above the picture or not finite",
        )
        ax.legend(loc="best", fontsize="small")


def _label(kind: str, trained: Sequence[Candidate]) -> str:
    steps = sorted({item.num_steps for item in trained})
    return f"{kind}s, up to {steps[-1]} steps" if steps else kind


def _mark(
    ax: Axes,
    trained: Sequence[Candidate],
    marker: str,
    color: str,
    size: float,
    label: str,
) -> None:
    """Marks the trainings with a finite loss."""
    finite = [item for item in trained if math.isfinite(item.eval_loss)]
    if finite:
        ax.plot(
            [item.learning_rate for item in finite],
            [item.eval_loss for item in finite],
            marker,
            color=color,
            alpha=0.5 if color == PROBE_COLOR else 1.0,
            markersize=size,
            label=label,
        )
