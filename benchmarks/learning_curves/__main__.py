"""Regret by horizon and schedule: ``make bench-curves``.

The finder itself runs on every task, in an environment with JAX instead of TFX.
"""

import argparse
import json
import pathlib
import sys
import time
import zlib
from typing import Any

import numpy as np

from benchmarks.arguments import output_file
from benchmarks.learning_curves import contestants, truth
from benchmarks.learning_curves.contestants import Found
from benchmarks.learning_curves.parameter_free import NAMES, ParameterFree
from benchmarks.learning_curves.tasks import CHOSEN_ON, LEFT_OUT, Task
from benchmarks.learning_curves.training import Loop
from benchmarks.tables import table
from tfx_lr_finder.range_test.config import SCHEDULES

RESULTS = pathlib.Path(__file__).parents[1] / "results"
MAX_PASSES = 30
BUDGETS = {
    "LRFinder": {},
    "LRFinder, max_steps=300": {"max_steps": 300},
    "LRFinder, max_steps=600": {"max_steps": 600},
    "LRFinder, max_steps=1500": {"max_steps": 1500},
    "LRFinder, confirm_steps=0": {"confirm_steps": 0},
}
RESAMPLES = 2000

Score = dict[str, Any]
"""One run: contestant, family, task, seed, schedule, steps, regret, cost."""


def horizons(known: truth.Truth, task: Task) -> list[int]:
    """Returns the lengths of training that count, in steps."""
    lengths = {n for kind, n in known.losses if n in (*truth.SCHEDULED, *truth.LONG)}
    return sorted(n for n in lengths if n <= MAX_PASSES * task.batches_per_epoch)


def find_all(
    loop: Loop, task: Task, steps: int, seed: int, *, quick: bool
) -> dict[str, Found]:
    """Returns what every contestant finds."""
    found = {}
    for name, parameters in BUDGETS.items():
        if not parameters or not quick:
            found[name] = contestants.finder(
                loop, steps, task.batches_per_epoch, **parameters
            )
    found |= contestants.fastai(loop) | contestants.keras_default(task.optimizer)
    if not quick and seed == 0:  # these take long
        rng = np.random.default_rng([zlib.crc32(task.name.encode()), seed, steps])
        for name, search in contestants.SEARCHES.items():
            for times in (1, 10):
                cost = times * contestants.SEARCH_COST
                entry = f"{name}, {cost} steps"
                found[entry] = search(loop, steps, cost, rng)
    return found


def measure_task(
    task: Task, known: truth.Truth, num_seeds: int, *, quick: bool
) -> list[Score]:
    """Returns the regrets of every contestant on one task."""
    scores = []
    loop = Loop(task)
    free = [] if quick else [(name, ParameterFree(name, task)) for name in NAMES]

    def add(
        name: str, seed: int, kind: str, steps: int, regret: float, cost: int
    ) -> None:
        scores.append(
            {
                "contestant": name,
                "family": task.family,
                "task": task.name,
                "seed": seed,
                "schedule": kind,
                "steps": steps,
                "regret": regret,
                "cost": cost,
            }
        )

    for steps in horizons(known, task):
        kinds = [kind for kind in SCHEDULES if (kind, steps) in known.losses]
        for seed in range(num_seeds):
            loop.begin(seed)
            found = find_all(loop, task, steps, seed, quick=quick)
            for name, (rates, cost) in found.items():
                for kind in kinds:
                    regret = known.regret(rates.get(kind), kind, steps)
                    add(name, seed, kind, steps, regret, cost)
        for name, training in free:
            for kind in kinds:
                loss = training.loss(kind, steps, 0)
                add(name, 0, kind, steps, known.at_loss(loss, kind, steps), 0)
    return scores


def mean_regret(scores: list[Score]) -> float:
    """Returns the mean regret over families."""
    return truth.mean_over_families([(s["family"], s["regret"]) for s in scores])


