"""The data sets: without any signal, and clean ones."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.verdict.models import (
    BATCH_SIZE,
    NUM_CLASSES,
    NUM_FEATURES,
    Array,
    Data,
    batches,
)

MANY = 2048
NUM_HELD_OUT = 256

Rng = np.random.Generator
Case = tuple[str, Data]
"""The name of a model, and its data."""


def features(rng: Rng, num_rows: int) -> Array:
    """Returns standard normal features, float32."""
    return rng.normal(size=(num_rows, NUM_FEATURES)).astype("float32")


def random_rows(rng: Rng, num_rows: int, kind: str) -> tuple[Array, Array]:
    """Returns features, and labels that do not depend on them."""
    x = features(rng, num_rows)
    if kind.startswith("classes"):
        return x, rng.integers(0, NUM_CLASSES, num_rows)
    return x, rng.normal(size=(num_rows, 1)).astype("float32")


def _model(rng: Rng, kinds: tuple[str, ...] = ("classes", "regression")) -> str:
    kind = kinds[int(rng.integers(len(kinds)))]
    return f"{kind}, {('SGD', 'Adam')[int(rng.integers(2))]}"


def no_eval_data(rng: Rng, num_rows: int) -> Case:
    """Few rows, from which the held-out ones must be taken."""
    model = _model(rng)
    return model, Data(train=batches(*random_rows(rng, num_rows, model)))


def few_held_out(rng: Rng, num_rows: int, repeats: int = 1) -> Case:
    """Ample training data, few held-out rows, which may repeat."""
    model = _model(rng)
    rows = random_rows(rng, num_rows, model)
    dataset = tf.data.Dataset.from_tensor_slices(rows).repeat(repeats)
    train = batches(*random_rows(rng, MANY, model))
    return model, Data(train=train, held_out=dataset.batch(BATCH_SIZE))


def same_rows(rng: Rng, change: Callable[[tf.data.Dataset], tf.data.Dataset]) -> Case:
    """The training rows in another order as held-out rows."""
    model = _model(rng)
    rows = tf.data.Dataset.from_tensor_slices(random_rows(rng, 256, model))
    held_out = change(rows).batch(BATCH_SIZE)
    return model, Data(train=rows.batch(BATCH_SIZE), held_out=held_out)


def small_first_batch(rng: Rng) -> Case:
    """Batches of 8, 32 and 32 held-out rows."""
    model = _model(rng)
    first, rest = (random_rows(rng, n, model) for n in (8, 64))
    held_out = batches(*first).concatenate(batches(*rest))
    return model, Data(train=batches(*random_rows(rng, MANY, model)), held_out=held_out)


def ample(rng: Rng, kind: str) -> Case:
    """300 to 4,000 rows, half the time with a held-out set of its own."""
    model = _model(rng, (kind,))
    x, y = random_rows(rng, int(rng.integers(300, 4001)), model)
    cut = len(x) // 5 if rng.integers(2) else 0
    held_out = batches(x[:cut], y[:cut]) if cut else None
    return model, Data(train=batches(x[cut:], y[cut:]), held_out=held_out)


def sorted_labels(rng: Rng) -> Case:
    """Random labels in rising order, with held-out rows of all labels or none."""
    model = _model(rng)
    x, y = random_rows(rng, MANY, model)
    order = np.argsort(y.ravel())
    held_out = batches(*random_rows(rng, NUM_HELD_OUT, model))
    return model, Data(
        train=batches(x[order], y[order]),
        held_out=held_out if rng.integers(2) else None,
    )


def cauchy(rng: Rng) -> Case:
    """Targets without a mean."""
    x = features(rng, MANY + NUM_HELD_OUT)
    y = rng.standard_cauchy((len(x), 1)).astype("float32")
    cut = NUM_HELD_OUT
    return _model(rng, ("regression",)), Data(
        train=batches(x[cut:], y[cut:]), held_out=batches(x[:cut], y[:cut])
    )


def at_optimum(rng: Rng, model: str = "linear") -> Case:
    """A linear model that starts from the weights that made the labels."""
    x = features(rng, MANY + NUM_HELD_OUT)
    weights = rng.normal(size=(NUM_FEATURES, 1)).astype("float32")
    noise = rng.normal(size=(len(x), 1)).astype("float32")
    y = x @ weights + noise
    cut = NUM_HELD_OUT
    return model, Data(
        train=batches(x[cut:], y[cut:]),
        held_out=batches(x[:cut], y[:cut]),
        weights=[weights, np.zeros(1, "float32")],
    )


def frozen(rng: Rng) -> Case:
    """A model whose weights cannot change, on labels it could learn."""
    _, data = at_optimum(rng)
    wrong = [weight + 0.5 for weight in data.weights or []]
    return "frozen", Data(train=data.train, held_out=data.held_out, weights=wrong)


def clean(rng: Rng, kind: str) -> Case:
    """Labels that the features explain for the most part."""
    x = features(rng, MANY)
    truth = rng.normal(size=(NUM_FEATURES, NUM_CLASSES)) / np.sqrt(NUM_FEATURES)
    signal = x @ truth
    if kind.startswith("classes"):
        noisy = 3.0 * signal + rng.gumbel(size=signal.shape)
        y: Array = np.argmax(noisy, axis=1)
    elif kind == "poisson":
        y = rng.poisson(np.exp(1.0 + signal[:, :1])).astype("float32")
    else:
        y = np.tanh(signal[:, :1]) + signal[:, 1:2] + 0.3 * rng.normal(size=(MANY, 1))
        y = y.astype("float32")
    cut = NUM_HELD_OUT
    held_out = None if rng.integers(2) else batches(x[:cut], y[:cut])
    return kind, Data(train=batches(x[cut:], y[cut:]), held_out=held_out)


NOTHING: dict[str, Callable[[Rng], Case]] = {
    "one batch, no eval data": functools.partial(no_eval_data, num_rows=32),
    "3 rows, no eval data": functools.partial(no_eval_data, num_rows=3),
    "eval set of 1 row": functools.partial(few_held_out, num_rows=1),
    "eval set of 8 rows": functools.partial(few_held_out, num_rows=8),
    "eval set of 40 rows, repeated": functools.partial(
        few_held_out, num_rows=40, repeats=-1
    ),
    "eval set of 2 batches": functools.partial(few_held_out, num_rows=64),
    "same rows in train and eval": functools.partial(
        same_rows, change=lambda rows: rows.shuffle(256)
    ),
    "same rows, offset by one": functools.partial(
        same_rows, change=lambda rows: rows.skip(1)
    ),
    "first eval batch smaller": small_first_batch,
    "random classes, 300 to 4,000 rows": functools.partial(ample, kind="classes"),
    "random regression, 300 to 4,000 rows": functools.partial(ample, kind="regression"),
    "sorted labels": sorted_labels,
    "Cauchy targets": cauchy,
    "model at its optimum": at_optimum,
    "frozen weights": frozen,
}
"""Each case by name."""

CLEAN = (
    "classes, SGD",
    "classes, Adam",
    "regression, SGD",
    "regression, Adam",
    "linear",
    "poisson",
)
"""The models of the clean tasks."""


def rng_of(name: str, seed: int) -> Any:
    """Returns the random generator of one run of a case."""
    return np.random.default_rng([seed, *name.encode()])
