"""How much evidence the held-out rows hold: what is repeated, and what was trained on.

Every row is known by a hash of its features and its label. Few-valued features repeat
by nature, so only repetition beyond that of the training data counts.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tfx_lr_finder.range_test.values import FloatArray

IntArray = npt.NDArray[np.int64]

MAX_UNITS = 256
MAX_OVERLAP = 0.05
MIN_WINDOW = 8


@dataclasses.dataclass(frozen=True, kw_only=True)
class HeldOut:
    """The held-out data, as far as the evidence depends on them.

    Attributes:
      unit: The unit of the evidence: "row", or "batch" if the loss has no value for
        each row.
      num_rows: Rows that score a candidate.
      num_units: The units of those rows.
      num_independent: Independent units among them. Copies of a row count once. 0 if
        all rows are also training rows.
      overlap_fraction: Fraction of the rows read that are also training rows, beyond
        the repetition of the data themselves. These rows score only if all are such.
      duplicate_fraction: Fraction of the rows that are copies of others, beyond the
        repetition of the training data.
      num_not_finite: Rows left out because the untrained model's loss on them is not
        finite.
    """

    unit: str
    num_rows: int
    num_units: int
    num_independent: float
    overlap_fraction: float = 0.0
    duplicate_fraction: float = 0.0
    num_not_finite: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class RowFacts:
    """What the hashes of the held-out rows and of the training rows say.

    Attributes:
      kept: Whether each held-out row scores, bool `[n]`.
      overlap_fraction: See `HeldOut`.
      duplicate_fraction: See `HeldOut`.
      all_trained_on: Whether no held-out row is new to the candidates.
    """

    kept: npt.NDArray[np.bool_]
    overlap_fraction: float
    duplicate_fraction: float
    all_trained_on: bool


def compare_rows(held_out: IntArray, train: IntArray, batch_size: int) -> RowFacts:
    """Returns which held-out rows count, from the hashes of all rows.

    A held-out dataset that repeats is cut to one pass. Rows that candidates train on
    are left out, unless that leaves no row.

    Args:
      held_out: Hashes of the held-out rows, int64 `[n]`, n >= 1.
      train: Hashes of the rows that candidates train on, int64 `[m]`.
      batch_size: Rows of a training batch.
    """
    kept = np.arange(len(held_out)) < period(held_out)
    train = train[: period(train)]
    natural = _natural_rate(train, max(batch_size, MIN_WINDOW))
    overlap = _overlap_fraction(held_out[kept], train, natural)
    all_trained_on = False
    if overlap > 0.0:
        fresh = kept & ~np.isin(held_out, train)
        all_trained_on = not fresh.any()
        kept = kept if all_trained_on else fresh
    return RowFacts(
        kept=kept,
        overlap_fraction=overlap,
        duplicate_fraction=1.0 - 1.0 / _design_effect(held_out[kept], natural),
        all_trained_on=all_trained_on,
    )


def period(hashes: IntArray) -> int:
    """Returns after how many rows a sequence starts again; its length if it does not.

    Args:
      hashes: int64 `[n]`.

    References:
      D. Knuth, J. Morris, V. Pratt, "Fast pattern matching in strings", 1977.
    """
    values = hashes.tolist()
    border = [0] * len(values)
    for i in range(1, len(values)):
        length = border[i - 1]
        while length and values[i] != values[length]:
            length = border[length - 1]
        border[i] = length + (values[i] == values[length])
    again = border[-1] if values else 0
    found = len(values) - again
    # A few equal rows at both ends are chance.
    return found if again >= min(found, 4) else len(values)


def to_units(rows: FloatArray, num_units: int) -> FloatArray:
    """Returns the rows dealt to groups, scaled so that their mean is that of the rows.

    Groups keep a report small, and their means are closer to a normal distribution.

    Args:
      rows: float64 `[n]`, n >= 1.
      num_units: Groups, from 1 to n.

    Returns:
      float64 `[num_units]`.
    """
    sums = np.bincount(np.arange(len(rows)) % num_units, rows, num_units)
    units: FloatArray = sums * (num_units / len(rows))
    return units


def concatenated(hashes: Sequence[IntArray]) -> IntArray:
    """Returns the hashes of several batches as one array, which may be empty."""
    return np.concatenate([np.empty(0, np.int64), *hashes])


def _natural_rate(train: IntArray, window: int) -> float:
    """Returns how often two rows of one window of the training data are equal, at most.

    Two passes over the data do not meet in a window unless it is longer than a pass.
    The estimate is raised by three standard errors.
    """
    pieces = [train[i : i + window] for i in range(0, len(train), window)]
    equal = sum(_num_equal_pairs(piece) for piece in pieces)
    pairs = sum(len(piece) * (len(piece) - 1) / 2.0 for piece in pieces)
    return (equal + 3.0 * math.sqrt(equal)) / pairs if pairs else 0.0


def _overlap_fraction(held_out: IntArray, train: IntArray, natural: float) -> float:
    values, counts = np.unique(train, return_counts=True)
    if not len(values) or not len(held_out):
        return 0.0
    places = np.minimum(np.searchsorted(values, held_out), len(values) - 1)
    found = values[places] == held_out
    rate = float(np.sum(counts[places[found]])) / len(held_out) / len(train)
    excess = max(0.0, 1.0 - natural / rate) if rate else 0.0
    return float(np.mean(found)) * excess


def _design_effect(hashes: IntArray, natural: float) -> float:
    """Returns by how much copies of rows raise the variance of the mean.

    Each pair of equal rows beyond those of independent rows adds twice its covariance.
    """
    num_rows = len(hashes)
    expected = natural * num_rows * (num_rows - 1) / 2.0
    excess = max(0.0, _num_equal_pairs(hashes) - expected)
    return 1.0 + 2.0 * excess / num_rows


def _num_equal_pairs(hashes: IntArray) -> float:
    counts = np.unique(hashes, return_counts=True)[1]
    return float(np.sum(counts * (counts - 1.0))) / 2.0