def interval(ours: list[Score], theirs: list[Score]) -> tuple[float, float]:
    """Returns the 95 % interval of the difference of two mean regrets.

    Families are resampled, and the tasks within each family.
    """
    differences: dict[str, list[float]] = {}
    for task, family in {s["task"]: s["family"] for s in ours}.items():
        one, other = (
            np.mean([s["regret"] for s in scores if s["task"] == task])
            for scores in (ours, theirs)
        )
        differences.setdefault(family, []).append(float(one - other))
    families = [np.array(part) for part in differences.values()]
    rng = np.random.default_rng(0)
    means = []
    for _ in range(RESAMPLES):
        drawn = [families[i] for i in rng.integers(0, len(families), len(families))]
        means.append(np.mean([rng.choice(part, len(part)).mean() for part in drawn]))
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def _select(scores: list[Score], **wanted: Any) -> list[Score]:
    return [s for s in scores if all(s[key] == wanted[key] for key in wanted)]


def _cell(scores: list[Score]) -> str:
    if not scores:
        return ""
    return f"{mean_regret(scores):.3f} ({max(s['regret'] for s in scores):.2f})"


def report(scores: list[Score], title: str) -> list[str]:
    """Returns the tables of some families: mean and worst regret, and intervals."""
    parts = [f"## {title}"]
    names = list(dict.fromkeys(s["contestant"] for s in scores))
    for kind in SCHEDULES:
        part = _select(scores, schedule=kind)
        lengths = sorted({s["steps"] for s in part})
        rows = []
        for name in names:
            entries = [_select(part, contestant=name, steps=n) for n in lengths]
            costs = [
                f"{np.mean([s['cost'] for s in entries[i]]):.0f}"
                for i in (0, len(lengths) - 1)
            ]
            rows.append([name, *map(_cell, entries), " to ".join(costs)])
        header = [f"{n:,} steps" for n in lengths]
        parts.append(table([kind, *header, "steps spent"], rows))
    rows = []
    for name in names[1:]:
        row = [name]
        for kind in SCHEDULES:
            for n in truth.SCHEDULED:
                ours, theirs = (
                    _select(scores, schedule=kind, steps=n, contestant=who)
                    for who in (names[0], name)
                )
                low, high = interval(ours, theirs)
                row.append(f"{low:+.3f} to {high:+.3f}")
        rows.append(row)
    header = [f"{kind} {n:,}" for kind in SCHEDULES for n in truth.SCHEDULED]
    parts.append(
        f"Mean regret of {names[0]} less that of each other contestant, 95 % interval "
        "(families and tasks resampled). Below zero, LRFinder is better."
    )
    parts.append(table(["contestant", *header], rows))
    return parts


def main() -> None:
    """Measures, prints the tables and writes them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--output", type=output_file, default=RESULTS / "learning_curves.md"
    )
    parser.add_argument("--seeds", type=int, default=2, help="runs of each task")
    parser.add_argument(
        "--quick", action="store_true", help="only the default, fastai and Keras"
    )
    parser.add_argument(
        "--scores", type=output_file, help="write every run to this JSON file"
    )
    arguments = parser.parse_args()
    if arguments.seeds < 1:
        parser.error(f"--seeds must be at least 1, got {arguments.seeds}.")
    command = " ".join(["make bench-curves", *sys.argv[1:]])
    parts = [
        "# Regret by horizon and schedule",
        f"Command: `{command}`.",
        "A cell has the mean regret over families (0: the best rate, 1: the untrained "
        "model, at most 2) and in brackets the worst, with "
        f"{arguments.seeds} seeds (the searches, DoG and Prodigy with one). A "
        "contestant without a rate counts as 1. LRFinder has none if it is "
        "INCONCLUSIVE. A pipeline then fails or falls back. Trainings of more than "
        f"{MAX_PASSES} passes over the data do not count. DoG and Prodigy replace the "
        "optimizer, so their regret may be below zero. The steps spent are those for "
        "the shortest and for the longest trainings.",
    ]
    everything = []
    for which, families in (
        ("on which constants may be chosen", CHOSEN_ON),
        ("that were left out", LEFT_OUT),
    ):
        title = f"Families {which}: {', '.join(families)}"
        scores: list[Score] = []
        for task, known in truth.measured(families):
            began = time.monotonic()
            scores += measure_task(task, known, arguments.seeds, quick=arguments.quick)
            seconds = time.monotonic() - began
            print(f"{task.name}: {seconds:.0f} s", file=sys.stderr, flush=True)
        everything += scores
        parts += report(scores, title)
        print("\n\n".join(report(scores, title)), flush=True)
    arguments.output.write_text("\n\n".join(parts) + "\n")
    if arguments.scores:
        arguments.scores.write_text(json.dumps(everything) + "\n")


if __name__ == "__main__":
    main()
