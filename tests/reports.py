"""Reports of known shape."""

import dataclasses
import math

import numpy as np
import pytest

from tfx_lr_finder.range_test.candidates import Candidate
from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.held_out import HeldOut
from tfx_lr_finder.range_test.ladder import learning_rate_ladder, rates_by_schedule
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.range_test.smoothing import smooth
from tfx_lr_finder.range_test.sweep import StopReason, Sweep
from tfx_lr_finder.range_test.verdict import Verdict


def _sweep(config, seed):
    """A curve with a fall around 1e-3 and an explosion that ends it."""
    rates = learning_rate_ladder(config)
    rates = rates[rates < 0.5]
    fall = 0.6 / (1 + (rates / 1e-3) ** -1.2)
    explosion = (rates / 0.3) ** 4
    noise = np.random.default_rng(seed).normal(0, 0.02, len(rates))
    losses = 1.1 - fall + explosion + noise
    return Sweep(
        learning_rates=tuple(rates.tolist()),
        losses=tuple(losses.tolist()),
        smoothed_losses=tuple(smooth(rates, losses).tolist()),
        stop_reason=StopReason.DIVERGED,
        num_steps=len(rates),
    )


def _candidate(rate, loss, num_steps):
    return Candidate(
        learning_rate=rate,
        eval_losses=(loss, loss),
        train_loss=loss,
        num_steps=num_steps,
    )


def _report():
    config = RangeTestConfig(num_rates=100, max_steps=1000)
    sweeps = tuple(_sweep(config, seed) for seed in range(config.num_sweeps))
    probes = [(3e-4, 0.98), (3e-3, 0.86), (0.03, 0.70), (0.3, 1.4), (3.0, math.nan)]
    candidates = [(0.003, 0.71), (0.01, 0.58), (0.03, 0.55), (0.1, 0.95)]
    return LRFinderReport(
        learning_rate=0.03,
        learning_rate_range=(0.006, 0.06),
        learning_rates_by_schedule=rates_by_schedule(0.03),
        verdict=Verdict.OK,
        reasons=(),
        source="confirmed",
        rule="valley",
        suggestions={"valley": 0.004, "steepest": 0.001, "slide": None},
        stop_reason=StopReason.DIVERGED,
        sweeps=sweeps,
        probes=tuple(_candidate(rate, loss, 20) for rate, loss in probes),
        candidates=tuple(_candidate(rate, loss, 40) for rate, loss in candidates),
        final_check=_candidate(0.03, 0.54, 40),
        untrained_loss=1.1,
        held_out=HeldOut(
            unit="row", num_rows=512, num_units=512, num_independent=512.0
        ),
        steps_by_phase={
            "sweeps": sum(sweep.num_steps for sweep in sweeps),
            "probes": 100,
            "candidates": 160,
            "final_check": 40,
        },
        seconds={"sweeps": 1.5, "confirmation": 0.5},
        environment={"optimizer": "SGD", "keras": "3.12.4", "batch_size": 32},
        config=config,
    )


@pytest.fixture(scope="session")
def make_report():
    """Makes a report like that of a real search, with some fields replaced."""
    report = _report()

    def make(**changes):
        by_schedule = changes.get("learning_rates_by_schedule")
        rate = changes.get("learning_rate")
        if by_schedule and "learning_rate" not in changes:
            config = changes.get("config", report.config)
            rate = by_schedule.get(config.schedule)
        elif rate is not None and by_schedule is None:
            by_schedule = rates_by_schedule(rate)
        constant = (by_schedule or {}).get("constant", rate)
        if rate is not None:
            changes = {
                "learning_rate": rate,
                "learning_rates_by_schedule": by_schedule,
                "learning_rate_range": (constant, 2 * constant),
                **changes,
            }
        return dataclasses.replace(report, **changes)

    return make


@pytest.fixture(scope="session")
def make_inconclusive(make_report):
    """Makes the report of a search that found nothing."""

    def make(**changes):
        nothing = {
            "learning_rate": None,
            "learning_rate_range": None,
            "learning_rates_by_schedule": {},
            "verdict": Verdict.INCONCLUSIVE,
            "reasons": ("the loss did not fall at any learning rate",),
            "source": "none",
            "candidates": (),
            "final_check": None,
        }
        return make_report(**{**nothing, **changes})

    return make
