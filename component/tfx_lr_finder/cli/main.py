"""The command `lr-finder`."""

import logging
import os
import sys
import warnings
from typing import Any

import click

from tfx_lr_finder.cli import (
    advice,
    compare,
    export,
    history,
    run,
    show,
    terminal,
)
from tfx_lr_finder.cli.options import FAILED
from tfx_lr_finder.version import __version__

EPILOG = """\b
Exit status, for scripts:
  0  success
  1  error; one sentence on standard error says why
  2  wrong usage
  3  --fail-on low_confidence: the verdict is LOW_CONFIDENCE
  4  --fail-on: the verdict is INCONCLUSIVE
  5  --max-drift-decades: the two rates differ by more
"""


class _Group(click.Group):
    """A group whose errors are one sentence on standard error and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.exceptions.Abort):  # RuntimeErrors too
            raise
        except (click.ClickException, BrokenPipeError):
            raise
        except Exception as error:
            if ctx.obj == "debug":
                raise
            text = str(error)
            if not isinstance(error, ValueError | OSError | RuntimeError | MemoryError):
                text = f"{type(error).__name__}: {text}. --debug shows where."
            click.echo(f"lr-finder: {terminal.plain(advice(error) or text)}", err=True)
            ctx.exit(FAILED)


@click.group(
    cls=_Group,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="lr-finder")
@click.option("--debug", is_flag=True, help="Show logs, and the traceback of an error.")
@click.pass_context
def main(ctx: click.Context, debug: bool) -> None:
    """Show, compare and export the results of LRFinder, or find a learning rate.

    A URI is the folder of an LRFinderResult artifact: a path, or a gs://, s3:// or
    other uri that TFX can read.
    """
    if debug:
        ctx.obj = "debug"
        _show_logs(ctx)
    else:
        # TensorFlow reads it when it is imported.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        ctx.with_resource(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        ctx.call_on_close(lambda: logging.disable(logging.NOTSET))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # for an ASCII terminal


def _show_logs(ctx: click.Context) -> None:
    """Prints the log on standard error until the command ends."""
    from absl import logging as absl_logging  # imported late: seldom needed

    root, handler = logging.getLogger(), logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    levels = root.level, absl_logging.get_verbosity()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    absl_logging.set_verbosity(absl_logging.INFO)

    def undo() -> None:
        root.removeHandler(handler)
        root.setLevel(levels[0])
        absl_logging.set_verbosity(levels[1])

    ctx.call_on_close(undo)


for command in (show.show, history.history, compare.compare, export.export, run.run):
    main.add_command(command)
