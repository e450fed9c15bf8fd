"""Counts the verdicts: ``python -m benchmarks.verdict``."""

import argparse
import collections
import pathlib
import sys
import time
from typing import Any

from benchmarks.quality.jobs import prepare_process

RESULTS = pathlib.Path(__file__).parents[1] / "results"
VERDICTS = ("OK", "LOW_CONFIDENCE", "INCONCLUSIVE")

Row = tuple[str, int, collections.Counter[str]]


def main() -> None:
    """Runs the cases, prints the tables and writes them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=60, help="runs of each case")
    parser.add_argument("--cases", default="", help="parts of names, by semicolons")
    parser.add_argument("--output", type=pathlib.Path, default=RESULTS / "verdict.md")
    arguments = parser.parse_args()
    prepare_process()
    began = time.monotonic()
    wanted = [part.strip() for part in arguments.cases.split(";") if part.strip()]
    nothing = _nothing(arguments.count, wanted)
    clean = _clean(arguments.count, wanted)
    command = " ".join(["python -m benchmarks.verdict", *sys.argv[1:]])
    text = _document(nothing, clean, command, time.monotonic() - began)
    print(text)
    arguments.output.write_text(text)


def _chosen(name: str, wanted: list[str]) -> bool:
    return not wanted or any(part in name for part in wanted)


def _nothing(count: int, wanted: list[str]) -> list[Row]:
    from benchmarks.verdict.cases import NOTHING, rng_of
    from benchmarks.verdict.models import testers

    models = testers()
    rows = []
    for name, (make, times) in NOTHING.items():
        if not _chosen(name, wanted):
            continue
        seen: collections.Counter[str] = collections.Counter()
        for seed in range(count * times):
            model, data = make(rng_of(name, seed))
            report = models[model].find(data, seed)
            seen[report.verdict.name] += 1
            if report.verdict.name == "OK":
                print(f"OK: {name}, seed {seed}, {model}, {report.held_out}")
        rows.append(_shown(name, count * times, seen))
    if _chosen("noise losses", wanted):
        rows += _noise_losses(count)
    return rows


def _noise_losses(count: int) -> list[Row]:
    """Returns the verdicts on losses that do not come from any model."""
    from benchmarks.quality.curves import verdicts
    from benchmarks.quality.junk import KINDS, JunkLoop

    rows = []
    for kind in KINDS:
        seen = verdicts(lambda seed, kind=kind: JunkLoop(kind, seed), count)
        name = f"noise losses: {kind}"
        rows.append(_shown(name, count, collections.Counter(seen)))
    return rows


def _clean(count: int, wanted: list[str]) -> list[Row]:
    from benchmarks.verdict.cases import CLEAN, clean, rng_of
    from benchmarks.verdict.models import testers

    if not _chosen("clean", wanted):
        return []
    models = testers()
    rows = []
    each = max(1, count // len(CLEAN))
    reasons: collections.Counter[str] = collections.Counter()
    for kind in CLEAN:
        seen: collections.Counter[str] = collections.Counter()
        for seed in range(each):
            model, data = clean(rng_of(kind, seed), kind)
            report = models[model].find(data, seed)
            seen[report.verdict.name] += 1
            reasons.update(report.reasons)
        rows.append(_shown(f"clean: {kind}", each, seen))
    for reason, times in reasons.most_common():
        print(f"{times} clean: {reason}")
    total = sum((seen for _, _, seen in rows), collections.Counter())
    return [*rows, _shown("clean: all", each * len(CLEAN), total)]


def _shown(name: str, count: int, seen: collections.Counter[str]) -> Row:
    print(f"{name}: {dict(seen)}", flush=True)
    return name, count, seen


def _document(
    nothing: list[Row], clean: list[Row], command: str, seconds: float
) -> str:
    parts = [
        "# How often the verdict is wrong",
        f"Command: `{command}`, {seconds:.0f} seconds.",
        "On data of nothing OK is wrong. On clean tasks every other verdict is.",
    ]
    for title, rows in (("data of nothing", nothing), ("clean tasks", clean)):
        if rows:
            parts.append(_table(title, rows))
    return "\n\n".join(parts) + "\n"


def _table(title: str, rows: list[Row]) -> str:
    from benchmarks.quality.report import table

    cells: list[list[Any]] = [
        [name, str(count), *[str(seen[verdict]) for verdict in VERDICTS]]
        for name, count, seen in rows
    ]
    return table([title, "runs", *VERDICTS], cells)


if __name__ == "__main__":
    main()
