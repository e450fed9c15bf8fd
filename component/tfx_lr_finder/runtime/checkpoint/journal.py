"""The journal of a range test: what its training loop returned, as strict JSON.

The file is plain data: reading it executes nothing. Losses are hexadecimal strings,
which come back bit for bit. JSON has no numbers for infinity and NaN.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

SCHEMA_VERSION = 1
SWEEP, CANDIDATE, TRAIN, EVALUATE = "sweep", "candidate", "train", "evaluate"
_KINDS = (SWEEP, CANDIDATE, TRAIN, EVALUATE)


class CheckpointError(ValueError):
    """The file is damaged, or it is not a checkpoint of this version or this test."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Event:
    """One call of a training loop.

    Attributes:
      kind: `SWEEP` or `CANDIDATE` at the beginning of a phase, `TRAIN` or `EVALUATE`
        within one.
      learning_rate: The first rate passed to `train`; None for other calls.
      losses: The losses that the call returned, `[n]`; empty at a beginning.
    """

    kind: str
    learning_rate: float | None = None
    losses: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Journal:
    """The content of a checkpoint.

    Attributes:
      fingerprint: Digests of everything the test depends on, by name.
      events: All calls of the finished phases, in order.
    """

    fingerprint: Mapping[str, str]
    events: tuple[Event, ...]

    def to_json(self) -> str:
        """Returns the text of the checkpoint, with a checksum."""
        content = {
            "schema_version": SCHEMA_VERSION,
            "fingerprint": dict(self.fingerprint),
            "events": [
                [event.kind, event.learning_rate, [x.hex() for x in event.losses]]
                for event in self.events
            ],
        }
        return json.dumps({"sha256": checksum(content), **content}, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> "Journal":
        """Returns the journal that `to_json` wrote.

        Args:
          text: The whole content of a checkpoint.

        Raises:
          CheckpointError: The text is damaged or of another version.
        """
        try:
            content = json.loads(text)
            version = content["schema_version"]
            if version != SCHEMA_VERSION:
                raise ValueError(
                    f"schema version {version!r:.40}, not {SCHEMA_VERSION}"
                )
            if content.pop("sha256") != checksum(content):
                raise ValueError("the checksum does not match the content")
            fingerprint = content["fingerprint"]
            if not all(isinstance(digest, str) for digest in fingerprint.values()):
                raise ValueError("the fingerprint is not an object of strings")
            events = tuple(_parse_event(*event) for event in content["events"])
        except (AttributeError, LookupError, TypeError) as error:
            raise CheckpointError(f"it is not a checkpoint: {error!r}") from error
        except (ValueError, OverflowError, RecursionError) as error:
            raise CheckpointError(str(error)) from error
        return cls(fingerprint=fingerprint, events=events)


def checksum(content: dict[str, Any]) -> str:
    """Returns the SHA-256 of a JSON object, in hexadecimal.

    Raises:
      ValueError: It holds a number that is not finite.
    """
    text = json.dumps(content, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _parse_event(kind: Any, learning_rate: Any, losses: Any) -> Event:
    if kind == TRAIN:
        valid = isinstance(learning_rate, float) and len(losses) > 0
    else:
        valid = kind in _KINDS and learning_rate is None
    if not valid:
        raise ValueError(f"{kind!r:.40} at {learning_rate!r:.40} is not an event")
    numbers = tuple(map(float.fromhex, losses))
    return Event(kind=kind, learning_rate=learning_rate, losses=numbers)
