"""Reading and writing whole files.

Local files need nothing. Remote ones are read by TFX, or by TensorFlow if TFX is not
installed.
"""

import contextlib
import glob
import os
import secrets
import types
from collections.abc import Callable, Sequence
from typing import Any

PART = ".part"
"""Suffix of a file that is being written."""


def is_remote(path: str) -> bool:
    """Returns whether a path is the uri of a remote file system."""
    return "://" in path


def read_text(path: str) -> str:
    """Returns the text of a file.

    Args:
      path: A path or a uri.

    Raises:
      FileNotFoundError: There is no such file.
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


def read_bytes(path: str, max_bytes: int) -> bytes:
    """Returns the content of a file.

    Args:
      path: A path or a uri.
      max_bytes: Largest size of the file, in bytes.

    Raises:
      FileNotFoundError: There is no such file.
      ValueError: The file is larger.
      Exception: Whatever a remote file system raises.
    """
    content = read_start(path, max_bytes + 1)
    if len(content) > max_bytes:
        raise ValueError(
            f"{path} is larger than {max_bytes} bytes, the most that LRFinder reads. "
            "Check the path."
        )
    return content


def read_start(path: str, num_bytes: int) -> bytes:
    """Returns the first bytes of a file, or all if it is shorter.

    Args:
      path: A path or a uri.
      num_bytes: Number of bytes.

    Raises:
      FileNotFoundError: There is no such file.
      Exception: Whatever a remote file system raises.
    """
    if is_remote(path) and not exists(path):
        raise FileNotFoundError(path)
    opener = _fileio().open if is_remote(path) else open
    with opener(path, "rb") as file:
        content: bytes = file.read(num_bytes)
    return content


def exists(path: str) -> bool:
    """Returns whether a file or folder exists.

    Args:
      path: A path or a uri.
    """
    return bool(_fileio().exists(path) if is_remote(path) else os.path.exists(path))


def is_folder(path: str) -> bool:
    """Returns whether a folder exists.

    Args:
      path: A path or a uri.
    """
    return bool(_fileio().isdir(path) if is_remote(path) else os.path.isdir(path))


def modified_at(path: str) -> float | None:
    """Returns when a file was last written, in seconds since 1970.

    Args:
      path: A path or a uri.

    Returns:
      The time, or None if the file system does not know it.

    Raises:
      Exception: Whatever the file system raises if the file does not exist.
    """
    if not is_remote(path):
        return os.path.getmtime(path)
    # Imported late: it takes seconds. TFX's own interface has no times.
    import tensorflow as tf

    seconds: float = tf.io.gfile.stat(path).mtime_nsec / 1e9
    return seconds if seconds > 0 else None


def write_whole(path: str, content: bytes | Sequence[bytes]) -> None:
    """Writes a file atomically: a reader never sees a part of it.

    The function writes under another name and renames the file at the end. If the
    writer is killed or the disk is full, the old file stays, if there was one. Of two
    concurrent writers, the last one wins. The function also deletes the partial files
    of killed writers.

    Args:
      path: A path or a uri of a file; its folder is created if it does not exist.
      content: The whole content, or its parts in order.

    Raises:
      OSError: The file cannot be written. No partial file is left.
      Exception: Whatever a remote file system raises.
    """
    parts = [content] if isinstance(content, bytes) else content
    write = _write_remote if is_remote(path) else _write_local
    for attempt in range(3):
        part = f"{path}.{secrets.token_hex(8)}{PART}"
        try:
            write(path, part, parts)
            return
        except FileNotFoundError:  # another writer deleted our partial file
            if attempt == 2:
                raise


def _write_local(path: str, part: str, parts: Sequence[bytes]) -> None:
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    for partial in glob.glob(f"{glob.escape(path)}.*{PART}"):
        _ignore_errors(os.remove, partial)
    try:
        with open(part, "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        _ignore_errors(os.remove, part)
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
        _ignore_errors(fileio.remove, part)
        raise


def remove(path: str) -> None:
    """Deletes a file.

    Args:
      path: A path or a uri.

    Raises:
      Exception: Whatever the file system raises if the file does not exist or may not
        be deleted.
    """
    (_fileio().remove if is_remote(path) else os.remove)(path)


def list_folder(folder: str) -> list[str]:
    """Returns the names in a folder, or an empty list if it does not exist.

    Args:
      folder: A path or a uri.
    """
    if is_remote(folder):
        fileio = _fileio()
        return sorted(fileio.listdir(folder)) if fileio.exists(folder) else []
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def _ignore_errors(act: Callable[[str], Any], path: str) -> None:
    with contextlib.suppress(Exception):
        act(path)


def _fileio() -> Any:
    # Imported late: with TensorFlow installed it takes ten seconds.
    try:
        from tfx.dsl.io import fileio
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "tfx":
            raise
        from tensorflow.io import gfile

        names = ("exists", "isdir", "listdir", "makedirs", "remove", "rename")
        functions = {name: getattr(gfile, name) for name in names}
        return types.SimpleNamespace(open=gfile.GFile, **functions)
    return fileio
