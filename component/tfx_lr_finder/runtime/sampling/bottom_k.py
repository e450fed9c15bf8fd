"""Bottom-k sampling: the records with the smallest keyed hashes, in bounded memory.

A record's key is a hash of its bytes and the seed, so that the choice is a function of
the data and the seed, whoever reads what in which order. Copies of a record share its
key, are chosen together and are counted: a sketch of k keys holds k *distinct* records
and knows exactly how often each occurs.

References:
  E. Cohen and H. Kaplan, "Summarizing data using bottom-k sketches", PODC 2007.
  K. Beyer et al., "On synopses for distinct-value estimation under multiset
  operations", SIGMOD 2007, section 4.3 (sketches of multisets with counts).
"""

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Sequence

import numpy as np

HIGHEST = b"\xff" * 32
"""Above every key."""

_DIGEST_SIZE = 16


@dataclasses.dataclass(slots=True)
class Entry:
    """A distinct record and how often it occurs.

    Attributes:
      key: Its keyed hash, then a byte that tells its split.
      payload: The record.
      label: Its label as text; None if labels are not looked at.
      num_copies: How often it occurs.
    """

    key: bytes
    payload: bytes
    label: str | None
    num_copies: int = 1


class Sketch:
    """The `size` distinct records of the smallest keys, all their copies counted.

    Args:
      size: Records to keep, at least 1; memory holds a quarter more.

    Attributes:
      bound: The smallest key that was left out; `HIGHEST` if none was. Everything
        below it is here, with all its copies.
    """

    def __init__(self, size: int) -> None:
        """Starts empty."""
        self._size = size
        self._most = size + size // 4 + 16
        self._entries: dict[bytes, Entry] = {}
        self.bound = HIGHEST

    def add(self, entry: Entry) -> None:
        """Counts a record, or leaves it out if enough smaller keys were seen."""
        if entry.key >= self.bound:
            return
        known = self._entries.get(entry.key)
        if known is not None:
            known.num_copies += entry.num_copies
            return
        self._entries[entry.key] = entry
        if len(self._entries) > self._most:
            self._prune()

    def entries(self) -> list[Entry]:
        """Returns what is kept, smallest key first."""
        self._prune()
        return [self._entries[key] for key in sorted(self._entries)]

    def _prune(self) -> None:
        if len(self._entries) <= self._size:
            return
        ordered = sorted(self._entries)
        self.bound = ordered[self._size]
        for key in ordered[self._size :]:
            del self._entries[key]


def record_key(seed: int, split: int, *parts: bytes) -> bytes:
    """Returns the key that decides on a record.

    Args:
      seed: The seed, in [0, 2**31).
      split: Number of the split, in [0, 255].
      *parts: The record's bytes, and what else is to tell it from others.

    Returns:
      16 bytes, uniform over all seeds, and the split's byte.
    """
    return record_keys(seed, split)(*parts)


def record_keys(seed: int, split: int) -> Callable[..., bytes]:
    """Returns `record_key` for one seed and one split: what they share is done once.

    Args:
      seed: The seed, in [0, 2**31).
      split: Number of the split, in [0, 255].
    """
    keyed = hashlib.blake2b(digest_size=_DIGEST_SIZE, key=seed.to_bytes(8, "little"))
    last = bytes((split,))

    def key(record: bytes, *parts: bytes) -> bytes:
        digest = keyed.copy()
        digest.update(record)
        for part in parts:
            digest.update(b"\x00")
            digest.update(part)
        return digest.digest() + last

    return key


def draw_copies(entries: Sequence[Entry], size: int, seed: int) -> list[int]:
    """Returns how many copies of each record make a sample of `size` examples.

    All of them if they are not more; else a systematic sample of the copies, so that
    each is as likely as any other.

    Args:
      entries: Distinct records in the order of their keys.
      size: Examples wanted.
      seed: Decides where the systematic sample starts.

    Returns:
      The number of copies of each entry; their sum is `size`, or less if there are
      not so many.
    """
    counts = np.array([entry.num_copies for entry in entries], dtype=np.int64)
    total = int(counts.sum())
    if total <= size:
        return [int(count) for count in counts]
    start = hashlib.blake2b(seed.to_bytes(8, "little"), digest_size=6).digest()
    offset = int.from_bytes(start, "little") % total
    # Whole numbers throughout: the i-th point is (i * total + offset) / size.
    points = [(i * total + offset) // size for i in range(size)]
    chosen = np.searchsorted(np.cumsum(counts), np.array(points), side="right")
    return [int(n) for n in np.bincount(chosen, minlength=len(entries))]


def shuffled(entries: Sequence[Entry], copies: Sequence[int]) -> list[Entry]:
    """Returns the chosen copies in a random order that only the keys decide.

    Args:
      entries: Distinct records.
      copies: How many copies of each.
    """
    places = sorted(
        (_place(entry.key, copy), index)
        for index, (entry, number) in enumerate(zip(entries, copies, strict=True))
        for copy in range(number)
    )
    return [entries[index] for _, index in places]


def keep_rare(
    chosen: dict[bytes, tuple[Entry, int]],
    by_label: dict[str, list[Entry]],
    least: int,
    seed: int,
) -> dict[bytes, tuple[Entry, int]]:
    """Returns a sample of the same size in which no label has fewer than `least`.

    Args:
      chosen: Key to record and number of copies: a uniform sample.
      by_label: Label to its records of the smallest keys.
      least: Examples each label is to have, if it has so many at all.
      seed: The seed.

    Returns:
      The sample; what rare labels gain, frequent ones lose, largest keys first.
    """
    number: dict[str, int] = dict.fromkeys(by_label, 0)
    for entry, copies in chosen.values():
        number[str(entry.label)] = number.get(str(entry.label), 0) + copies
    rare = {label for label in by_label if number[label] < least}
    result: dict[bytes, tuple[Entry, int]] = {}
    gained = 0
    for label in sorted(rare):
        drawn = draw_copies(by_label[label], least, seed)
        for entry, copies in zip(by_label[label], drawn, strict=True):
            result[entry.key] = (entry, copies)
        gained += sum(drawn) - number[label]
    for key in sorted(chosen, reverse=True):
        entry, copies = chosen[key]
        label = str(entry.label)
        if label in rare:
            continue
        lost = min(gained, copies, max(0, number[label] - least))
        number[label] -= lost
        gained -= lost
        result[key] = (entry, copies - lost)
    return {key: pair for key, pair in result.items() if pair[1]}


def checksum(entries: Iterable[Entry]) -> str:
    """Returns a hash of a sample: of its records and their order."""
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(len(entry.payload).to_bytes(8, "little"))
        digest.update(entry.payload)
    return digest.hexdigest()


def _place(key: bytes, copy: int) -> bytes:
    return hashlib.blake2b(key + copy.to_bytes(8, "little"), digest_size=16).digest()
