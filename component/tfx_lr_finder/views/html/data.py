"""The numbers that the script of the page draws, in the types of JSON."""

import math
from typing import Any, TypeAlias

from tfx_lr_finder.range_test.candidates import Candidate
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.range_test.sweep import Sweep
from tfx_lr_finder.views import selection
from tfx_lr_finder.views.axis_limits import Limits, held_out_limits, sweep_limits

Json: TypeAlias = dict[str, Any]


def chart_data(report: LRFinderReport) -> Json:
    """Returns the numbers of all charts; None replaces those that are not finite.

    Args:
      report: The report to draw.
    """
    low, high = report.learning_rate_range or (None, None)
    return {
        "rate": report.learning_rate,
        "range": [low, high] if low is not None else None,
        "rates": [report.config.min_lr, report.config.max_lr],
        "sweeps": [_sweep(sweep, selection.stride(report)) for sweep in report.sweeps],
        "sweepLimits": _limits(sweep_limits(report)),
        "trainings": [_training(*item) for item in selection.trainings(report)],
        "untrained": _finite(report.untrained_loss),
        "heldOutLimits": _limits(held_out_limits(report)),
        "runs": _runs(report),
    }


def _sweep(sweep: Sweep, every: int) -> Json:
    points = selection.shown_points(len(sweep.learning_rates), every)
    smoothed = [point for point in points if point < len(sweep.smoothed_losses)]
    return {
        "points": [point + 1 for point in points],
        "rates": [_short(sweep.learning_rates[point]) for point in points],
        "losses": [_short(sweep.losses[point]) for point in points],
        "smoothed": [_short(sweep.smoothed_losses[point]) for point in smoothed],
        "stop": sweep.stop_reason.value,
        "completed": sweep.stop_reason.name == "COMPLETED",
    }


def _short(value: float) -> float | None:
    """Returns a number with seven digits, enough for a picture; None if not finite."""
    return float(f"{value:.7g}") if math.isfinite(value) else None


def _training(kind: str, item: Candidate) -> Json:
    return {
        "kind": kind,
        "rate": item.learning_rate,
        "loss": _finite(item.eval_loss),
        "trainLoss": _finite(item.train_loss),
        "steps": item.num_steps,
    }


def _runs(report: LRFinderReport) -> list[Json]:
    runs = [
        {"rate": item.learning_rate, "verdict": item.verdict.name, "when": item.when}
        for item in report.previous
    ]
    this = {
        "rate": report.learning_rate,
        "verdict": report.verdict.name,
        "when": "this run",
    }
    return [*runs, this]


def _limits(limits: Limits | None) -> list[float] | None:
    return None if limits is None else list(limits)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
