"""Batches whose loss is not finite, and whether the data are to blame."""

import dataclasses
import math
from collections.abc import Sequence

from tfx_lr_finder.range_test.candidates import Candidate, excluding
from tfx_lr_finder.range_test.sweep import Sweep

CLEAR_FACTOR = 10.0
"""Rates this far apart do not fail alike, unless the data make them fail."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class NonFinite:
    """The batches of a range test whose loss was not finite.

    Attributes:
      num_train: Training batches; each ended its sweep or short training.
      lowest_rate: The smallest learning rate at which one occurred, or None.
      num_eval: Held-out batches whose loss was not finite after any short training.
      num_eval_batches: Held-out batches.
      points_to_data: Whether a fault in the data explains it better than large rates.
    """

    num_train: int
    lowest_rate: float | None
    num_eval: int
    num_eval_batches: int
    points_to_data: bool

    def __str__(self) -> str:
        """Returns the counts in words; empty if every loss was finite."""
        parts = []
        if self.num_train:
            batches = _count(self.num_train, "training batch")
            parts.append(f"{batches} at learning rates from {self.lowest_rate:.3g} up")
        if self.num_eval:
            parts.append(f"{self.num_eval} of {self.num_eval_batches} held-out losses")
        return " and ".join(parts)


def unique_trainings(
    probes: Sequence[Candidate],
    candidates: Sequence[Candidate],
    final_check: Candidate | None,
) -> tuple[Candidate, ...]:
    """Returns every short training once; probes may be candidates too."""
    last = () if final_check is None else (final_check,)
    return (*excluding(probes, candidates), *candidates, *last)


def count_non_finite(
    sweeps: Sequence[Sweep], trainings: Sequence[Candidate]
) -> NonFinite:
    """Returns the batches whose loss was not finite.

    Args:
      sweeps: Every sweep.
      trainings: Every short training.
    """
    points = [
        (rate, math.isfinite(loss))
        for sweep in sweeps
        for rate, loss in zip(sweep.learning_rates, sweep.losses, strict=False)
    ]
    broken = [item for item in trainings if not math.isfinite(item.train_loss)]
    finite = [item for item in trainings if math.isfinite(item.train_loss)]
    by_batch = [
        any(map(math.isfinite, losses))
        for losses in zip(*(item.eval_losses for item in finite), strict=False)
    ]
    broken_sweeps = [rate for rate, is_finite in points if not is_finite]
    bad = broken_sweeps + [item.learning_rate for item in broken]
    good = [rate for rate, is_finite in points if is_finite]
    good += [item.learning_rate for item in finite]
    too_early = CLEAR_FACTOR * min(broken_sweeps, default=math.inf)
    return NonFinite(
        num_train=len(bad),
        lowest_rate=min(bad, default=None),
        num_eval=by_batch.count(False),
        num_eval_batches=len(by_batch),
        points_to_data=(
            False in by_batch
            or too_early < max(good, default=0.0)
            or _same_batch_breaks(broken, finite)
        ),
    )


def _same_batch_breaks(
    broken: Sequence[Candidate], finite: Sequence[Candidate]
) -> bool:
    """Returns whether trainings at very different rates all end at the same batch.

    Short trainings share their batches, so no training gets past one whose loss is not
    finite because of its values.
    """
    for last in broken:
        rates = [t.learning_rate for t in broken if t.num_steps == last.num_steps]
        passed = any(t.num_steps >= last.num_steps for t in finite)
        passed = passed or any(t.num_steps > last.num_steps for t in broken)
        if not passed and max(rates) >= CLEAR_FACTOR * min(rates) * 0.999:
            return True
    return False


def data_doubts(found: NonFinite) -> list[str]:
    """Returns the reason for a verdict that blames the data; empty if none does."""
    if not found.points_to_data:
        return []
    return [
        f"The loss was not finite for {found}. Larger rates did not cause that, so "
        "look for missing or infinite values in the features and the labels, and for "
        "log of 0 or division by 0 in the model."
    ]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}es"
