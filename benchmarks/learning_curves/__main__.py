"""Regret by horizon and schedule: ``python -m benchmarks.learning_curves``.

The finder itself runs on every task. Needs `component` on PYTHONPATH, and the
dependency group `curves` instead of TFX.
"""

import argparse
import collections
import pathlib
import sys
import time
from typing import Any

import numpy as np

from benchmarks.arguments import output_file
from benchmarks.learning_curves import truth
from benchmarks.learning_curves.tasks import CHOSEN_ON, LEFT_OUT
from benchmarks.learning_curves.training import Loop
from benchmarks.quality import peers
from benchmarks.tables import table
from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.finder import run_range_test

RESULTS = pathlib.Path(__file__).parents[1] / "results"
HORIZONS = truth.SCHEDULED
SCHEDULES = ("constant", "cosine", "one_cycle")
NUM_SEEDS = 3
MAX_PASSES = 30
KERAS_DEFAULT = {"SGD": 0.01, "momentum": 0.01}
OTHER_DEFAULT = 0.001
LADDER = np.geomspace(1e-7, 10.0, 100)
VALLEY = next(peer for peer in peers.PEERS if peer.name == "fastai valley")

Scores = dict[tuple[str, str, int], list[tuple[str, float, float]]]
"""By contestant, schedule and steps: the family, the regret, the steps spent."""


def rates(
    loop: Loop, optimizer: str, steps: int, num_batches: int, *, all_budgets: bool
) -> dict[str, Any]:
    """Returns, by contestant, the rate of each schedule and the steps it cost."""
    found: dict[str, Any] = {}
    for name, parameters in (
        ("LRFinder", {}),
        ("LRFinder, max_steps=300", {"max_steps": 300}),
        ("LRFinder, max_steps=1500", {"max_steps": 1500}),
        ("LRFinder, confirm_steps=0", {"confirm_steps": 0}),
    ):
        if parameters and not all_budgets:
            continue
        config = RangeTestConfig(train_steps=steps, **parameters)
        report = run_range_test(loop, config, time.monotonic, num_batches)
        found[name] = report.learning_rates_by_schedule, report.steps_spent
    sweeps = []
    for _ in range(3):
        loop.begin_sweep()
        sweeps.append(loop.train(LADDER))
    default = KERAS_DEFAULT.get(optimizer, OTHER_DEFAULT)
    for name, (rate, cost) in {
        "fastai valley": peers.at(VALLEY, LADDER).find(sweeps[:1]),
        "fastai valley, mean of 3": peers.at(VALLEY, LADDER, 3).find(sweeps),
        "Keras' default": (default, 0),
    }.items():
        found[name] = dict.fromkeys(SCHEDULES, rate) if rate else {}, cost
    return found


def measure(families: tuple[str, ...], num_seeds: int, *, all_budgets: bool) -> Scores:
    """Returns the regrets on the tasks of some families."""
    scores = collections.defaultdict(list)
    for task, known in truth.measured(families):
        loop = Loop(task)
        per_epoch = max(1, task.num_train // task.batch_size)
        for steps in HORIZONS:
            if steps > MAX_PASSES * per_epoch:
                continue
            for seed in range(num_seeds):
                loop.begin(seed)
                found = rates(
                    loop, task.optimizer, steps, per_epoch, all_budgets=all_budgets
                )
                for name, (by_schedule, cost) in found.items():
                    for schedule in SCHEDULES:
                        regret = known.regret(
                            by_schedule.get(schedule), schedule, steps
                        )
                        scores[name, schedule, steps].append(
                            (task.family, regret, cost)
                        )
    return scores


def _cell(entries: list[tuple[str, float, float]]) -> str:
    mean = truth.mean_over_families([(family, regret) for family, regret, _ in entries])
    return f"{mean:.3f} (worst {max(regret for _, regret, _ in entries):.2f})"


def main() -> None:
    """Measures, prints the tables and writes them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--output", type=output_file, default=RESULTS / "learning_curves.md"
    )
    parser.add_argument(
        "--seeds", type=int, default=NUM_SEEDS, help="runs of each task"
    )
    parser.add_argument(
        "--default-budget", action="store_true", help="of LRFinder, the default only"
    )
    arguments = parser.parse_args()
    command = " ".join(["python -m benchmarks.learning_curves", *sys.argv[1:]])
    parts = [
        "# Regret by horizon and schedule",
        f"Command: `PYTHONPATH=component {command}`, in an environment with the "
        "dependency group `curves`.",
        "A cell has the mean regret over families (0: the best rate, 1: the untrained "
        f"model, at most 2) and the worst, with {arguments.seeds} seeds. A finder "
        "without a rate counts as 1. LRFinder has none if it is INCONCLUSIVE. A pipeline then "
        f"fails or falls back. Trainings of more than {MAX_PASSES} passes over the "
        "data do not count.",
    ]
    for title, families in (
        ("Families on which constants may be chosen", CHOSEN_ON),
        ("Families that were left out", LEFT_OUT),
    ):
        scores = measure(
            families, arguments.seeds, all_budgets=not arguments.default_budget
        )
        names = list(dict.fromkeys(name for name, _, _ in scores))
        parts.append(f"{title}: {', '.join(families)}.")
        for schedule in SCHEDULES:
            rows = []
            for name in names:
                entries = [scores[name, schedule, steps] for steps in HORIZONS]
                costs = [cost for _, _, cost in entries[-1]]
                rows.append(
                    [name, *map(_cell, entries), f"{float(np.mean(costs)):.0f}"]
                )
            header = [f"{n} steps" for n in HORIZONS]
            parts.append(table([schedule, *header, "steps spent (3000)"], rows))
        print("\n\n".join(parts[-4:]), flush=True)
    arguments.output.write_text("\n\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
