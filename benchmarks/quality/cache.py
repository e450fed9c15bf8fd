"""What the peers found is kept: they do not change, only this project's finder does."""

import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Sequence

from benchmarks.quality.contestants import CONTESTANTS, Finding
from benchmarks.quality.task import Task

CACHE = pathlib.Path(__file__).parents[1] / "results" / "quality_peers.json"

Entries = dict[str, list[Finding]]


def key(task: Task) -> str:
    """Returns the name of a task with a hash of what decides the peers' findings."""
    parts = [task.fingerprint()]
    for name in ("peers.py", "loop.py", "contestants.py"):
        parts.append(pathlib.Path(__file__).with_name(name).read_text())
    return f"{task.name} {hashlib.sha256(''.join(parts).encode()).hexdigest()[:16]}"


def load(path: pathlib.Path = CACHE) -> Entries:
    """Returns the kept findings by `key`; empty where there is no cache yet."""
    if not path.exists():
        return {}
    entries = json.loads(path.read_text())
    return {name: [Finding(**row) for row in rows] for name, rows in entries.items()}


def save(entries: Entries, name: str, findings: Sequence[Finding]) -> None:
    """Keeps what peers found on a task in place of what was kept for it before.

    Args:
        entries: all that is kept; changed here, and written to `CACHE`.
        name: of the task, see `key`.
        findings: of all finders; those of this project are left out.
    """
    ours = {entry.name for entry in CONTESTANTS if entry.ours}
    task = name.split()[0]
    for stale in [old for old in entries if old.split()[0] == task and old != name]:
        del entries[stale]
    known = {(row.finder, row.seed): row for row in entries.get(name, [])}
    known |= {(row.finder, row.seed): row for row in findings if row.finder not in ours}
    entries[name] = [known[index] for index in sorted(known)]
    plain = {
        old: list(map(dataclasses.asdict, entries[old])) for old in sorted(entries)
    }
    CACHE.write_text(json.dumps(plain, indent=0, allow_nan=False) + "\n")
