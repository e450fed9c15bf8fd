"""What the commands share: the uri of a result, output formats and exit statuses."""

import os
import sys

import click

from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.range_test.verdict import Verdict
from tfx_lr_finder.result_file import RESULT_FILE, read_report

FAILED = 1
LOW_CONFIDENCE = 3
INCONCLUSIVE = 4
CHANGED = 5

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


def report_at(uri: str) -> LRFinderReport:
    """Returns the report at the uri of an artifact or of a `result.json`.

    Raises:
      ValueError: The report cannot be read.
    """
    folder, name = os.path.split(uri)
    if name == RESULT_FILE:
        return read_report(folder or ".")
    return read_report(uri.rstrip("/") or uri)
