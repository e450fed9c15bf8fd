"""The command `lr-finder`: look at results, compare them, sweep without a pipeline."""

import sys

_DEPENDENCIES = ("click", "ml_metadata", "plotext", "rich", "tfx")


def command() -> None:
    """Runs the command. An installation without its dependencies gets one sentence."""
    try:
        from tfx_lr_finder.cli.main import main
    except ModuleNotFoundError as error:
        sys.exit(f"lr-finder: {advice(error) or error}")
    main()


def advice(error: Exception) -> str | None:
    """Returns what to do about a missing dependency; None for any other error."""
    name = error.name if isinstance(error, ModuleNotFoundError) else None
    missing = (name or "").partition(".")[0]
    if missing not in _DEPENDENCIES:
        return None
    return (
        f"this command needs {missing}, which is not installed. Install tfx-lr-finder "
        "with its dependencies."
    )
