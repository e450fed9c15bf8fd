"""Whole files, local or remote; TFX and its file systems only for what is remote."""

import os
from typing import Any


def is_remote(path: str) -> bool:
    """Returns whether a path is a uri of another file system than the local one."""
    return "://" in path


def read_text(path: str) -> str:
    """Returns the text of a file.

    Args:
      path: A path or a uri.

    Raises:
      FileNotFoundError: If there is no such file.
      Exception: Whatever a remote file system raises.
    """
    if not is_remote(path):
        with open(path, encoding="utf-8") as local:
            return local.read()
    fileio = _fileio()
    if not fileio.exists(path):
        raise FileNotFoundError(path)
    with fileio.open(path, "r") as remote:
        text = remote.read()
    return text if isinstance(text, str) else text.decode("utf-8")


def write_whole(path: str, content: bytes) -> None:
    """Writes a file so that no reader ever sees a part of it.

    On a local disk under another name first; object stores show a whole object only.

    Args:
      path: A path or a uri of a file; its folder is made if it does not exist.
      content: All of it.
    """
    if is_remote(path):
        fileio = _fileio()
        fileio.makedirs(os.path.dirname(path))
        with fileio.open(path, "wb") as remote:
            remote.write(content)
        return
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    part = f"{path}.part"
    with open(part, "wb") as local:
        local.write(content)
    os.replace(part, path)


def _fileio() -> Any:
    # Here, and not at the top: with TensorFlow installed it takes ten seconds.
    from tfx.dsl.io import fileio

    return fileio
