"""The views of a report as files beside it."""

import functools
import os
import traceback
from collections.abc import Callable, Mapping

from absl import logging

from tfx_lr_finder import storage
from tfx_lr_finder.range_test.report import LRFinderReport

CURVE_FILE = "learning_rate_curve.png"
REPORT_FILE = "report.html"


def write_views(
    folder: str, report: LRFinderReport, labels: Mapping[str, str] | None = None
) -> None:
    """Writes picture, page and TensorBoard curves; one that fails is logged, no more.

    Each file but TensorBoard's appears whole or not at all. Written before
    `result.json`, so that where that is, the views are.

    Args:
      folder: A path or a uri; made if it does not exist.
      report: What to show.
      labels: See `html.render`.
    """
    picture = _attempt(CURVE_FILE, lambda: _picture(report))
    if picture is not None:
        write = functools.partial(storage.write_whole, os.path.join(folder, CURVE_FILE))
        _attempt(CURVE_FILE, lambda: write(picture))
    _attempt(REPORT_FILE, lambda: _write_page(folder, report, picture, labels))
    _attempt("TensorBoard", lambda: _write_curves(folder, report))


def _attempt(name: str, make: Callable[[], bytes | None]) -> bytes | None:
    """Returns what `make` does; a good result outlives whatever a view raises."""
    try:
        return make()
    except Exception:  # noqa: BLE001
        logging.error("LRFinder: no %s: %s", name, traceback.format_exc())
        return None


def _picture(report: LRFinderReport) -> bytes:
    from tfx_lr_finder.views import plot

    return plot.png_bytes(report)


def _write_page(
    folder: str,
    report: LRFinderReport,
    picture: bytes | None,
    labels: Mapping[str, str] | None,
) -> None:
    from tfx_lr_finder.views.html import page as html

    page = html.render(report, picture=picture, labels=labels)
    storage.write_whole(os.path.join(folder, REPORT_FILE), page.encode())


def _write_curves(folder: str, report: LRFinderReport) -> None:
    from tfx_lr_finder.views import tensorboard

    tensorboard.write_curves(os.path.join(folder, tensorboard.FOLDER), report)
