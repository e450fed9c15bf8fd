"""The truth: test loss against learning rate, horizon and schedule, for each task.

``.ci/curves.sh benchmarks.learning_curves.truth`` records what is missing.
"""

import argparse
import dataclasses
import json
import pathlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks.arguments import output_file
from benchmarks.learning_curves.tasks import FAMILIES, Array, Task, make
from benchmarks.regret import REGRET_CAP, regrets

RATES = np.logspace(-6, 1, 29)
MARKS = (50, 100, 200, 300, 500, 800, 1000, 2000, 3000, 5000, 10000, 20000, 30000)
SCHEDULED = (300, 1000, 3000)
LONG = (10000, 30000)
"""Lengths that some tasks also train for, at a constant rate."""
LONG_NUMBERS = (0, 3, 4)
SEEDS = (1000, 1001)
TASKS_PER_FAMILY = 6
PATH = pathlib.Path(__file__).parents[1] / "results" / "learning_curves.json"


def names() -> list[tuple[str, int]]:
    """Returns the family and the number of every task."""
    return [(family, n) for n in range(TASKS_PER_FAMILY) for family in FAMILIES]


def schedule(name: str, num_steps: int) -> Array:
    """Returns the rate of each step over the peak, `[num_steps]`."""
    place = np.arange(num_steps) / num_steps
    falling = 0.5 * (1.0 + np.cos(np.pi * place))
    if name == "constant":
        return np.ones(num_steps)
    if name == "cosine":
        return falling
    warm = place / 0.3
    after = 0.5 * (1.0 + np.cos(np.pi * np.clip((place - 0.3) / 0.7, 0.0, 1.0)))
    return np.where(place < 0.3, 0.04 + 0.96 * warm, after)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Truth:
    """What each rate of the grid is worth on one task.

    Attributes:
      untrained: Test loss before training.
      losses: For each schedule and number of steps, the test loss at each rate,
        the mean over the seeds.
    """

    untrained: float
    losses: dict[tuple[str, int], Array]

    def regrets(self, schedule: str, num_steps: int) -> Array:
        """Returns `[rates]`: 0 for the best rate, 1 for the untrained model."""
        return regrets(self.losses[schedule, num_steps], self.untrained)

    def regret(self, rate: float | None, schedule: str, num_steps: int) -> float:
        """Returns the regret of a rate, linear in its logarithm; none counts as 1."""
        if rate is None:
            return 1.0
        known = self.regrets(schedule, num_steps)
        return float(np.interp(np.log(rate), np.log(RATES), known))

    def at_loss(self, loss: float, schedule: str, num_steps: int) -> float:
        """Returns the regret of a test loss; below zero if it beats every rate."""
        known = self.losses[schedule, num_steps]
        lowest = float(np.min(known[np.isfinite(known)]))
        return min((loss - lowest) / (self.untrained - lowest), REGRET_CAP)

    def best(self, schedule: str, num_steps: int) -> float:
        """Returns the best rate of the grid."""
        return float(RATES[np.argmin(self.regrets(schedule, num_steps))])


def measure(task: Task, number: int) -> dict[str, Any]:
    """Returns the record of one task."""
    from benchmarks.learning_curves.training import Grid

    grid = Grid(task)
    slow = task.family in ("recurrent", "attention") or task.batch_size >= 256
    longest = LONG[-1] if number in LONG_NUMBERS and not slow else SCHEDULED[-1]
    marks = [mark for mark in MARKS if mark <= longest]
    plan = [("constant", marks)]
    plan += [(name, [n]) for name in ("cosine", "one_cycle") for n in SCHEDULED]
    found: dict[str, list[float]] = {}
    for name, ends in plan:
        factors = schedule(name, ends[-1])
        seeds = SEEDS[:1] if slow or name != "constant" else SEEDS
        losses = np.mean([grid.losses(RATES, factors, ends, s) for s in seeds], axis=0)
        for end, line in zip(ends, losses, strict=True):
            found[f"{name} {end}"] = [
                float(f"{loss:.5g}") if np.isfinite(loss) else None for loss in line
            ]
    return {
        "optimizer": task.optimizer,
        "batch_size": task.batch_size,
        "num_train": task.num_train,
        "untrained": float(np.mean([grid.untrained(seed) for seed in SEEDS])),
        "losses": found,
    }


def load(path: pathlib.Path = PATH) -> dict[str, Truth]:
    """Returns the truths by task name."""
    found = {}
    for name, record in json.loads(path.read_text())["tasks"].items():
        losses = {}
        for key, line in record["losses"].items():
            kind, steps = key.split()
            losses[kind, int(steps)] = np.array(line, float)
        found[name] = Truth(untrained=record["untrained"], losses=losses)
    return found


def measured(families: Sequence[str]) -> Iterator[tuple[Task, Truth]]:
    """Yields the tasks of some families whose truth is recorded, with that truth."""
    truths = load()
    for family, number in names():
        known = truths.get(f"{family} {number}")
        if family in families and known is not None:
            yield make(family, number), known


def mean_over_families(scores: Sequence[tuple[str, float]]) -> float:
    """Returns the mean of the means of each family, from families and their scores."""
    by_family: dict[str, list[float]] = {}
    for family, score in scores:
        by_family.setdefault(family, []).append(score)
    return float(np.mean([np.mean(part) for part in by_family.values()]))


def main() -> None:
    """Records the tasks that the file does not have, and writes after each one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=output_file, default=PATH)
    path = parser.parse_args().output
    tasks = json.loads(path.read_text())["tasks"] if path.exists() else {}
    for family, number in names():
        task = make(family, number)
        if task.name in tasks:
            continue
        began = time.monotonic()
        tasks[task.name] = measure(task, number)
        print(f"{task.name}: {time.monotonic() - began:.0f} s", flush=True)
        document = {"learning_rates": RATES.tolist(), "seeds": SEEDS, "tasks": tasks}
        part = path.with_suffix(".part")
        part.write_text(json.dumps(document, allow_nan=False) + "\n")
        part.replace(path)


if __name__ == "__main__":
    main()
