"""The truth: held-out loss after the whole job, at each constant rate of a grid."""

import dataclasses
import json
import pathlib

import numpy as np
import numpy.typing as npt

from benchmarks.quality.loop import TrainingLoop
from benchmarks.quality.task import Task, epoch_order
from benchmarks.regret import REGRET_CAP, regrets

GRID = np.logspace(-6, 1, 29)
SEEDS = (1000, 1001, 1002)
CACHE = pathlib.Path(__file__).parents[1] / "results" / "quality_truth.json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Truth:
    """What each rate of the grid is worth on one task.

    Attributes:
        fingerprint: of the task this was measured on.
        untrained: mean held-out loss before training.
        losses: ``[num_rates, num_seeds]``, after training; not finite if it diverged.
        train_steps: steps each run took.
    """

    fingerprint: str
    untrained: float
    losses: tuple[tuple[float, ...], ...]
    train_steps: int

    def regrets(self) -> npt.NDArray[np.float64]:
        """Returns ``[num_rates]``: 0 for the best rate, 1 for not training at all."""
        means = np.mean(np.array(self.losses, np.float64), axis=1)
        return regrets(means, self.untrained)

    def regret(self, learning_rate: float | None) -> float:
        """Returns the regret of one rate, linear in its logarithm between rates.

        Args:
            learning_rate: what a finder suggests; ``None`` or a number that is not
                finite and positive counts as `REGRET_CAP`.
        """
        if learning_rate is None or not 0 < learning_rate < np.inf:
            return REGRET_CAP
        return float(np.interp(np.log(learning_rate), np.log(GRID), self.regrets()))

    def best(self) -> float:
        """Returns the rate of the grid with the lowest mean loss."""
        return float(GRID[np.argmin(self.regrets())])


def measure(task: Task) -> Truth:
    """Returns the truth of one task, by training at every rate with every seed."""
    loop = TrainingLoop(task)
    losses = np.full((len(GRID), len(SEEDS)), np.nan)
    untrained = []
    for column, seed in enumerate(SEEDS):
        rows = epoch_order(
            len(task.data.train), task.batch_size, task.train_steps, seed
        )
        state = loop.initial_state(seed)
        loop.restore(state)
        untrained.append(loop.loss("test"))
        for index, rate in enumerate(GRID):
            loop.restore(state)
            loop.train(np.full(task.train_steps, rate), rows)
            losses[index, column] = loop.loss("test")
    return Truth(
        fingerprint=task.fingerprint(),
        untrained=float(np.mean(untrained)),
        losses=tuple(tuple(row) for row in losses.tolist()),
        train_steps=task.train_steps,
    )


def load(path: pathlib.Path = CACHE) -> dict[str, Truth]:
    """Returns the cached truths by task name; empty where there is no cache yet."""
    if not path.exists():
        return {}
    entries = json.loads(path.read_text())["tasks"]
    return {
        name: Truth(
            fingerprint=entry["fingerprint"],
            untrained=entry["untrained"],
            losses=tuple(
                tuple(np.nan if loss is None else loss for loss in row)
                for row in entry["losses"]
            ),
            train_steps=entry["train_steps"],
        )
        for name, entry in entries.items()
    }


def save(truths: dict[str, Truth], path: pathlib.Path = CACHE) -> None:
    """Writes the truths as strict JSON; losses that are not finite become null."""
    entries = {}
    for name, truth in sorted(truths.items()):
        entry = dataclasses.asdict(truth)
        entry["losses"] = [
            [float(f"{loss:.6g}") if np.isfinite(loss) else None for loss in row]
            for row in truth.losses
        ]
        entries[name] = entry
    document = {
        "learning_rates": [float(f"{rate:.6g}") for rate in GRID],
        "seeds": list(SEEDS),
        "tasks": entries,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    half_written = path.with_suffix(".tmp")
    half_written.write_text(json.dumps(document, allow_nan=False, indent=1) + "\n")
    half_written.replace(path)
