"""Whole files, local or remote; TFX and its file systems only for what is remote."""

import contextlib
import glob
import os
import secrets
from collections.abc import Callable, Sequence
from typing import Any

PART = ".part"
"""End of the name of a file that is being written."""


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


def read_bytes(path: str, most: int) -> bytes:
    """Returns the content of a file.

    Args:
      path: A path or a uri.
      most: No file larger than this is read, in bytes.

    Raises:
      FileNotFoundError: If there is no such file.
      ValueError: If it is larger.
      Exception: Whatever a remote file system raises.
    """
    content = read_start(path, most + 1)
    if len(content) > most:
        raise ValueError(f"{path} is larger than {most} bytes, which it cannot be.")
    return content


def read_start(path: str, num_bytes: int) -> bytes:
    """Returns the first bytes of a file, all if there are no more.

    Args:
      path: A path or a uri.
      num_bytes: How many.

    Raises:
      FileNotFoundError: If there is no such file.
      Exception: Whatever a remote file system raises.
    """
    if is_remote(path) and not exists(path):
        raise FileNotFoundError(path)
    opener = _fileio().open if is_remote(path) else open
    with opener(path, "rb") as file:
        content: bytes = file.read(num_bytes)
    return content


def exists(path: str) -> bool:
    """Returns whether there is such a file or folder.

    Args:
      path: A path or a uri.
    """
    return bool(_fileio().exists(path) if is_remote(path) else os.path.exists(path))


def write_whole(path: str, content: bytes | Sequence[bytes]) -> None:
    """Writes a file so that no reader ever sees a part of it.

    Under another name first, then renamed: a writer that is killed, or that finds the
    disk full, leaves the old file or none. Of two writers at once the last one counts.
    What killed writers of the same file left behind is deleted.

    Args:
      path: A path or a uri of a file; its folder is made if it does not exist.
      content: All of it, or its parts in order.

    Raises:
      OSError: If it cannot be written; nothing is left of it then.
      Exception: Whatever a remote file system raises.
    """
    parts = [content] if isinstance(content, bytes) else content
    write = _write_remote if is_remote(path) else _write_local
    for attempt in range(3):
        part = f"{path}.{secrets.token_hex(8)}{PART}"
        try:
            write(path, part, parts)
            return
        except FileNotFoundError:  # another writer of this file tidied up
            if attempt == 2:
                raise


def _write_local(path: str, part: str, parts: Sequence[bytes]) -> None:
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    for left in glob.glob(f"{glob.escape(path)}.*{PART}"):
        _without_fail(os.remove, left)
    try:
        with open(part, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        _without_fail(os.remove, part)
        raise


def _write_remote(path: str, part: str, parts: Sequence[bytes]) -> None:
    fileio = _fileio()
    fileio.makedirs(os.path.dirname(path))
    try:
        with fileio.open(part, "wb") as file:
            for content in parts:
                file.write(content)
        fileio.rename(part, path, overwrite=True)
    except BaseException:
        _without_fail(fileio.remove, part)
        raise


def remove(path: str) -> None:
    """Deletes a file.

    Args:
      path: A path or a uri.

    Raises:
      Exception: If it is not there or may not be deleted, whatever the file system
        raises then.
    """
    (_fileio().remove if is_remote(path) else os.remove)(path)


def list_folder(folder: str) -> list[str]:
    """Returns the names in a folder, none where there is no such folder.

    Args:
      folder: A path or a uri.
    """
    if is_remote(folder):
        fileio = _fileio()
        return sorted(fileio.listdir(folder)) if fileio.exists(folder) else []
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def _without_fail(act: Callable[[str], Any], path: str) -> None:
    with contextlib.suppress(Exception):
        act(path)


def _fileio() -> Any:
    # Here, and not at the top: with TensorFlow installed it takes ten seconds.
    from tfx.dsl.io import fileio

    return fileio
