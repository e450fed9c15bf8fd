"""Verdicts on junk and on clean curves: ``python -m benchmarks.quality.curves``."""

import argparse
import collections
import json
import pathlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.arguments import output_file
from benchmarks.quality.jobs import prepare_process
from benchmarks.quality.junk import KINDS, Array, JunkLoop
from benchmarks.quality.task import Task, epoch_order
from benchmarks.tables import table

RESULTS = pathlib.Path(__file__).parents[1] / "results"
_VERDICTS = ("OK", "LOW_CONFIDENCE", "INCONCLUSIVE")
_NUM_EVAL_BATCHES = 16
_MANY_STEPS = 2000


class TaskLoop:
    """Adapts a task's training loop to `range_test.sweep.TrainingLoop`."""

    def __init__(self, task: Task) -> None:
        """Compiles the loop; `start` gives it a seed."""
        from benchmarks.quality.loop import TrainingLoop

        self._task = task
        self._loop = TrainingLoop(task)

    def start(self, seed: int) -> "TaskLoop":
        """Takes the weights and the order of data of this seed."""
        task = self._task
        self._state = self._loop.initial_state(seed)
        self._rows = epoch_order(
            len(task.data.train), task.batch_size, _MANY_STEPS, 5000 + seed
        )
        self._sweep_begin = self._step = 0
        return self

    def begin_sweep(self) -> None:
        """Restores the initial weights; the next batches are new to all sweeps."""
        self._loop.restore(self._state)

    def begin_candidate(self) -> None:
        """Restores the initial weights and the first batches."""
        self._loop.restore(self._state)
        self._step = 0

    def train(self, learning_rates: Array, stop_above: float = np.inf) -> Array:
        """Returns the losses up to one that is not finite."""
        del stop_above
        rows = self._rows[self._step : self._step + len(learning_rates)]
        losses = self._loop.train(learning_rates, rows)
        bad = np.flatnonzero(~np.isfinite(losses))
        if len(bad):
            losses = losses[: bad[0] + 1]
        self._step += len(losses)
        return losses

    def evaluate(self) -> Array:
        """Returns the held-out loss of each of up to 16 equal batches."""
        return self._loop.batch_losses("eval", _NUM_EVAL_BATCHES)[None]


def verdicts(
    make: Callable[[int], Any], count: int, **parameters: Any
) -> dict[str, int]:
    """Returns how often each verdict falls over ``count`` seeds."""
    from tfx_lr_finder.range_test.config import RangeTestConfig
    from tfx_lr_finder.range_test.finder import run_range_test

    seen: collections.Counter[str] = collections.Counter()
    for seed in range(count):
        config = RangeTestConfig(seed=seed, **parameters)
        report = run_range_test(make(seed), config, time.monotonic)
        seen[report.verdict.name] += 1
    return {name: seen[name] for name in _VERDICTS}


def main() -> None:
    """Counts verdicts and writes the two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=60, help="curves of each kind")
    parser.add_argument("--tasks", default="", help="parts of names, by commas")
    parser.add_argument("--junk-only", action="store_true")
    parser.add_argument(
        "--output", type=output_file, default=RESULTS / "quality_curves.md"
    )
    arguments = parser.parse_args()
    prepare_process()
    settings: dict[str, dict[str, Any]] = {
        "600 steps": {"max_steps": 600},
        "200 steps": {"max_steps": 200},
        "curves only": {"confirm_steps": 0},
    }
    counts: dict[str, dict[str, dict[str, int]]] = {"junk": {}, "clean": {}}
    for kind in KINDS:
        for setting, parameters in settings.items():
            counts["junk"][f"{kind}, {setting}"] = verdicts(
                lambda seed, kind=kind: JunkLoop(kind, seed),
                arguments.count,
                **parameters,
            )
    if not arguments.junk_only:
        from benchmarks.quality.tasks import TASKS

        parts = [part for part in arguments.tasks.split(",") if part]
        for name, task in TASKS.items():
            if not parts or any(part in name for part in parts):
                loop = TaskLoop(task)
                for setting, parameters in list(settings.items())[:2]:
                    counts["clean"][f"{name}, {setting}"] = verdicts(
                        loop.start, arguments.count, **parameters
                    )
    text = _document(counts, arguments.count)
    print(text)
    arguments.output.write_text(text)
    arguments.output.with_suffix(".json").write_text(
        json.dumps(counts, indent=1) + "\n"
    )


def _document(counts: dict[str, dict[str, dict[str, int]]], count: int) -> str:
    parts = [
        "# Verdicts on curves without a signal and on real curves",
        f"Command: `python -m benchmarks.quality.curves`, {count} curves of each kind.",
    ]
    goals = {"junk": "never OK", "clean": "never INCONCLUSIVE"}
    for group, goal in goals.items():
        rows = [
            [kind, *[str(row[name]) for name in _VERDICTS]]
            for kind, row in counts[group].items()
        ]
        if rows:
            parts += [
                f"{group.capitalize()} ({goal}):",
                table([group, *_VERDICTS], rows),
            ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
