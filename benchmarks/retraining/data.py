"""The data: taxi trips that TFX ships, and scikit-learn's digits."""

import csv
import functools
import importlib.util
import pathlib
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.quality.task import Data, Split

TRIPS = "examples/chicago_taxi_pipeline/data/simple/data.csv"
NUMBERS = ("fare", "trip_miles", "trip_seconds")
CATEGORIES = (
    "payment_type",
    "company",
    "pickup_community_area",
    "dropoff_community_area",
    "trip_start_hour",
    "trip_start_day",
)
MOST_VALUES = 12
"""Values of a category that get a column; rarer ones share none."""
MOST_FARE = 60.0
"""Dollars at which the target of the fare model is cut; 1 % of the trips cost more."""
NUM_TEST = 4000
NUM_EVAL = 2000

Array = npt.NDArray[Any]


@functools.cache
def taxi_table() -> dict[str, Array]:
    """Returns the taxi trips in a seeded order.

    Returns:
      `numbers` float `[15002, 3]`: dollars, miles and minutes. `categories` 0 or 1,
      `[15002, columns]`. `tipped` 0 or 1, `[15002]`: a tip above 20 % of the fare.
    """
    spec = importlib.util.find_spec("tfx")
    (folder,) = spec.submodule_search_locations or ("",) if spec else ("",)
    with open(pathlib.Path(folder) / TRIPS, newline="") as file:
        rows = list(csv.DictReader(file))
    order = np.random.default_rng(0).permutation(len(rows))
    rows = [rows[index] for index in order]

    def column(name: str) -> Array:
        return np.array([float(row[name] or 0.0) for row in rows])

    numbers = np.stack([column(name) for name in NUMBERS], axis=1)
    numbers[:, 2] /= 60.0
    return {
        "numbers": np.maximum(numbers, 0.0),
        "categories": np.concatenate([_one_hot(rows, name) for name in CATEGORIES], 1),
        "tipped": (column("tips") > 0.2 * column("fare")).astype(np.float32),
    }


def _one_hot(rows: list[dict[str, str]], name: str) -> Array:
    """Returns a column for each frequent value of a category, `[rows, columns]`."""
    values = np.array([row[name] for row in rows])
    known, counts = np.unique(values, return_counts=True)
    kept = known[np.argsort(-counts, kind="stable")][:MOST_VALUES]
    return (values[:, None] == kept).astype(np.float32)


def taxi(
    span: int,
    *,
    num_train: int = 4000,
    factors: tuple[float, float, float] | None = None,
    target: str = "tip",
    target_factor: float = 1.0,
    positives: float | None = None,
    flipped: float = 0.0,
    shuffled: bool = False,
) -> Data:
    """Returns the trips of one span.

    Args:
      span: Number of the span. It draws the training rows of the 9,002 that are
        neither evaluation nor test rows.
      num_train: Training rows.
      factors: What dollars, miles and minutes are multiplied by, without a
        normalization. None takes the z-score of their logarithm, as the taxi example.
      target: "tip", whether it is above 20 % of the fare, or "fare", in dollars. The
        fare is then no feature.
      target_factor: What the fare is multiplied by as a target.
      positives: Share of big tips, by leaving out trips with one. None keeps all.
      flipped: Share of the labels that are inverted, in all splits.
      shuffled: Whether labels belong to other trips, in all splits.
    """
    table = taxi_table()
    rng = np.random.default_rng([7, span])
    numbers = table["numbers"]
    labels = table["tipped"][:, None]
    if factors is None:
        logs = np.log1p(numbers)
        numbers = (logs - logs.mean(0)) / logs.std(0)
    else:
        numbers = numbers * np.array(factors)
    if target == "fare":
        labels = np.minimum(table["numbers"][:, :1], MOST_FARE) * target_factor
        numbers = numbers[:, 1:]
    features = np.concatenate([numbers, table["categories"]], axis=1)
    parts = np.split(np.arange(len(labels)), [NUM_TEST, NUM_TEST + NUM_EVAL])
    if positives is not None:
        parts = [_thinned(part, labels[:, 0], positives, rng) for part in parts]
    test, evaluation, pool = parts
    train = rng.permutation(pool)[:num_train]
    labels = labels.astype(np.float32)
    if flipped:
        labels = np.abs(labels - (rng.random(labels.shape) < flipped))
    if shuffled:
        labels = rng.permutation(labels)
    features, labels = features.astype(np.float32), labels.astype(np.float32)
    return _splits(features, labels, train, evaluation, test)


def _splits(features: Array, labels: Array, *rows: Array) -> Data:
    """Returns the training, the evaluation and the test rows."""
    splits = [Split(features=features[part], labels=labels[part]) for part in rows]
    return Data(train=splits[0], eval=splits[1], test=splits[2])


def _thinned(
    rows: Array, labels: Array, share: float, rng: np.random.Generator
) -> Array:
    """Returns the rows with so few positive ones that they have this share."""
    positive, negative = rows[labels[rows] == 1.0], rows[labels[rows] == 0.0]
    wanted = round(share / (1.0 - share) * len(negative))
    return np.sort(np.concatenate([negative, rng.permutation(positive)[:wanted]]))


def digits(
    span: int, *, num_train: int = 800, turned: bool = False, shuffled: bool = False
) -> Data:
    """Returns 8 by 8 images of digits, as rows of 64 numbers from 0 to 1.

    Args:
      span: Number of the span. It draws the training rows.
      num_train: Training rows of the 997 that are neither evaluation nor test rows.
      turned: Whether the images are turned by 90 degrees.
      shuffled: Whether labels belong to other images, in all splits.
    """
    from sklearn import datasets

    images, labels = datasets.load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(images))
    images, labels = images[order].reshape(-1, 8, 8) / 16.0, labels[order]
    if turned:
        images = np.rot90(images, axes=(1, 2))
    features = np.ascontiguousarray(images.reshape(-1, 64), np.float32)
    labels = labels.astype(np.int32)
    rng = np.random.default_rng([7, span])
    if shuffled:
        labels = rng.permutation(labels)
    test, evaluation, pool = np.split(np.arange(len(labels)), [500, 800])
    train = rng.permutation(pool)[:num_train]
    return _splits(features, labels, train, evaluation, test)


def prior_loss(data: Data) -> float:
    """Returns the test loss of the best guess that looks at no feature.

    It is the mean squared error of the training mean for a target of numbers, and the
    cross entropy of the training frequencies for classes.
    """
    train, test = data.train.labels, data.test.labels
    if test.dtype == np.int32:
        counts = np.bincount(train, minlength=int(test.max()) + 1)
        return float(np.mean(-np.log(counts[test] / len(train))))
    mean = float(np.mean(train, dtype=float))
    if set(np.unique(train)) <= {0.0, 1.0}:
        return float(np.mean(-np.log(np.where(test == 1.0, mean, 1.0 - mean))))
    return float(np.mean((test.astype(float) - mean) ** 2))
