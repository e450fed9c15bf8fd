"""From suggestions to numbers: regret, spread, and an honest interval."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from benchmarks.quality.contestants import Contestant, Finding
from benchmarks.quality.truth import Truth

Array = npt.NDArray[np.float64]

CATASTROPHE = 0.5
CLOSE = 0.05
_NUM_RESAMPLES = 5000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Score:
    """How one finder did.

    Attributes:
        finder: its name.
        mean: mean regret over tasks and seeds (0 best rate, 1 not trained, at most 2).
        median: likewise.
        p90: 90th percentile over tasks and seeds.
        worst: largest of all.
        within_5_percent: share of suggestions with a regret of at most 0.05.
        catastrophes: share with a regret above 0.5.
        spread: standard deviation of log10 rate over seeds, mean over tasks.
        steps: mean steps spent.
        left_out: smallest and largest mean when any one task is left out.
        by_task: mean regret of each task.
    """

    finder: str
    mean: float
    median: float
    p90: float
    worst: float
    within_5_percent: float
    catastrophes: float
    spread: float
    steps: float
    left_out: tuple[float, float]
    by_task: dict[str, float]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Difference:
    """Mean regret of one finder less another's, with a 95 % bootstrap interval."""

    finder: str
    other: str
    mean: float
    low: float
    high: float


def regrets(
    findings: Sequence[Finding], finder: str, truths: dict[str, Truth]
) -> tuple[list[str], Array]:
    """Returns the tasks and ``[num_tasks, num_seeds]`` regrets of one finder."""
    mine = [entry for entry in findings if entry.finder == finder]
    tasks = sorted({entry.task for entry in mine})
    rows = [
        [truths[e.task].regret(e.learning_rate) for e in mine if e.task == task]
        for task in tasks
    ]
    return tasks, np.array(rows)


def score(findings: Sequence[Finding], finder: str, truths: dict[str, Truth]) -> Score:
    """Returns how one finder did over all its findings."""
    tasks, values = regrets(findings, finder, truths)
    means = values.mean(axis=1)
    left_out = means
    if len(means) > 1:
        left_out = (means.sum() - means) / (len(means) - 1)
    return Score(
        finder=finder,
        mean=float(values.mean()),
        median=float(np.median(values)),
        p90=float(np.quantile(values, 0.9)),
        worst=float(values.max()),
        within_5_percent=float((values <= CLOSE).mean()),
        catastrophes=float((values > CATASTROPHE).mean()),
        spread=_spread(findings, finder),
        steps=float(np.mean([e.steps for e in findings if e.finder == finder])),
        left_out=(float(left_out.min()), float(left_out.max())),
        by_task=dict(zip(tasks, means.tolist(), strict=True)),
    )


def _spread(findings: Sequence[Finding], finder: str) -> float:
    rates: dict[str, list[float]] = {}
    for entry in findings:
        if entry.finder == finder and entry.learning_rate:
            rates.setdefault(entry.task, []).append(np.log10(entry.learning_rate))
    deviations = [np.std(logs, ddof=1) for logs in rates.values() if len(logs) > 1]
    return float(np.mean(deviations)) if deviations else float("nan")


def difference(
    findings: Sequence[Finding], finder: str, other: str, truths: dict[str, Truth]
) -> Difference:
    """Returns the paired difference; tasks are resampled, and seeds within tasks."""
    _, mine = regrets(findings, finder, truths)
    _, theirs = regrets(findings, other, truths)
    gaps = mine - theirs
    num_tasks, num_seeds = gaps.shape
    rng = np.random.default_rng(0)
    tasks = rng.integers(0, num_tasks, (_NUM_RESAMPLES, num_tasks, 1))
    seeds = rng.integers(0, num_seeds, (_NUM_RESAMPLES, num_tasks, num_seeds))
    means = gaps[tasks, seeds].mean(axis=(1, 2))
    return Difference(
        finder=finder,
        other=other,
        mean=float(gaps.mean()),
        low=float(np.quantile(means, 0.025)),
        high=float(np.quantile(means, 0.975)),
    )


def differences(
    findings: Sequence[Finding],
    contestants: Sequence[Contestant],
    truths: dict[str, Truth],
) -> list[Difference]:
    """Returns ours against the best peer of at least our budget, and of any."""
    peers = [entry for entry in contestants if not entry.ours]
    out = []
    for mine in (entry for entry in contestants if entry.ours):
        rivals = [
            min(group, key=lambda peer: score(findings, peer.name, truths).mean).name
            for group in ([p for p in peers if p.budget >= mine.budget], peers)
            if group
        ]
        out += [
            difference(findings, mine.name, rival, truths)
            for rival in dict.fromkeys(rivals)
        ]
    return out
