"""Who names the learning rate of a span, and what the rate leads to."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from benchmarks.quality.loop import State, TrainingLoop
from benchmarks.quality.task import Task, epoch_order
from benchmarks.retraining.data import prior_loss
from benchmarks.retraining.score import (
    DAY_1,
    DEFAULT,
    FALLBACK,
    FIXED,
    LAST,
    LAST_GOOD,
    SEARCH,
    SEARCH_5,
    Choice,
    Measured,
    summary,
)
from benchmarks.retraining.spans import DEFAULT_RATES, Span, families
from tfx_lr_finder.lineage.previous import PreviousResult
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.runtime import outcome
from tfx_lr_finder.runtime.find import find_learning_rate
from tfx_lr_finder.settings.request import FinderRequest

GRID = tuple(float(f"{rate:.4g}") for rate in np.logspace(-6, 0, 13))
"""The rates of the truth: two in each decade."""
SEARCH_RANGE = (1e-5, 1.0)
BUDGET = 600
"""The most steps of LRFinder, which a search may take, or five times them."""
TRIALS = {SEARCH: 5, SEARCH_5: 10}


class Referee(TrainingLoop):
    """Trains a model at any rate, also with a loss scale, on one span after the other.

    Args:
      task: What to train first.
    """

    def __init__(self, task: Task) -> None:
        """Traces nothing until it trains."""
        super().__init__(task)
        # A trace captures variables by reference, so that it serves the next span too.
        self._train = tf.nest.map_structure(tf.Variable, self._train)
        self.load(task)

    def load(self, task: Task) -> None:
        """Takes the data and the seeds of a task with the same model and shapes."""
        self._task = task
        data = task.data
        for variable, value in zip(
            self._train, (data.train.features, data.train.labels), strict=True
        ):
            variable.assign(value)
        for name, split in (("eval", data.eval), ("test", data.test)):
            self._splits[name] = tf.constant(split.features), tf.constant(split.labels)
        self._losses: dict[tuple[float, int], tuple[float, float]] = {}
        self._states: dict[int, tuple[State, npt.NDArray[np.int32]]] = {}

    def losses(self, rate: float, seed: int, steps: int = 0) -> tuple[float, float]:
        """Returns the loss on evaluation and on test rows after a training.

        Args:
          rate: The constant rate.
          seed: Seeds the weights and the order of the rows.
          steps: Training steps; 0 takes those of the task.
        """
        key = (rate, seed)
        if steps or key not in self._losses:
            task = self._task
            if seed not in self._states:
                rows = epoch_order(
                    len(task.data.train), task.batch_size, task.train_steps, seed
                )
                self._states[seed] = self.initial_state(seed), rows
            state, rows = self._states[seed]
            self.restore(state)
            self.train(np.full(steps or len(rows), rate), rows[: steps or len(rows)])
            found = self.loss("eval"), self.loss("test")
            if steps:
                return found
            self._losses[key] = found
        return self._losses[key]

    def untrained(self, seed: int) -> float:
        """Returns the test loss of the first weights, after `losses` of this seed."""
        self.restore(self._states[seed][0])
        return self.loss("test")

    def _step(
        self, features: tf.Tensor, labels: tf.Tensor, rate: tf.Tensor
    ) -> tf.Tensor:
        model = self._model
        model.optimizer.learning_rate.assign(rate)
        variables = model.trainable_variables
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model.loss(labels, model(features, training=True)))
            scaled = model.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, variables)
        model.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return loss


def run_family(name: str, num_spans: int, num_seeds: int) -> list[Measured]:
    """Returns what each span of one family was worth to each contestant.

    Args:
      name: The family.
      num_spans: Spans from day 1; those that the family has are the most.
      num_seeds: Seeds of each training.
    """
    seeds = range(num_seeds)
    day_1 = 0.0
    history: list[PreviousResult] = []
    referees: dict[Any, Referee] = {}
    measured: list[Measured] = []
    for span in families()[name][:num_spans]:
        key = span.model, span.task.batch_size, span.task.data.train.features.shape
        if key not in referees:
            referees[key] = Referee(span.task)
        referee = referees[key]
        referee.load(span.task)
        truth = [[referee.losses(rate, seed) for seed in seeds] for rate in GRID]
        if not measured:
            scores = np.array(truth)[:, :, 0].mean(1)
            day_1 = GRID[
                int(np.nanargmin(np.where(np.isfinite(scores), scores, np.inf)))
            ]
        measured.append(
            Measured(
                family=span.family,
                span=span.number,
                change=span.change,
                broken=span.broken,
                optimizer=span.task.optimizer,
                batch_size=span.task.batch_size,
                train_steps=span.task.train_steps,
                rates=GRID,
                losses=tuple(tuple(test for _, test in line) for line in truth),
                untrained=float(np.mean([referee.untrained(seed) for seed in seeds])),
                prior=prior_loss(span.task.data),
                choices=tuple(_choices(span, referee, seeds, day_1, history)),
            )
        )
        print(summary(measured[-1]), flush=True)
    return measured


def _choices(
    span: Span,
    referee: Referee,
    seeds: Sequence[int],
    day_1: float,
    history: list[PreviousResult],
) -> list[Choice]:
    """Returns the choice of every contestant on one span, from the first seed."""
    seed = seeds[0]
    reports = [result.report for result in history]
    began = time.process_time()
    report = find_learning_rate(
        span.task.build(seed),
        *span.task.datasets(seed),
        train_steps=span.task.train_steps,
        previous=reports,
        seed=seed,
    )
    seconds = time.process_time() - began
    kept = [r.learning_rate for r in reports if r.verdict.name == "OK"]
    # On day 1 there is no result yet, so the rate written by hand stands in.
    found = {
        FIXED: (day_1, 0, 0.0, ""),
        DEFAULT: (DEFAULT_RATES.get(span.task.optimizer, 1e-3), 0, 0.0, ""),
        DAY_1: (reports[-1].learning_rate if reports else day_1, 0, 0.0, ""),
        LAST: (kept[0] if kept else day_1, 0, 0.0, ""),
    }
    for name, policy in ((FALLBACK, "fallback"), (LAST_GOOD, "last_good")):
        concluded = _conclude(report, history, policy, day_1)
        rate, verdict = concluded.learning_rate, concluded.verdict.name
        found[name] = (rate, report.steps_spent, seconds, verdict)
    history.insert(
        0,
        PreviousResult(report=concluded, written="", name=f"day {span.number}"),
    )
    budget = min(BUDGET, span.task.train_steps)
    for name, factor in ((SEARCH, 1), (SEARCH_5, 5)):
        key = f"{span.family} {span.number} {seed}"
        found[name] = _search(referee, seed, key, TRIALS[name], factor * budget)
    return [
        Choice(
            contestant=name,
            learning_rate=rate,
            losses=tuple(referee.losses(rate, seed)[1] for seed in seeds),
            steps=steps,
            seconds=seconds,
            verdict=verdict,
        )
        for name, (rate, steps, seconds, verdict) in found.items()
    ]


def _conclude(
    report: LRFinderReport,
    history: Sequence[PreviousResult],
    policy: str,
    default_learning_rate: float,
) -> LRFinderReport:
    """Returns the report that the component emits with this policy."""
    properties = {
        "module_file": "module.py",
        "on_inconclusive": policy,
        "default_learning_rate": default_learning_rate,
    }
    request = FinderRequest.from_properties(properties)
    return outcome.conclude(request, report, tuple(history), None, lambda _: "")


def _search(
    referee: Referee, seed: int, key: str, num_trials: int, budget: int
) -> tuple[float, int, float, str]:
    """Returns the rate of the best of random trials, the steps and the seconds."""
    began = time.process_time()
    rng = np.random.default_rng([num_trials, *key.encode()])
    rates = np.exp(rng.uniform(*np.log(SEARCH_RANGE), num_trials)).tolist()
    steps = budget // num_trials
    losses = [referee.losses(rate, seed, steps)[0] for rate in rates]
    best = int(np.argmin(np.where(np.isfinite(losses), losses, np.inf)))
    return rates[best], steps * num_trials, time.process_time() - began, ""
