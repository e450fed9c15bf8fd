"""Who finds a rate on a task: LRFinder, fastai, searches, and no finder at all."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.learning_curves.tasks import Array, Rng
from benchmarks.learning_curves.training import Loop
from benchmarks.quality import peers
from tfx_lr_finder.range_test.config import SCHEDULES, RangeTestConfig
from tfx_lr_finder.range_test.finder import run_range_test
from tfx_lr_finder.range_test.ladder import rates_by_schedule

LADDER = np.geomspace(1e-7, 10.0, 100)
VALLEY = next(peer for peer in peers.PEERS if peer.name == "fastai valley")
KERAS_DEFAULT = {"SGD": 0.01, "momentum": 0.01}
OTHER_DEFAULT = 0.001
SEARCH_COST = 600
"""The default budget of LRFinder, which the searches may spend too."""
FEWEST_TRIALS = 6
BRACKET = 16
"""Rates that successive halving starts from."""

Found = tuple[dict[str, float], int]
"""The rate for each schedule (no entry without a rate), and the steps spent."""


def finder(loop: Loop, steps: int, num_batches: int, **parameters: Any) -> Found:
    """Returns what LRFinder finds for a training of some steps."""
    config = RangeTestConfig(train_steps=steps, **parameters)
    report = run_range_test(loop, config, time.monotonic, num_batches)
    return report.learning_rates_by_schedule, report.steps_spent


def fastai(loop: Loop) -> dict[str, Found]:
    """Returns the suggestions of one `valley` sweep and of the mean of three."""
    sweeps = []
    for _ in range(3):
        loop.begin_sweep()
        sweeps.append(loop.train(LADDER))
    answers = {
        "fastai valley": peers.at(VALLEY, LADDER).find(sweeps[:1]),
        "fastai valley, mean of 3": peers.at(VALLEY, LADDER, 3).find(sweeps),
    }
    return {name: (_same(rate), cost) for name, (rate, cost) in answers.items()}


def keras_default(optimizer: str) -> dict[str, Found]:
    """Returns the default rate of Keras' optimizer, and three times that as a peak."""
    rate = KERAS_DEFAULT.get(optimizer, OTHER_DEFAULT)
    peaks = {**_same(3.0 * rate), "constant": rate}
    return {
        "Keras' default": (_same(rate), 0),
        "Keras' default, peaks x3": (peaks, 0),
    }


def random_search(loop: Loop, steps: int, cost: int, rng: Rng) -> Found:
    """Returns the best of some random rates, by held-out loss after a training.

    The trainings are as long as the Trainer's, or shorter if the cost allows fewer than
    six of these.

    Args:
      loop: Trains and evaluates.
      steps: Training steps of the Trainer.
      cost: The most training steps to spend.
      rng: Draws the rates.
    """
    num_steps = min(steps, cost // FEWEST_TRIALS)
    rates = _random_rates(rng, cost // num_steps)
    losses = [_loss(loop, rate, num_steps) for rate in rates]
    return _best(rates, losses), len(rates) * num_steps


def successive_halving(loop: Loop, steps: int, cost: int, rng: Rng) -> Found:
    """Returns the winner of successive halving over random rates.

    Each round trains the better half of the rates for twice as many steps, from the
    start. The steps of the last round are at most the Trainer's.

    Args:
      loop: Trains and evaluates.
      steps: Training steps of the Trainer.
      cost: The most training steps to spend.
      rng: Draws the rates.

    References:
      K. Jamieson and A. Talwalkar, arXiv:1502.07943, figure 3.
    """
    num_rounds = int(np.log2(BRACKET)) + 1
    first = min(cost // (num_rounds * BRACKET), steps // BRACKET)
    rates = _random_rates(rng, BRACKET)
    spent = 0
    losses: list[float] = []
    for doublings in range(num_rounds):
        num_steps = first * 2**doublings
        losses = [_loss(loop, rate, num_steps) for rate in rates]
        spent += len(rates) * num_steps
        if len(rates) > 1:
            order = np.argsort(losses, kind="stable")[: len(rates) // 2]
            rates = [rates[i] for i in order]
    return _best(rates, losses[:1]), spent


SEARCHES: dict[str, Callable[..., Found]] = {
    "random search": random_search,
    "successive halving": successive_halving,
}


def _same(rate: float | None) -> dict[str, float]:
    return dict.fromkeys(SCHEDULES, rate) if rate else {}


def _random_rates(rng: Rng, count: int) -> list[float]:
    """Returns rates from 1e-6 to 10, the range of the truth, uniform in log rate."""
    rates: list[float] = (10.0 ** rng.uniform(-6.0, 1.0, count)).tolist()
    return rates


def _loss(loop: Loop, rate: float, num_steps: int) -> float:
    loop.begin_candidate()
    losses = loop.train(np.full(num_steps, rate))
    if not np.isfinite(losses[-1]):
        return float("inf")
    loss = float(np.mean(loop.evaluate()[0]))
    return loss if np.isfinite(loss) else float("inf")


def _best(rates: list[float], losses: list[float] | Array) -> dict[str, float]:
    """Returns the rate of the lowest loss, with the peaks that LRFinder would take."""
    if not np.isfinite(np.min(losses)):
        return {}
    return rates_by_schedule(rates[int(np.argmin(losses))])
