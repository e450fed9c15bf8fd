"""Keeps the report of an inconclusive test where it outlives the pod."""

import datetime
import os
import secrets
from collections.abc import Mapping

from absl import logging

from tfx_lr_finder import result_file
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.views import write as view_files


def keep(
    report: LRFinderReport,
    labels: Mapping[str, str],
    *,
    evidence_dir: str | None,
    default_folder: str | None,
) -> str:
    """Saves a report outside the outputs, which no backend keeps, and logs it.

    Args:
      report: The report of a test that fails its node.
      labels: The origin of the report by name.
      evidence_dir: The user's folder, which gets a new folder for the report; or None.
      default_folder: Folder to use without `evidence_dir`, or None.

    Returns:
      The sentence that says where the report is.
    """
    logging.error("LRFinder: the full report: %s", report.to_json())
    folder = _new_folder(evidence_dir) if evidence_dir else default_folder
    if not folder:
        return (
            "Only the log of this node has the report, because this pod itself cannot "
            "write to the pipeline root. Set evidence_dir to a folder that it can "
            "write to: gs:// or a mounted path."
        )
    try:
        view_files.write_views(folder, report, labels)
        result_file.write_report(folder, report)
    except Exception as error:  # must not hide the verdict
        return (
            f"Only the log of this node has the report, because {folder} cannot be "
            f"written: {type(error).__name__}: {error}."
        )
    return f"The report, its curve and its pictures are in {folder}"


def _new_folder(parent: str) -> str:
    """Returns a path that no other execution uses."""
    now = datetime.datetime.now(datetime.timezone.utc)
    name = f"lr_finder-{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    return os.path.join(parent, name)
