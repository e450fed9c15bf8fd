"""Choose a uniform sample by the largest keyed hashes.

The key of an example is a hash of the seed, the file, the place in the file and the
record. Keys are uniform and independent, copies of a record included, so the examples
with the largest keys are a uniform sample without replacement. The choice does not
depend on the order of the work or on the number of workers.

References:
  E. Cohen and H. Kaplan, "Summarizing data using bottom-k sketches", PODC 2007.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

_DIGEST_SIZE = 16


class Entry(NamedTuple):
    """An example that may become part of the sample.

    Attributes:
      key: Its hash; larger keys are chosen first.
      record: Its bytes.
      split: Number of its split.
      label: Its label as text; None if no label is read.
    """

    key: bytes
    record: bytes
    split: int
    label: str | None


def record_keys(seed: int, file_name: str) -> Callable[[int, bytes], bytes]:
    """Returns a function from the place and the bytes of a record to its key.

    Args:
      seed: The seed, in [0, 2**31).
      file_name: Path of the file inside its artifact.
    """
    keyed = hashlib.blake2b(digest_size=_DIGEST_SIZE, key=seed.to_bytes(8, "little"))
    keyed.update(file_name.encode("utf-8", "surrogateescape") + b"\x00")

    def key(place: int, record: bytes) -> bytes:
        digest = keyed.copy()
        digest.update(place.to_bytes(8, "little"))
        digest.update(record)
        return digest.digest()

    return key


def choose(
    candidates: Iterable[Entry],
    by_label: Mapping[str, Sequence[Entry]],
    size: int,
    min_per_label: int,
) -> list[Entry]:
    """Returns the sample in random order.

    Args:
      candidates: The `size` entries of the largest keys, or all of them.
      by_label: Label to its `min_per_label` entries of the largest keys; empty without
        stratification.
      size: Number of examples to choose.
      min_per_label: Number of examples that each label keeps if it has that many, at
        most an equal part of `size`.

    Returns:
      `size` entries, or all of them if there are fewer.
    """
    least = min(min_per_label, size // max(1, len(by_label)))
    chosen = {
        entry
        for entries in by_label.values()
        for entry in sorted(entries, reverse=True)[:least]
    }
    ordered = sorted(candidates, reverse=True)
    others = [entry for entry in ordered if entry not in chosen]
    sample = [*chosen, *others[: size - len(chosen)]]
    # The last bytes of a key do not depend on the first ones, which decided the choice.
    return sorted(sample, key=lambda entry: (entry.key[::-1], entry.record))


def checksum(sample: Iterable[Entry]) -> str:
    """Returns a hash of the records of a sample and of their order."""
    digest = hashlib.sha256()
    for entry in sample:
        digest.update(len(entry.record).to_bytes(8, "little"))
        digest.update(entry.record)
    return digest.hexdigest()
