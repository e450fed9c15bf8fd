"""The frames of TFRecord files, read in large blocks and checked one by one."""

import functools
import gzip
import io
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn

import google_crc32c

_HEAD = struct.Struct("<QI")
_CHECKSUM = struct.Struct("<I")
_MASK = 0xA282EAD8
_BLOCK_BYTES = 1 << 18
_LONGEST_RECORD = 1 << 31


class Damaged(Exception):
    """What follows in a file cannot be read.

    Attributes:
      position: Bytes of the file that were read, as they are stored.
    """

    def __init__(self, reason: str, position: int) -> None:
        """Keeps the reason and the place."""
        super().__init__(reason)
        self.position = position


def read_tfrecords(raw: Any, compressed: bool) -> Iterator[bytes | None]:
    """Yields the records of a TFRecord file; None for one that is corrupt alone.

    Args:
      raw: The open file, as it is stored.
      compressed: Whether it is compressed by gzip.

    Raises:
      Damaged: The rest cannot be read.
      EOFError, OSError, zlib.error: The same, as the decompression says it.
    """
    read: Callable[[int], bytes] = raw.read
    if compressed:
        # `read1` hands on what comes before a damage, `read` would drop it.
        read = gzip.GzipFile(fileobj=raw, mode="rb").read1
    content, at = b"", 0  # what is read and not yet handed on begins at `at`
    while True:
        if len(content) < at + _HEAD.size:
            content, at = _more(read, content[at:], _HEAD.size), 0
            if not content:
                return
            if len(content) < _HEAD.size:
                damaged(raw, "it ends within the head of a record")
        length, checksum = _HEAD.unpack_from(content, at)
        if checksum != _checksum_of_length(length) or length > _LONGEST_RECORD:
            unread = 0 if compressed else len(content) - at
            reason = "the length of a record does not have its checksum"
            damaged(raw, reason, unread=unread)
        start, end = at + _HEAD.size, at + _HEAD.size + length
        if len(content) < end + _CHECKSUM.size:
            content = _more(read, content[at:], end - at + _CHECKSUM.size)
            start, end = start - at, end - at
            if len(content) < end + _CHECKSUM.size:
                unread = 0 if compressed else len(content)
                damaged(raw, "it ends within a record", unread=unread)
        record = content[start:end]
        is_whole = (_masked(record),) == _CHECKSUM.unpack_from(content, end)
        at = end + _CHECKSUM.size
        yield record if is_whole else None


def _more(read: Callable[[int], bytes], content: bytes, num_bytes: int) -> bytes:
    """Returns `content` and what follows, `num_bytes` in all, or more; less at the end.

    Args:
      read: Returns the next bytes, as many as it is given or fewer; none at the end.
      content: What is read already.
      num_bytes: What is needed.
    """
    parts = [content]
    missing = num_bytes - len(content)
    while missing > 0 and (part := read(max(missing, _BLOCK_BYTES))):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def pack_tfrecords(records: Iterable[bytes]) -> bytes:
    """Returns a compressed TFRecord file, the same bytes for the same records."""
    content = io.BytesIO()
    with gzip.GzipFile("", "wb", 6, content, mtime=0) as file:
        for record in records:
            length = len(record)
            file.write(_HEAD.pack(length, _checksum_of_length(length)))
            file.write(record)
            file.write(_CHECKSUM.pack(_masked(record)))
    return content.getvalue()


def damaged(
    raw: Any, reason: str, error: Exception | None = None, *, unread: int = 0
) -> NoReturn:
    """Raises `Damaged`, `unread` bytes before the place that `raw` is at."""
    try:
        position = int(raw.tell()) - unread
    except (OSError, ValueError):
        position = 0
    raise Damaged(reason, position) from error


@functools.lru_cache(4096)
def _checksum_of_length(length: int) -> int:
    """Returns the checksum of the length of a record; most lengths come again."""
    return _masked(length.to_bytes(8, "little"))


def _masked(data: bytes) -> int:
    """Returns the checksum of a TFRecord file for some bytes."""
    crc = int(google_crc32c.value(data))
    return ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF
