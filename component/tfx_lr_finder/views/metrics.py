"""A report as scalars, for consoles that show numbers."""

import math

from tfx_lr_finder.range_test.report import LRFinderReport


def metrics(report: LRFinderReport) -> dict[str, float]:
    """Returns the rate, its range, the losses and the cost by name, if finite.

    Args:
      report: The report to show.
    """
    low, high = report.learning_rate_range or (None, None)
    check = report.final_check
    values = {
        "learning_rate": report.learning_rate,
        "min_learning_rate": low,
        "max_learning_rate": high,
        "untrained_loss": report.untrained_loss,
        "held_out_loss": check.eval_loss if check else None,
        "steps_spent": report.steps_spent,
        "seconds": round(sum(report.seconds.values()), 3),
    }
    return {
        name: float(value)
        for name, value in values.items()
        if value is not None and math.isfinite(value)
    }
