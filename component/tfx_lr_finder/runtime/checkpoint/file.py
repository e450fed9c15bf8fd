"""The checkpoint of a range test as bytes, and back; nothing in it can be executed.

A line of magic, a SHA-256 of the rest, the length of a JSON header, the header, then
raw little-endian numbers: the journal's, and the state's. What is read is believed
only where every length adds up.
"""

import dataclasses
import hashlib
import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfx_lr_finder.runtime.checkpoint.journal import BEGINNINGS, KINDS, TRAIN, Event

MAGIC = b"tfx-lr-finder checkpoint 1\n"
MOST_HEADER_BYTES = 16 * 1024**2
"""A test of a million chunks has less."""

_LENGTH = struct.Struct("<Q")
_FIXED_BYTES = len(MAGIC) + hashlib.sha256().digest_size + _LENGTH.size


class CheckpointError(ValueError):
    """A file that is no checkpoint, or a damaged one."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Saved:
    """What a checkpoint holds.

    Attributes:
      fingerprint: What the test depends on, a digest of each by name.
      events: What the training loop was asked and returned.
      state: The variables after the last event, each as its bytes; None where the
        last event ends a sweep or candidate.
    """

    fingerprint: Mapping[str, str]
    events: tuple[Event, ...]
    state: tuple[bytes, ...] | None = None


def encode(saved: Saved) -> list[bytes]:
    """Returns the parts of the file, to be written one after the other."""
    numbers = [[event.learning_rate, *event.values] for event in saved.events]
    journal = np.array([x for row in numbers for x in row], "<f8").tobytes()
    header = {
        "fingerprint": dict(saved.fingerprint),
        "events": [[event.kind, len(event.values)] for event in saved.events],
        "state": None if saved.state is None else [len(part) for part in saved.state],
    }
    text = json.dumps(header, allow_nan=False).encode()
    parts = [_LENGTH.pack(len(text)), text, journal, *(saved.state or ())]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return [MAGIC, digest.digest(), *parts]


def decode(content: bytes) -> Saved:
    """Returns what `encode` was given.

    Args:
      content: The whole file.

    Raises:
      CheckpointError: It is not what `encode` returned, to the last bit.
    """
    header, rest = _header(content)
    try:
        fingerprint, shapes = header["fingerprint"], header["events"]
        sizes = header["state"]
        _check_header(fingerprint, shapes, sizes)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"its header is damaged: {error}") from error
    num_bytes = 8 * sum(1 + length for _, length in shapes)
    if len(rest) != num_bytes + sum(sizes or ()):
        raise CheckpointError(
            f"it has {len(rest)} bytes of numbers, and its header says "
            f"{num_bytes + sum(sizes or ())}"
        )
    numbers = np.frombuffer(rest[:num_bytes], "<f8")
    events, at = [], 0
    for kind, length in shapes:
        values = numbers[at + 1 : at + 1 + length].astype(np.float64)
        rate = float(numbers[at])
        events.append(Event(kind=kind, learning_rate=rate, values=values))
        at += 1 + length
    state = None
    if sizes is not None:
        ends = num_bytes + np.cumsum([0, *sizes])
        pairs = zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)
        state = tuple(bytes(rest[start:end]) for start, end in pairs)
    return Saved(fingerprint=fingerprint, events=tuple(events), state=state)


def fingerprint_of(start: bytes) -> dict[str, str]:
    """Returns the fingerprint of a checkpoint of which only the start was read.

    Args:
      start: Some first bytes of the file; its checksum cannot be checked.

    Raises:
      CheckpointError: It is no checkpoint, or its header is longer than that.
    """
    if not start.startswith(MAGIC) or len(start) < _FIXED_BYTES:
        raise CheckpointError("it is no checkpoint of this version, or cut short")
    header, _ = _parsed(memoryview(start)[_FIXED_BYTES - _LENGTH.size :])
    fingerprint = header.get("fingerprint")
    if not isinstance(fingerprint, dict):
        raise CheckpointError("its header is damaged")
    return fingerprint


def _header(content: bytes) -> tuple[dict[str, Any], memoryview]:
    """Returns the header, and the numbers after it."""
    if not content.startswith(MAGIC) or len(content) < _FIXED_BYTES:
        raise CheckpointError("it is no checkpoint of this version, or cut short")
    rest = memoryview(content)[_FIXED_BYTES - _LENGTH.size :]
    if hashlib.sha256(rest).digest() != content[len(MAGIC) : -len(rest)]:
        raise CheckpointError("its checksum is wrong: it is damaged or cut short")
    return _parsed(rest)


def _parsed(rest: memoryview) -> tuple[dict[str, Any], memoryview]:
    """Returns the header that follows its length, and what comes after it."""
    (length,) = _LENGTH.unpack(rest[: _LENGTH.size])
    if length > min(MOST_HEADER_BYTES, len(rest) - _LENGTH.size):
        raise CheckpointError(f"its header cannot be {length} bytes long")
    text = bytes(rest[_LENGTH.size : _LENGTH.size + length])
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"its header is no JSON: {error}") from error
    if not isinstance(header, dict):
        raise CheckpointError("its header is no JSON object")
    return header, rest[_LENGTH.size + length :]


def _check_header(fingerprint: Any, shapes: Any, sizes: Any) -> None:
    """Raises ValueError or TypeError where a header is not as `encode` makes it."""
    if not isinstance(fingerprint, dict) or not all(
        isinstance(text, str) for text in fingerprint.values()
    ):
        raise ValueError("the fingerprint is no object of strings")
    for kind, length in shapes:
        if kind not in KINDS or not _is_length(length) or length < (kind == TRAIN):
            raise ValueError(f"no event is [{kind!r:.40}, {length!r:.40}]")
        if kind in BEGINNINGS and length:
            raise ValueError(f"{kind} has no values")
    if shapes and shapes[0][0] not in BEGINNINGS:
        raise ValueError("the first event is no beginning")
    if sizes is not None and not all(map(_is_length, sizes)):
        raise ValueError("the state is no list of lengths")


def _is_length(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
