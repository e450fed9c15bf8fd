"""Writes the views of a report as files next to it."""

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
    folder: str,
    report: LRFinderReport,
    labels: Mapping[str, str] | None = None,
    second_page: str | None = None,
) -> None:
    """Writes the picture, the page and the TensorBoard curves.

    A view that fails is logged and does not stop the others. Except for TensorBoard's
    files, each file is written completely or not at all. Call this before writing
    `result.json`, so that a folder with a result also has its views.

    Args:
      folder: A path or a uri; created if it does not exist.
      report: The report to show.
      labels: See `html.render`.
      second_page: Path or uri of a file that gets a copy of the page, or None.
    """
    picture = _attempt(CURVE_FILE, lambda: _picture(report))
    page = _attempt(REPORT_FILE, lambda: _page(report, picture, labels))
    _write(os.path.join(folder, CURVE_FILE), picture)
    _write(os.path.join(folder, REPORT_FILE), page)
    if second_page is not None:
        _write(second_page, page)
    _attempt("TensorBoard", lambda: _write_curves(folder, report))


def write_page(
    path: str, report: LRFinderReport, labels: Mapping[str, str] | None = None
) -> None:
    """Writes the page alone into a file of any name, or logs why it cannot.

    Args:
      path: A path or a uri.
      report: The report to show.
      labels: See `html.render`.
    """
    picture = _attempt(CURVE_FILE, lambda: _picture(report))
    _write(path, _attempt(REPORT_FILE, lambda: _page(report, picture, labels)))


def _attempt(name: str, make: Callable[[], bytes | None]) -> bytes | None:
    """Returns the output of `make`, or None with a log entry if it raises."""
    try:
        return make()
    except Exception:  # noqa: BLE001
        logging.error("LRFinder could not write %s: %s", name, traceback.format_exc())
        return None


def _picture(report: LRFinderReport) -> bytes:
    from tfx_lr_finder.views import plot

    return plot.png_bytes(report)


def _page(
    report: LRFinderReport,
    picture: bytes | None,
    labels: Mapping[str, str] | None,
) -> bytes:
    from tfx_lr_finder.views.html import page as html

    return html.render(report, picture=picture, labels=labels).encode()


def _write(path: str, content: bytes | None) -> None:
    """Writes a file, or logs why it cannot be written. None has been logged before."""
    if content is not None:
        _attempt(path, functools.partial(storage.write_whole, path, content))


def _write_curves(folder: str, report: LRFinderReport) -> None:
    from tfx_lr_finder.views import tensorboard

    tensorboard.write_curves(os.path.join(folder, tensorboard.FOLDER), report)
