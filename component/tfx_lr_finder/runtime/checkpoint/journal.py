"""The journal of a range test: its finished phases, as strict JSON.

A phase is one sweep or one short training (a probe, a candidate, the final check). The
file is plain data: reading it executes nothing. Floats are written by `repr`, so that
they come back bit for bit; those that JSON lacks are written as strings.
"""

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

SCHEMA_VERSION = 1
SWEEP, CANDIDATE = "sweep", "candidate"
NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class CheckpointError(ValueError):
    """The file is damaged, or it is not a checkpoint of this version or this test."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Call:
    """One call of the training loop.

    Attributes:
      learning_rate: The first rate passed to `train`; None for `evaluate`.
      losses: What the call returned, float64 `[n]`.
    """

    learning_rate: float | None
    losses: tuple[float, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Phase:
    """One sweep or one short training, from its start to its end.

    Attributes:
      kind: `SWEEP` or `CANDIDATE`.
      calls: The calls of the training loop, in order.
    """

    kind: str
    calls: tuple[Call, ...]

    @property
    def num_steps(self) -> int:
        """Training steps taken."""
        return sum(
            len(call.losses) for call in self.calls if call.learning_rate is not None
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Journal:
    """The content of a checkpoint.

    Attributes:
      fingerprint: Digests of everything the test depends on, by name.
      phases: The finished phases, in order.
    """

    fingerprint: Mapping[str, str]
    phases: tuple[Phase, ...]

    def to_json(self) -> str:
        """Returns the text of the checkpoint, with a checksum."""
        content = {
            "schema_version": SCHEMA_VERSION,
            "fingerprint": dict(self.fingerprint),
            "phases": [
                {
                    "kind": phase.kind,
                    "calls": [
                        {
                            "learning_rate": call.learning_rate,
                            "losses": [_to_plain(loss) for loss in call.losses],
                        }
                        for call in phase.calls
                    ],
                }
                for phase in self.phases
            ],
        }
        return json.dumps({"sha256": checksum(content), **content}, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> "Journal":
        """Returns the journal that a text holds.

        Args:
          text: The whole content of a checkpoint.

        Raises:
          CheckpointError: `to_json` did not write this text.
        """
        try:
            content = json.loads(text)
            if not isinstance(content, dict):
                raise ValueError("it is not a JSON object")
            if content.get("schema_version") != SCHEMA_VERSION:
                raise ValueError(
                    f"its schema version is {content.get('schema_version')!r:.40}, "
                    f"this version reads {SCHEMA_VERSION}"
                )
            if content.pop("sha256", None) != checksum(content):
                raise ValueError("its checksum does not match its content")
            return cls(
                fingerprint=_parse_fingerprint(content["fingerprint"]),
                phases=tuple(map(_parse_phase, content["phases"])),
            )
        except KeyError as error:
            raise CheckpointError(f"{error} is missing") from error
        except (TypeError, ValueError, RecursionError) as error:
            raise CheckpointError(str(error)) from error


def checksum(content: dict[str, Any]) -> str:
    """Returns the SHA-256 of a JSON object, in hexadecimal.

    Raises:
      ValueError: It holds a number that is not finite.
    """
    text = json.dumps(content, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _parse_fingerprint(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(
        isinstance(digest, str) for digest in value.values()
    ):
        raise ValueError("the fingerprint is not an object of strings")
    return value


def _parse_phase(value: Any) -> Phase:
    if value["kind"] not in (SWEEP, CANDIDATE):
        raise ValueError(f"{value['kind']!r:.40} is not a kind of phase")
    return Phase(kind=value["kind"], calls=tuple(map(_parse_call, value["calls"])))


def _parse_call(value: Any) -> Call:
    rate = value["learning_rate"]
    losses = tuple(map(_from_plain, value["losses"]))
    if rate is not None and not (isinstance(rate, float) and losses):
        raise ValueError(f"a call with learning rate {rate!r:.40} cannot be read")
    return Call(learning_rate=rate, losses=losses)


def _to_plain(loss: float) -> float | str:
    if math.isfinite(loss):
        return float(loss)
    return "NaN" if math.isnan(loss) else "Infinity" if loss > 0 else "-Infinity"


def _from_plain(value: Any) -> float:
    if isinstance(value, float):
        return value
    if isinstance(value, str) and value in NON_FINITE:
        return NON_FINITE[value]
    raise ValueError(f"{value!r:.40} is not a loss")
