"""Arguments that several benchmarks take."""

import argparse
import pathlib


def output_file(text: str) -> pathlib.Path:
    """Returns the path of a file to write, if its folder exists; for `argparse`.

    Raises:
      argparse.ArgumentTypeError: The folder does not exist, or the path is a folder.
    """
    path = pathlib.Path(text)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a folder. Name a file in it.")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(
            f"{path.parent} is not a folder. Create it, or name another file."
        )
    return path
