"""The rules against their namesakes on the same sweeps.

Command: ``.ci/curves.sh benchmarks.learning_curves.rules``.

Every rule reads the same recorded sweeps. Regret is measured at trainings of 300, 500
and 800 steps at a constant rate.
"""

import argparse
import pathlib
from typing import Any

import numpy as np

from benchmarks.arguments import output_file
from benchmarks.learning_curves import truth
from benchmarks.learning_curves.tasks import CHOSEN_ON, LEFT_OUT, Array, Task
from benchmarks.learning_curves.training import Loop
from benchmarks.quality import peers
from benchmarks.tables import table
from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.finder import combine, read
from tfx_lr_finder.range_test.rules import RULES
from tfx_lr_finder.range_test.sweep import Sweep, run_sweep

RESULTS = pathlib.Path(__file__).parents[1] / "results"
NUM_RATES = (30, 100, 200, 400)
HORIZONS = (300, 500, 800)
SEEDS = range(4)
MIN_LR, MAX_LR = 1e-7, 10.0

PEERS = [
    peer
    for peer in peers.PEERS
    if peer.name
    in (
        "fastai valley",
        "fastai steep",
        "fastai slide",
        "fastai minimum/10",
        "pytorch-lr-finder",
        "Lightning >= 2.5.3",
    )
]

Readings = dict[tuple[str, int], list[tuple[str, float, float]]]
"""By rule and number of rates: the family, the regret, the decades from the best."""


class _Recorded:
    """A loop that trains a whole sweep once, for us and for the peers."""

    def __init__(self, losses: Array) -> None:
        self._losses, self._step = losses, 0

    def begin_sweep(self) -> None:
        """Starts over."""
        self._step = 0

    def train(self, learning_rates: Array, stop_above: float = np.inf) -> Array:
        """Returns the recorded losses, up to one that is not finite."""
        del stop_above
        losses = self._losses[self._step : self._step + len(learning_rates)]
        self._step += len(losses)
        return losses


def record(task: Task) -> dict[int, list[tuple[Array, Array]]]:
    """Returns the rates and the losses of the sweeps of each length."""
    loop = Loop(task)
    sweeps: dict[int, list[tuple[Array, Array]]] = {num: [] for num in NUM_RATES}
    for seed in SEEDS:
        loop.begin(seed)
        for num in NUM_RATES:
            rates = np.geomspace(MIN_LR, MAX_LR, num)
            loop.begin_sweep()
            sweeps[num].append((rates, loop.train(rates)))
    return sweeps


def ours(rates: Array, losses: Array) -> Sweep:
    """Returns the sweep of this package over recorded losses."""
    config = RangeTestConfig(
        min_lr=MIN_LR, max_lr=MAX_LR, num_rates=len(rates), confirm_steps=0
    )
    loop: Any = _Recorded(losses)
    return run_sweep(loop, rates, config)


def measure(families: tuple[str, ...]) -> Readings:
    """Returns the readings of all rules on the tasks of some families."""
    found = Readings()
    for task, known in truth.measured(families):
        for num, pairs in record(task).items():
            sweeps = [ours(*pair) for pair in pairs]
            rates = {rule: [read(rule, sweep) for sweep in sweeps] for rule in RULES}
            rates["valley, median of 3"] = [combine(rates["valley"][:3])]
            for peer in PEERS:
                rates[peer.name] = [
                    peers.at(peer, ladder).find([losses])[0] for ladder, losses in pairs
                ]
            for name, suggested in rates.items():
                found.setdefault((name, num), []).extend(
                    (task.family, *_score(known, rate)) for rate in suggested
                )
    return found


def _score(known: truth.Truth, rate: float | None) -> tuple[float, float]:
    regrets = [known.regret(rate, "constant", steps) for steps in HORIZONS]
    best = [np.log10(known.best("constant", steps)) for steps in HORIZONS]
    away = np.nan if rate is None else float(np.log10(rate) - np.mean(best))
    return float(np.mean(regrets)), away


def _cell(entries: list[tuple[str, float, float]]) -> str:
    """Returns the mean regret over families and the median distance in decades."""
    mean = truth.mean_over_families([(family, regret) for family, regret, _ in entries])
    away = [distance for _, _, distance in entries if np.isfinite(distance)]
    return f"{mean:.3f} ({np.median(away) if away else np.nan:+.2f})"


def main() -> None:
    """Measures, prints the tables and writes them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=output_file, default=RESULTS / "rules.md")
    arguments = parser.parse_args()
    parts = [
        "# The rules and their namesakes on the same sweeps",
        "Command: `.ci/curves.sh benchmarks.learning_curves.rules`.",
        "A cell has the mean regret over families (0: the best rate, 1: the untrained "
        "model; a rule without a rate counts as 1), and in brackets the median "
        "distance to the best rate in decades. Sweeps run from 1e-7 to 10, with 4 "
        "seeds. Trainings take 300, 500 and 800 steps.",
    ]
    for title, families in (
        ("Families on which the constants were chosen", CHOSEN_ON),
        ("Families that were left out", LEFT_OUT),
    ):
        found = measure(families)
        names = list(dict.fromkeys(name for name, _ in found))
        rows = [
            [name, *[_cell(found[name, num]) for num in NUM_RATES]] for name in names
        ]
        parts += [
            f"{title}: {', '.join(families)}.",
            table(["rule", *[f"{num} rates" for num in NUM_RATES]], rows),
        ]
        print("\n\n".join(parts[-2:]), flush=True)
    arguments.output.write_text("\n\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
