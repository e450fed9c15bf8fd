"""Counts the verdicts: ``python -m benchmarks.verdict``."""

import argparse
import collections
import pathlib
import sys
import time
from typing import Any

from benchmarks.arguments import output_file
from benchmarks.quality.jobs import prepare_process

RESULTS = pathlib.Path(__file__).parents[1] / "results"
VERDICTS = ("OK", "LOW_CONFIDENCE", "INCONCLUSIVE")

Row = tuple[str, int, collections.Counter[str]]


def main() -> None:
    """Runs the cases, prints the tables and writes them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=60, help="runs of each case")
    parser.add_argument(
        "--many", type=int, default=500, help="runs of each amount of held-out data"
    )
    parser.add_argument(
        "--seeds", type=int, default=20, help="runs of each task whose spread is shown"
    )
    parser.add_argument("--cases", default="", help="parts of names, by semicolons")
    parser.add_argument("--output", type=output_file, default=RESULTS / "verdict.md")
    arguments = parser.parse_args()
    prepare_process()
    began = time.monotonic()
    wanted = [part.strip() for part in arguments.cases.split(";") if part.strip()]
    from benchmarks.verdict.models import testers

    models = testers() if arguments.count or arguments.seeds else {}
    nothing = _nothing(models, arguments.count, wanted)
    clean = _clean(models, arguments.count, wanted)
    spread = _spread(models, arguments.seeds, wanted)
    amounts = _amounts(arguments.many, wanted)
    command = " ".join(["python -m benchmarks.verdict", *sys.argv[1:]])
    text = _document(nothing, clean, amounts, command, time.monotonic() - began)
    if spread:
        text += f"\n{spread}\n"
    print(text)
    arguments.output.write_text(text)


def _chosen(name: str, wanted: list[str]) -> bool:
    return not wanted or any(part in name for part in wanted)


def _nothing(models: dict[str, Any], count: int, wanted: list[str]) -> list[Row]:
    from benchmarks.verdict.cases import NOTHING, rng_of

    rows = []
    for name, make in NOTHING.items():
        if not _chosen(name, wanted):
            continue
        seen: collections.Counter[str] = collections.Counter()
        # 200 runs of the two random ones if there are 60 of the others
        runs = count * 5 // 3 if name.startswith("random") else count
        for seed in range(runs):
            model, data = make(rng_of(name, seed))
            report = models[model].find(data, seed)
            seen[report.verdict.name] += 1
            if report.verdict.name == "OK":
                print(f"OK: {name}, seed {seed}, {model}, {report.held_out}")
        rows.append(_shown(name, runs, seen))
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


def _clean(models: dict[str, Any], count: int, wanted: list[str]) -> list[Row]:
    from benchmarks.verdict.cases import CLEAN, clean, rng_of

    if not _chosen("clean", wanted):
        return []
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


def _spread(models: dict[str, Any], count: int, wanted: list[str]) -> str:
    """Returns the table of the rates of one clean task over many seeds."""
    import numpy as np

    from benchmarks.tables import table
    from benchmarks.verdict.cases import CLEAN, clean, rng_of

    if not count or not _chosen("spread", wanted):
        return ""
    rows = []
    for kind in CLEAN:
        model, data = clean(rng_of(kind, 0), kind)
        reports = [models[model].find(data, seed) for seed in range(count)]
        seen = collections.Counter(report.verdict.name for report in reports)
        found = [report.learning_rate for report in reports if report.learning_rate]
        logs = np.log10(found)
        rows.append(
            [
                kind,
                str(count),
                *[str(seen[verdict]) for verdict in VERDICTS],
                f"{min(found):.2g}",
                f"{float(10.0 ** np.median(logs)):.2g}",
                f"{max(found):.2g}",
                f"{float(np.std(logs)):.2f}",
            ]
        )
        print(f"spread: {rows[-1]}", flush=True)
    header = ["one clean task, other weights", "runs", *VERDICTS]
    return table([*header, "lowest", "median", "highest", "std in decades"], rows)


def _amounts(count: int, wanted: list[str]) -> list[Row]:
    """Returns the verdicts on noise, by amount of held-out data."""
    from benchmarks.verdict.rates import BATCH_SIZE, verdicts

    rows = []
    for unit, numbers in (("row", (1, 8, 20, 64, 512)), ("batch", (1, 2, 4, 8, 16))):
        for number in numbers:
            name = f"held-out {unit}: {number}"
            if count and _chosen(name, wanted):
                size = BATCH_SIZE if unit == "batch" else 1
                rows.append(_shown(name, count, verdicts(number * size, unit, count)))
    return rows


def _shown(name: str, count: int, seen: collections.Counter[str]) -> Row:
    print(f"{name}: {dict(seen)}", flush=True)
    return name, count, seen


def _document(
    nothing: list[Row],
    clean: list[Row],
    amounts: list[Row],
    command: str,
    seconds: float,
) -> str:
    parts = [
        "# How often the verdict is wrong",
        f"Command: `{command}`, {seconds:.0f} seconds.",
        "On data of nothing OK is wrong. On clean tasks every other verdict is.",
    ]
    tables = (
        ("data of nothing", nothing),
        ("clean tasks", clean),
        ("noise, by units of evidence", amounts),
    )
    for title, rows in tables:
        if rows:
            parts.append(_table(title, rows))
    return "\n\n".join(parts) + "\n"


def _table(title: str, rows: list[Row]) -> str:
    from benchmarks.tables import table

    cells: list[list[Any]] = [
        [name, str(count), *[str(seen[verdict]) for verdict in VERDICTS]]
        for name, count, seen in rows
    ]
    return table([title, "runs", *VERDICTS], cells)


if __name__ == "__main__":
    main()
