"""Which points of long sweeps a page shows, so that it stays small."""

import math

from tfx_lr_finder.range_test.report import LRFinderReport

MAX_POINTS = 3000
"""Of all sweeps together; each takes about 80 bytes of the page."""


def stride(report: LRFinderReport) -> int:
    """Returns k where every k-th point is shown; 1 for all but very long sweeps."""
    num_points = sum(len(sweep.learning_rates) for sweep in report.sweeps)
    return max(1, math.ceil(num_points / MAX_POINTS))


def shown_points(num_rates: int, stride: int) -> list[int]:
    """Returns the points of a sweep to show: every k-th, and where it ended.

    Args:
      num_rates: Rungs of the sweep, at least 1.
      stride: See `stride`.
    """
    points = list(range(0, num_rates, stride))
    return points if points[-1] == num_rates - 1 else [*points, num_rates - 1]
