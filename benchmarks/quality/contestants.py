"""Who is compared: the finder of this project at two budgets, and the peers."""

import dataclasses
import functools
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.quality.loop import TrainingLoop
from benchmarks.quality.peers import PEERS, Array, Peer
from benchmarks.quality.task import Task, epoch_order


@dataclasses.dataclass(frozen=True, kw_only=True)
class Finding:
    """One suggestion.

    Attributes:
        finder: who made it.
        task: on which task.
        seed: of the model's weights and the order of the data.
        learning_rate: the suggestion, or ``None``.
        steps: training steps it took.
        verdict: what the finder thinks of it; peers think nothing, "".
    """

    finder: str
    task: str
    seed: int
    learning_rate: float | None
    steps: int
    verdict: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Contestant:
    """A finder under test.

    Attributes:
        name: for the tables.
        budget: the most steps it may take.
        ours: whether it is this project's.
        find: a bench and a seed to a finding.
    """

    name: str
    budget: int
    ours: bool
    find: Callable[["Bench", int], Finding]


class Bench:
    """A task with the compiled loop and the sweeps that peers share."""

    def __init__(self, task: Task) -> None:
        """Compiles nothing until a peer asks for a sweep."""
        self.task = task
        self._sweeps: dict[tuple[tuple[float, ...], int, int], Array] = {}

    @functools.cached_property
    def _loop(self) -> TrainingLoop:
        return TrainingLoop(self.task)

    def sweep(self, ladder: tuple[float, ...], seed: int, replicate: int) -> Array:
        """Returns the raw losses along a ladder, from the weights of ``seed``."""
        key = (ladder, seed, replicate)
        if key not in self._sweeps:
            task = self.task
            rows = epoch_order(
                len(task.data.train),
                task.batch_size,
                len(ladder),
                31 * seed + replicate,
            )
            self._loop.restore(self._loop.initial_state(seed))
            self._sweeps[key] = self._loop.train(np.array(ladder), rows)
        return self._sweeps[key]


def _peer(peer: Peer) -> Contestant:
    def find(bench: Bench, seed: int) -> Finding:
        sweeps = [bench.sweep(peer.ladder, seed, i) for i in range(peer.num_sweeps)]
        rate, steps = peer.find(sweeps)
        return Finding(
            finder=peer.name,
            task=bench.task.name,
            seed=seed,
            learning_rate=rate,
            steps=steps,
        )

    return Contestant(
        name=peer.name,
        budget=peer.num_sweeps * len(peer.ladder),
        ours=False,
        find=find,
    )


def _ours(max_steps: int, *, give_train_steps: bool) -> Contestant:
    name = f"ours, {max_steps} steps"
    name += ", train_steps given" if give_train_steps else ""

    def find(bench: Bench, seed: int) -> Finding:
        from tfx_lr_finder.runtime.find import find_learning_rate

        task = bench.task
        report = find_learning_rate(
            task.build(seed),
            *task.datasets(seed),
            max_steps=max_steps,
            train_steps=task.train_steps if give_train_steps else None,
            seed=seed,
        )
        return Finding(
            finder=name,
            task=task.name,
            seed=seed,
            learning_rate=report.learning_rate,
            steps=report.steps_spent,
            verdict=report.verdict.name,
        )

    return Contestant(name=name, budget=max_steps, ours=True, find=find)


CONTESTANTS = (
    _ours(600, give_train_steps=False),
    _ours(600, give_train_steps=True),
    _ours(200, give_train_steps=False),
    *(_peer(peer) for peer in PEERS),
)


def findings_on(
    task: Task,
    contestants: Sequence[Contestant],
    seeds: Sequence[int],
    kept: Sequence[Finding] = (),
) -> list[Finding]:
    """Returns what each contestant finds on one task, from each seed.

    Args:
        task: to find a rate for.
        contestants: who is asked.
        seeds: of the weights and the order of the data.
        kept: findings that need not be made again.
    """
    bench = Bench(task)
    known = {(entry.finder, entry.seed): entry for entry in kept}
    return [
        known.get((entry.name, seed)) or entry.find(bench, seed)
        for entry in contestants
        for seed in seeds
    ]
