"""Which points of long sweeps a page shows, so that it stays small."""

import math

from tfx_lr_finder.range_test.report import LRFinderReport

MAX_POINTS = 3000
"""Of all sweeps together; each takes about 80 bytes of the page."""


def stride(report: LRFinderReport) -> int:
    """Returns k where every k-th rung is shown; 1 for all but very long sweeps."""
    num_points = sum(len(sweep.learning_rates) for sweep in report.sweeps)
    return max(1, math.ceil(num_points / MAX_POINTS))


def shown_rungs(num_rungs: int, stride: int) -> list[int]:
    """Returns the rungs of a sweep to show: every k-th, and where it ended.

    Args:
      num_rungs: Rungs of the sweep, at least 1.
      stride: See `stride`.
    """
    rungs = list(range(0, num_rungs, stride))
    return rungs if rungs[-1] == num_rungs - 1 else [*rungs, num_rungs - 1]
