"""The command `lr-finder` and what all its parts share."""

import logging
import os
import sys
import warnings
from typing import Any

import click

from tfx_lr_finder.cli import compare, export, history, run, show
from tfx_lr_finder.cli.status import FAILED
from tfx_lr_finder.version import __version__

EPILOG = """\b
Exit status, for scripts:
  0  done
  1  not done; one sentence on standard error says why
  2  wrong usage
  3  --fail-on low_confidence: the verdict is LOW_CONFIDENCE
  4  --fail-on: the verdict is INCONCLUSIVE, no rate was found
  5  --max-drift-decades: two rates are further apart
"""


class _Group(click.Group):
    """A group whose errors are one sentence on standard error and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.exceptions.Abort):  # RuntimeErrors too
            raise
        except (ValueError, OSError, RuntimeError, MemoryError) as error:
            if isinstance(error, BrokenPipeError) or ctx.obj == "debug":
                raise
            click.echo(f"lr-finder: {error}", err=True)
            ctx.exit(FAILED)


@click.group(
    cls=_Group,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="lr-finder")
@click.option(
    "--debug", is_flag=True, help="Show the logs, and errors with their traceback."
)
@click.pass_context
def main(ctx: click.Context, debug: bool) -> None:
    """Look at the learning rates that LRFinder found, compare them, find one.

    A URI is the folder of an LRFinderResult artifact: a path, or gs://, s3:// and
    whatever else TFX can read.
    """
    if debug:
        ctx.obj = "debug"
    else:
        # Before TensorFlow is loaded, if it is at all.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        ctx.with_resource(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        ctx.call_on_close(lambda: logging.disable(logging.NOTSET))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal of ASCII alone


for command in (show.show, history.history, compare.compare, export.export, run.run):
    main.add_command(command)
