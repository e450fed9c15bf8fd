"""What the commands share: the uri of a result, output formats and exit statuses."""

import os
import sys

import click

from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.range_test.verdict import Verdict
from tfx_lr_finder.result_file import RESULT_FILE, read_report, results_below

FAILED = 1
LOW_CONFIDENCE = 3
INCONCLUSIVE = 4
CHANGED = 5

MAX_LISTED = 10
"""The most results that an error lists."""
NEVER = "never"
FAIL_ON_HELP = "Exit with 4 if the verdict is INCONCLUSIVE, 3 if it is LOW_CONFIDENCE."
CHOICES = (NEVER, "inconclusive", "low_confidence")

fail_on_option = click.option(
    "--fail-on",
    type=click.Choice(CHOICES),
    default=NEVER,
    show_default=True,
    help=FAIL_ON_HELP,
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def exit_by_verdict(verdict: Verdict, fail_on: str) -> None:
    """Exits with the status of a verdict if `fail_on` includes the verdict.

    Args:
      verdict: The verdict.
      fail_on: One of `CHOICES`; "low_confidence" includes INCONCLUSIVE.
    """
    if verdict is Verdict.INCONCLUSIVE and fail_on != NEVER:
        sys.exit(INCONCLUSIVE)
    if verdict is Verdict.LOW_CONFIDENCE and fail_on == "low_confidence":
        sys.exit(LOW_CONFIDENCE)


def results_at(uri: str) -> list[str]:
    """Returns the folders of the results that a uri names.

    Args:
      uri: A `result.json`, its folder, or a folder somewhere above, such as that of a
        node or of a pipeline.

    Returns:
      At least one folder, the latest result of a node last. It is the folder of the uri
      itself if there is no result.
    """
    folder, name = os.path.split(uri)
    if name == RESULT_FILE:
        return [folder or "."]
    folder = uri.rstrip("/") or uri
    try:
        return results_below(folder) or [folder]
    except Exception:  # reading the result says what is wrong
        return [folder]


def report_at(uri: str) -> LRFinderReport:
    """Returns the only report at a uri; see `results_at`.

    Raises:
      ValueError: There are several, or the report cannot be read.
    """
    found = results_at(uri)
    if len(found) > 1:
        newest = "\n".join(found[-MAX_LISTED:])
        raise ValueError(
            f"There are {len(found)} results below {uri}. Pass one of them:\n{newest}"
        )
    return read_report(found[0])
