"""Excess over the best rate in hindsight, and bad models; no TensorFlow."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.regret import REGRET_CAP

FIXED = "hand-written"
DEFAULT = "Keras' default"
DAY_1 = "found on day 1"
LAST = "last run's"
FALLBACK = "LRFinder, fallback"
LAST_GOOD = "LRFinder, last_good"
SEARCH = "search"
SEARCH_5 = "search, 5 times the steps"
CONTESTANTS = (FIXED, DEFAULT, DAY_1, LAST, FALLBACK, LAST_GOOD, SEARCH, SEARCH_5)

BAD = 0.25
"""Excess above which a model is bad."""
LEAST_GAIN = 0.05
"""Share of the reference that the best rate must gain, so that excess means much."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choice:
    """What one contestant did on one span.

    Attributes:
      contestant: Its name.
      learning_rate: The rate it trained with.
      losses: Test loss after the training of each seed.
      steps: Training steps spent to choose the rate.
      seconds: CPU time of the choice.
      verdict: Of LRFinder; "" for the others.
    """

    contestant: str
    learning_rate: float
    losses: tuple[float, ...]
    steps: int
    seconds: float
    verdict: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measured:
    """The truth of one span, and all choices.

    Attributes:
      family: Name of the family.
      span: Its number in the family.
      change: What changed.
      broken: Whether there is nothing to learn.
      optimizer: Name of the optimizer.
      batch_size: Rows per step.
      train_steps: Training steps.
      rates: The rates of the truth.
      losses: Test losses, `[rates][seeds]`.
      untrained: Test loss before training.
      prior: Test loss of the best guess that looks at no feature.
      choices: One of each contestant.
    """

    family: str
    span: int
    change: str
    broken: bool
    optimizer: str
    batch_size: int
    train_steps: int
    rates: tuple[float, ...]
    losses: tuple[tuple[float, ...], ...]
    untrained: float
    prior: float
    choices: tuple[Choice, ...]

    @property
    def reference(self) -> float:
        """The loss that a model must beat: untrained or without features."""
        return min(self.untrained, self.prior)

    @property
    def learnable(self) -> bool:
        """Whether some rate lowers the reference by at least `LEAST_GAIN`."""
        gain = 1.0 - self.best()[1] / self.reference
        return not self.broken and gain >= LEAST_GAIN

    def best(self) -> tuple[float, float]:
        """Returns the best rate in hindsight and its mean loss over the seeds.

        It is the best of the rates of the truth and of what contestants chose.
        """
        found = list(zip(self.rates, map(_mean, self.losses), strict=True))
        found += [(c.learning_rate, _mean(c.losses)) for c in self.choices]
        return min(found, key=lambda entry: entry[1])

    def of(self, contestant: str) -> Choice:
        """Returns the choice of one contestant."""
        return next(entry for entry in self.choices if entry.contestant == contestant)

    def excess(self, contestant: str) -> npt.NDArray[np.float64]:
        """Returns the excess of each seed; see `excess`."""
        return excess(self.of(contestant).losses, self.best()[1], self.reference)


def _mean(losses: Sequence[float]) -> float:
    """Returns the mean loss, infinite if one is not finite."""
    mean = float(np.mean(losses))
    return mean if np.isfinite(mean) else np.inf


def excess(
    losses: npt.ArrayLike, best: float, reference: float
) -> npt.NDArray[np.float64]:
    """Returns the share of the possible gain that each training gives away.

    Args:
      losses: Test losses, not finite if the training diverged.
      best: The loss of the best rate in hindsight.
      reference: The loss of the untrained model or of a guess without features,
        whichever is lower.

    Returns:
      0 for the best rate, 1 for the reference, at most `REGRET_CAP`. A seed may be
      below 0, the mean over the seeds of one span is not.
    """
    values = np.asarray(losses, np.float64)
    values = np.where(np.isfinite(values), values, np.inf)
    return np.minimum((values - best) / (reference - best), REGRET_CAP)


def summary(span: Measured) -> str:
    """Returns one line for the terminal: the best rate, and some excesses."""
    means = {name: np.mean(span.excess(name)) for name in (FIXED, LAST_GOOD, SEARCH)}
    shown = ", ".join(f"{name} {mean:.2f}" for name, mean in means.items())
    best = f"best rate {span.best()[0]:.2g}"
    spent = f"{sum(choice.seconds for choice in span.choices):.0f} CPU s for choices"
    verdict = span.of(LAST_GOOD).verdict
    return f"{span.family} {span.span}: {best}, {shown}, {verdict}, {spent}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Total:
    """The sum over all learnable spans.

    Attributes:
      contestant: Its name.
      mean: Mean excess.
      median: Median excess.
      worst: Highest mean excess of a span.
      bad: Trainings whose excess is above `BAD`.
      trainings: Trainings in all.
      steps: Mean steps to choose a rate.
    """

    contestant: str
    mean: float
    median: float
    worst: float
    bad: int
    trainings: int
    steps: float


def total(spans: Sequence[Measured], contestant: str) -> Total:
    """Returns one contestant's total over learnable spans."""
    each = np.array([span.excess(contestant) for span in spans])
    steps = [span.of(contestant).steps for span in spans]
    return Total(
        contestant=contestant,
        mean=float(each.mean()),
        median=float(np.median(each)),
        worst=float(each.mean(1).max()),
        bad=int((each > BAD).sum()),
        trainings=each.size,
        steps=float(np.mean(steps)),
    )


def verdicts(spans: Sequence[Measured]) -> dict[str, int]:
    """Returns how often LRFinder gave each verdict."""
    seen: dict[str, int] = {}
    for span in spans:
        verdict = span.of(LAST_GOOD).verdict
        seen[verdict] = seen.get(verdict, 0) + 1
    return seen


def by_family(
    spans: Sequence[Measured], value: Callable[[Sequence[Measured]], Any]
) -> dict[str, Any]:
    """Returns a value of the spans of each family."""
    names = dict.fromkeys(span.family for span in spans)
    return {n: value([span for span in spans if span.family == n]) for n in names}


def wins(
    spans: Sequence[Measured], one: str, other: str, tie: float
) -> tuple[int, int, int]:
    """Returns in how many spans one is better than another, equal and worse.

    Args:
      spans: Learnable spans.
      one: A contestant.
      other: Another.
      tie: Difference of the mean excess up to which two are equal.
    """
    gaps = [float(np.mean(s.excess(other)) - np.mean(s.excess(one))) for s in spans]
    better, worse = (sum(sign * gap > tie for gap in gaps) for sign in (1, -1))
    return better, len(gaps) - better - worse, worse
