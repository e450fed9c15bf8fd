"""Whether this Python has TFX, and the command to use if it has not.

It imports the standard library only, so that it runs in every Python 3.10 and later.
"""

import importlib.util
import os
import pathlib
import shlex
import sys
from collections.abc import Sequence

ROOT = pathlib.Path(__file__).resolve().parents[1]


def problem(command_line: Sequence[str]) -> str | None:
    """What to do if TFX is not installed for this Python; None if it is.

    Args:
      command_line: The script and its arguments, to repeat in the right Python.
    """
    if importlib.util.find_spec("tfx") is not None:
        return None
    root = os.path.relpath(ROOT)
    make = "make venv" if root == "." else f"make -C {shlex.quote(root)} venv"
    script = os.path.join(root, ".ci", "venv.sh")
    return (
        f"TFX is not installed for {sys.executable}. Install this project with its "
        f"dependencies (some minutes, once) and use its Python: {make} && "
        f"{shlex.join([os.path.normpath(script), 'python', *command_line])}"
    )
