"""The parts of a report that the views show: every training once, some points."""

import math

from tfx_lr_finder.range_test.candidates import Candidate, excluding
from tfx_lr_finder.range_test.report import LRFinderReport

PROBE = "probe"
CANDIDATE = "candidate"
FINAL_CHECK = "final check"

MAX_POINTS = 3000
"""The most points of all sweeps together; each takes about 80 bytes of the page."""


def trainings(report: LRFinderReport) -> list[tuple[str, Candidate]]:
    """Returns every short training with its kind: probes, candidates, final check.

    Args:
      report: The report to show.
    """
    kinds = [(PROBE, item) for item in distinct_probes(report)]
    kinds += [(CANDIDATE, item) for item in report.candidates]
    if report.final_check is not None:
        kinds.append((FINAL_CHECK, report.final_check))
    return kinds


def distinct_probes(report: LRFinderReport) -> tuple[Candidate, ...]:
    """Returns the probes that are not candidates too."""
    return excluding(report.probes, report.candidates)


def stride(report: LRFinderReport) -> int:
    """Returns k if a view shows every k-th point; 1 except for very long sweeps."""
    num_points = sum(len(sweep.learning_rates) for sweep in report.sweeps)
    return max(1, math.ceil(num_points / MAX_POINTS))


def shown_points(num_rates: int, stride: int) -> list[int]:
    """Returns the indices of the points to show: every k-th point and the last.

    Args:
      num_rates: Rates of the sweep; 0 if the Trainer takes too few steps for one.
      stride: See `stride`.
    """
    points = list(range(0, num_rates, stride))
    if not points or points[-1] == num_rates - 1:
        return points
    return [*points, num_rates - 1]
