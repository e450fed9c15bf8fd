"""Runs user modules through both components: ``python -m benchmarks.modules``."""

import argparse
import itertools
import json
import os
import pathlib
import statistics
import tempfile
import time
from typing import Any

from benchmarks.arguments import output_file
from benchmarks.modules.cases import CANNOT_RUN, Case, cases, unknown
from benchmarks.quality.jobs import prepare_process
from benchmarks.tables import table

RESULTS = pathlib.Path(__file__).parents[1] / "results"
HEADER = (
    "module",
    "seeds",
    "verdicts",
    "own rate",
    "rate found",
    "rate used",
    "held-out loss, own rate",
    "held-out loss, rate found",
    "seconds LRFinder",
    "seconds LRFinderTrainer",
)
NODES = ("LRFinder", "LRFinderTrainer")

Results = dict[str, dict[str, Any]]
"""By case: `runs`, and `seconds` of all of them with their data."""


def main() -> None:
    """Runs the modules, seed by seed, and writes all results after each run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="runs of each module")
    parser.add_argument("--cases", default="", help="parts of names, by semicolons")
    parser.add_argument(
        "--output",
        type=output_file,
        default=RESULTS / "modules.md",
        help="the table. Results of other cases are kept in the same path with .json",
    )
    arguments = parser.parse_args()
    # tf.keras becomes tf_keras, which the wheel's modules were written for.
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    prepare_process()
    from benchmarks.modules.pipelines import Pipelines

    wanted = [part.strip() for part in arguments.cases.split(";") if part.strip()]
    kept = arguments.output.with_suffix(".json")
    results: Results = json.loads(kept.read_text()) if kept.exists() else {}
    chosen = [
        case
        for case in cases()
        if not wanted or any(part in case.name for part in wanted)
    ]
    results |= {case.name: {"runs": [], "seconds": 0} for case in chosen}
    with tempfile.TemporaryDirectory() as folder:
        pipelines = Pipelines(pathlib.Path(folder))
        for seed, case in itertools.product(range(arguments.seeds), chosen):
            began = time.monotonic()
            run = pipelines.run(case, seed)
            print(case.name, json.dumps(run), flush=True)
            result = results[case.name]
            result["runs"].append(run)
            result["seconds"] += round(time.monotonic() - began)
            kept.write_text(json.dumps(results, indent=1) + "\n")
            arguments.output.write_text(_document(results))
    print(arguments.output.read_text())


def _document(results: Results) -> str:
    measured = [
        (case, results[case.name])
        for case in cases()
        if results.get(case.name, {}).get("runs")
    ]
    rows, failed = [], []
    for case, result in measured:
        worked = [run for run in result["runs"] if run["error"] is None]
        if worked:
            rows.append(_row(case, worked))
        failed += _failures(case, result["runs"])
    seconds = sum(result["seconds"] for _, result in measured)
    parts = [
        "# User modules through both components",
        "Command: `make bench-modules`, which takes 3 seeds. A run with `--cases` or "
        "`--seeds` replaces the rows of its modules, so the rows may come from several "
        f"runs. They took {seconds} seconds on a CPU.",
        "Each module ran in a local TFX pipeline: LRFinder and LRFinderTrainer, then "
        "the stock Trainer with the module's own rate. Rates, losses and seconds are "
        "medians over the seeds. The held-out loss is that of the model that `fit` "
        "trained last, on the held-out data of that `fit`. The rate used is what "
        "LRFinderTrainer reports for the saved model. The own rate is that at the end "
        "of the stock Trainer, so 0 for the cosine schedule. "
        "Modules with a path are files of the tfx wheel, unchanged, with tf_keras as "
        "`tf.keras`. The others are short modules in `benchmarks/modules/written`. "
        "The wheel has no MNIST data, so its module got pictures of ten noisy shapes.",
        "The written modules leave Keras' default rate and train for a few hundred "
        "steps, so most are undertrained, and a win there is easy. One seed says "
        "little about a small difference. Seconds are wall time on a machine that "
        "other processes may use.",
        _summary({case.name: result["runs"] for case, result in measured}),
        table(HEADER, rows),
    ]
    if failed:
        parts += [
            "What did not give a rate:",
            table(("module", "seeds", "what it says", "the stock Trainer"), failed),
        ]
    cannot = [
        [case.name, "not measured yet"]
        for case in cases()
        if not results.get(case.name, {}).get("runs")
    ]
    cannot += [[name, reason] for name, reason in CANNOT_RUN.items()]
    cannot += [[name, "not known to this benchmark"] for name in unknown()]
    parts += [
        "Not run:",
        table(("module", "reason"), cannot),
    ]
    return "\n\n".join(parts) + "\n"


def _row(case: Case, runs: list[dict[str, Any]]) -> list[str]:
    verdicts = sorted(run["verdict"] for run in runs)
    counted = [f"{verdicts.count(name)} {name}" for name in dict.fromkeys(verdicts)]
    num_doubts = sum(run["doubt"] is not None for run in runs)
    used = _median(runs, "rate_used")
    return [
        f"{case.name} ({case.num_steps} steps)" if case.data == "imdb" else case.name,
        str(len(runs)),
        ", ".join(counted),
        _median(runs, "own_rate"),
        _median(runs, "rate_found"),
        f"{used}, in doubt: {num_doubts}" if num_doubts else used,
        _median(runs, "loss_own"),
        _median(runs, "loss_found"),
        *(
            f"{statistics.median(run['seconds'][node] for run in runs):.1f}"
            for node in NODES
        ),
    ]


def _failures(case: Case, runs: list[dict[str, Any]]) -> list[list[str]]:
    """Returns a row for each different error or doubt of a module."""
    said: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        text = run["error"] or run.get("doubt")
        if text:
            said.setdefault(_said(text), []).append(run)
    rows = []
    for text, these in said.items():
        stock = these[0]["stock_error"]
        ran = "runs" if stock is None else f"fails: {_said(stock)}"
        rows.append([case.name, str(len(these)), text, ran])
    return rows


def _median(runs: list[dict[str, Any]], name: str) -> str:
    values = [run[name] for run in runs if run.get(name) is not None]
    return f"{statistics.median(values):.3g}" if values else "-"


def _summary(results: dict[str, list[dict[str, Any]]]) -> str:
    """Returns on how many modules the rate found is better, worse, about the same."""
    better = equal = 0
    worse = []
    for name, runs in results.items():
        pairs = [
            (run["loss_found"], run["loss_own"])
            for run in runs
            if run.get("loss_found") is not None and run.get("loss_own") is not None
        ]
        if not pairs:
            continue
        ratio = statistics.median(found / own for found, own in pairs)
        better += ratio < 0.98
        worse += [name] * (ratio > 1.02)
        equal += 0.98 <= ratio <= 1.02
    names = f" ({', '.join(worse)})" if worse else ""
    return (
        f"Of {better + len(worse) + equal} modules with a rate and a held-out loss, "
        "the rate found gives a loss at least 2 % lower than the module's own rate on "
        f"{better}, at least 2 % higher on {len(worse)}{names}, and about the same on "
        f"{equal}."
    )


def _said(error: str) -> str:
    """Returns the first sentence of an error, for a table cell.

    The first sentence of InconclusiveError is always the same, so the second follows.
    """
    sentences = " ".join(error.split()).replace("|", "\\|").split(". ")
    shown = sentences[: 2 if error.startswith("InconclusiveError") else 1]
    return f"{'. '.join(shown)[:250].rstrip('.')}."


if __name__ == "__main__":
    main()
