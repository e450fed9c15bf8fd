"""Exit statuses, and the options that decide them."""

import sys

import click

from tfx_lr_finder.range_test.verdict import Verdict

FAILED = 1
LOW_CONFIDENCE = 3
INCONCLUSIVE = 4
CHANGED = 5

NEVER = "never"
FAIL_ON_HELP = "Exit with 4 if the verdict is INCONCLUSIVE, 3 if it is LOW_CONFIDENCE."
CHOICES = (NEVER, "inconclusive", "low_confidence")


def exit_by_verdict(verdict: Verdict, fail_on: str) -> None:
    """Ends the process with the status of a verdict that was asked to count.

    Args:
      verdict: The verdict.
      fail_on: One of `CHOICES`; "low_confidence" counts INCONCLUSIVE too.
    """
    if verdict is Verdict.INCONCLUSIVE and fail_on != NEVER:
        sys.exit(INCONCLUSIVE)
    if verdict is Verdict.LOW_CONFIDENCE and fail_on == "low_confidence":
        sys.exit(LOW_CONFIDENCE)


fail_on_option = click.option(
    "--fail-on",
    type=click.Choice(CHOICES),
    default=NEVER,
    show_default=True,
    help=FAIL_ON_HELP,
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
