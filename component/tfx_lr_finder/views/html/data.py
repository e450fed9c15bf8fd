"""The numbers that the script of the page draws, in the types of JSON."""

from typing import Any, TypeAlias

from tfx_lr_finder.range_test.candidates import Candidate
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.range_test.report_json import to_plain
from tfx_lr_finder.range_test.sweep import Sweep
from tfx_lr_finder.views import selection
from tfx_lr_finder.views.axis_limits import held_out_limits, sweep_limits

Json: TypeAlias = dict[str, Any]


def chart_data(report: LRFinderReport) -> Json:
    """Returns the numbers of all charts; None replaces those that are not finite.

    Args:
      report: The report to draw.
    """
    data = {
        "rate": report.learning_rate,
        "range": report.learning_rate_range,
        "rates": [report.config.min_lr, report.config.max_lr],
        "sweeps": [_sweep(sweep, selection.stride(report)) for sweep in report.sweeps],
        "sweepLimits": sweep_limits(report),
        "trainings": [_training(*item) for item in selection.trainings(report)],
        "untrained": report.untrained_loss,
        "heldOutLimits": held_out_limits(report),
        "runs": _runs(report),
    }
    plain: Json = to_plain(data)
    return plain


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


def _short(value: float) -> float:
    """Returns a number with seven digits, enough for a picture."""
    return float(f"{value:.7g}")


def _training(kind: str, item: Candidate) -> Json:
    return {
        "kind": kind,
        "rate": item.learning_rate,
        "loss": item.eval_loss,
        "trainLoss": item.train_loss,
        "steps": item.num_steps,
    }


def _runs(report: LRFinderReport) -> list[Json]:
    runs = [
        (item.learning_rate, item.verdict.name, item.when) for item in report.previous
    ]
    runs.append((report.learning_rate, report.verdict.name, "this run"))
    names = ("rate", "verdict", "when")
    return [dict(zip(names, run, strict=True)) for run in runs]
