"""Runs user modules through both components: ``python -m benchmarks.modules``."""

import argparse
import importlib.util
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from benchmarks.arguments import output_file
from benchmarks.modules.cases import Case, cases
from benchmarks.tables import table

RESULTS = pathlib.Path(__file__).parents[1] / "results"
HEADER = (
    "module",
    "verdicts",
    "rate found",
    "rate used",
    "own rate",
    "held-out loss, own",
    "held-out loss, found",
    "seconds LRFinder",
    "seconds Trainer",
)


def main() -> None:
    """Runs the modules, prints the tables and writes them after each module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="runs of each module")
    parser.add_argument("--cases", default="", help="parts of names, by semicolons")
    parser.add_argument("--output", type=output_file, default=RESULTS / "modules.md")
    arguments = parser.parse_args()
    wanted = [part.strip() for part in arguments.cases.split(";") if part.strip()]
    began = time.monotonic()
    found: list[tuple[Case, dict[str, Any]]] = []
    for case in cases():
        if wanted and not any(part in case.name for part in wanted):
            continue
        if case.needs and importlib.util.find_spec(case.needs) is None:
            found.append((case, {"runs": [], "error": f"needs {case.needs}"}))
            continue
        found.append((case, _run(case, arguments.seeds)))
        print(case.name, json.dumps(found[-1][1]), flush=True)
        command = " ".join(["python -m benchmarks.modules", *sys.argv[1:]])
        text = _document(found, command, arguments.seeds, time.monotonic() - began)
        arguments.output.write_text(text)
    print(text)


def _run(case: Case, num_seeds: int) -> dict[str, Any]:
    """Returns what the process of a module wrote."""
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder, "found.json")
        command = [sys.executable, "-m", "benchmarks.modules.run_case"]
        done = subprocess.run(
            [*command, case.name, str(output), str(num_seeds)],
            env={
                **os.environ,
                "TF_USE_LEGACY_KERAS": str(int(case.legacy_keras)),
                "TF_CPP_MIN_LOG_LEVEL": "3",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        if done.returncode:
            return {"runs": [], "error": f"the process died: {done.stderr[-500:]}"}
        result: dict[str, Any] = json.loads(output.read_text())
        return result


def _document(
    found: list[tuple[Case, dict[str, Any]]], command: str, seeds: int, seconds: float
) -> str:
    rows = [_row(case, result["runs"]) for case, result in found if result["runs"]]
    refused = [
        [case.name, _first_sentence(result["error"])]
        for case, result in found
        if result["error"]
    ]
    parts = [
        "# User modules through both components",
        f"Command: `{command}`, {seconds:.0f} seconds. TensorFlow on a CPU.",
        "Each module ran in a local TFX pipeline: LRFinder and LRFinderTrainer, then "
        "the stock Trainer with the module's own rate, with "
        f"{seeds} {'seed' if seeds == 1 else 'seeds'}. A cell has the median over the "
        "seeds. The held-out loss is that of the model that `fit` "
        "trained last, on the held-out data of that `fit`. The rate used is read from "
        "the optimizer of the saved model. Modules with a path are files of the "
        "tfx wheel, unchanged. The others are short modules in "
        "`benchmarks/modules/written`.",
        table(HEADER, rows),
    ]
    better, worse, equal = _wins([result["runs"] for _, result in found])
    parts.append(
        f"Of {better + worse + equal} modules with a held-out loss, the rate found "
        f"gives a loss at least 2 % lower than the module's own rate on {better}, at "
        f"least 2 % higher on {worse}, and about the same on {equal}."
    )
    if refused:
        parts += ["Modules that did not run:", table(("module", "reason"), refused)]
    return "\n\n".join(parts) + "\n"


def _row(case: Case, runs: list[dict[str, Any]]) -> list[str]:
    verdicts = sorted(run["verdict"] for run in runs)
    counted = [f"{verdicts.count(name)} {name}" for name in dict.fromkeys(verdicts)]
    doubts = {run["doubt"] for run in runs} - {None}
    used = _median(runs, "rate_used")
    seconds = [
        statistics.median(run["seconds"][node] for run in runs)
        for node in ("LRFinder", "LRFinderTrainer")
    ]
    return [
        case.name,
        ", ".join(counted),
        _median(runs, "rate_found"),
        f"in doubt: {min(doubts)}" if doubts else used,
        _median(runs, "own_rate"),
        _median(runs, "loss_own"),
        _median(runs, "loss_found"),
        *(f"{value:.1f}" for value in seconds),
    ]


def _median(runs: list[dict[str, Any]], name: str) -> str:
    values = [run[name] for run in runs if run[name] is not None]
    return f"{statistics.median(values):.3g}" if values else "-"


def _wins(results: list[list[dict[str, Any]]]) -> tuple[int, int, int]:
    """Returns on how many modules the rate found is better, worse, about the same."""
    better = worse = equal = 0
    for runs in results:
        pairs = [
            (run["loss_found"], run["loss_own"])
            for run in runs
            if run["loss_found"] is not None and run["loss_own"] is not None
        ]
        if not pairs:
            continue
        ratio = statistics.median(found / own for found, own in pairs)
        better += ratio < 0.98
        worse += ratio > 1.02
        equal += 0.98 <= ratio <= 1.02
    return better, worse, equal


def _first_sentence(text: str) -> str:
    first = " ".join(text.split()).partition(". ")[0]
    return f"{first[:200]}." if first[-1] != "." else first[:200]


if __name__ == "__main__":
    main()
