"""Every knob of a range test, checked in one place."""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from typing import Any

from tfx_lr_finder.range_test.rules import RULES

MIN_NUM_RATES = 10
CLASSIC_NUM_RATES = 100
DEFAULT_BUDGET = 600
MIN_BUDGET = 200
SPACINGS = ("exponential", "linear")
SCHEDULES = ("constant", "cosine", "one_cycle")
JIT_COMPILE = ("off", "on")
SMALLEST_RATE = 2.0**-126
LARGEST_RATE = 2.0**127
"""What float32, the type of a rate on its device, holds in full precision."""
RATE_GAP = 2.0**-22
"""Least relative gap of two rates that float32 keeps apart."""
MOST = 2**31
MOST_FACTOR = 1e30


@dataclasses.dataclass(frozen=True, kw_only=True)
class RangeTestConfig:
    """A learning-rate range test: what is swept, confirmed and spent.

    Attributes:
      min_lr: Smallest learning rate of the sweep, positive.
      max_lr: Largest learning rate of the sweep, above `min_lr`; both as float32 holds
        them, and far enough apart for all rates to differ.
      num_rates: Learning rates of one sweep, at least 10. None: as many as a
        seventh of the budget holds, or 100 where confirming is off.
      num_sweeps: Sweeps from the same start over different batches, at least 1.
      steps_per_rate: Batches trained at each rate, their losses averaged, at
        least 1.
      spacing: "exponential" (equal gaps in log rate) or "linear".
      smoothing: Weight in [0, 1) that a neighbouring rate keeps, as the beta of a
        moving average; 0 switches smoothing off.
      divergence_factor: A sweep stops when its smoothed loss has risen above its
        best by more than this many times its fall (or its noise, if larger).
      rule: The rule that reads the curve: see `tfx_lr_finder.range_test.rules`.
      confirm_steps: Training steps of each confirmed candidate. 0 switches
        confirming off: the classic finder that reads the curve and no more.
        None: as many as the budget leaves.
      train_steps: Steps the Trainer will take, if known; the suggestion is made for
        that horizon, and the budget is capped by it.
      schedule: The Trainer's schedule, for which the suggestion is made:
        "constant", "cosine" or "one_cycle".
      max_steps: The budget: training steps in all, sweeps and candidates together.
        None: 600, or more where `num_rates` or `confirm_steps` ask for more.
      max_fraction: The budget as a share of `train_steps`, in (0, 1]; never lowers it
        below 200, with which nothing could be confirmed.
      num_eval_batches: Held-out batches that score a candidate, at least 1.
      jit_compile: "on" has XLA compile the training step, which pays for long tests
        of heavy models only; "off" is the default, whatever `compile` was told: the
        losses are the same to rounding.
      seed: Seed of everything random, in [0, 2**31).

    Raises:
      ValueError: A knob is out of its range; the message names the knob, its value
        and what to do.

    References:
      L. N. Smith, "Cyclical Learning Rates for Training Neural Networks",
      arXiv:1506.01186, section 3.3; "A disciplined approach to neural network
      hyper-parameters: Part 1", arXiv:1803.09820, section 4.1.
    """

    min_lr: float = 1e-7
    max_lr: float = 10.0
    num_rates: int | None = None
    num_sweeps: int = 3
    steps_per_rate: int = 1
    spacing: str = "exponential"
    smoothing: float = 0.7
    divergence_factor: float = 2.0
    rule: str = "valley"
    confirm_steps: int | None = None
    train_steps: int | None = None
    schedule: str = "constant"
    max_steps: int | None = None
    max_fraction: float = 1.0
    num_eval_batches: int = 16
    jit_compile: str = "off"
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuses what cannot be run; see the class for the ranges."""
        self._check_rates()
        for name, least in _LEAST.items():
            if getattr(self, name) is not None or name in _NEVER_NONE:
                _check_int(name, getattr(self, name), least)
        _check_real("smoothing", self.smoothing, 0.0, 1.0)
        if self.smoothing == 1:
            raise ValueError(
                "smoothing must be below 1, got smoothing=1.0: every loss would "
                "weigh nothing. Use 0.9 for a strong smoothing."
            )
        _check_real("divergence_factor", self.divergence_factor, 1e-3, MOST_FACTOR)
        _check_real("max_fraction", self.max_fraction, 1e-6, 1.0)
        _check_choice("rule", self.rule, tuple(RULES))
        _check_choice("spacing", self.spacing, SPACINGS)
        _check_choice("schedule", self.schedule, SCHEDULES)
        _check_choice("jit_compile", self.jit_compile, JIT_COMPILE)
        self._check_budget()
        self._check_gaps()

    def _check_rates(self) -> None:
        for name in ("min_lr", "max_lr"):
            rate = getattr(self, name)
            if not _is_real(rate) or not SMALLEST_RATE <= rate <= LARGEST_RATE:
                raise ValueError(
                    f"{name} must be a positive, finite number from "
                    f"{SMALLEST_RATE:.2g} to {LARGEST_RATE:.2g}, got {name}={rate!r}. "
                    "A usual range is min_lr=1e-7 to max_lr=10."
                )
        if self.min_lr >= self.max_lr:
            raise ValueError(
                f"min_lr must be below max_lr, got min_lr={self.min_lr} and "
                f"max_lr={self.max_lr}. Swap them or widen the range."
            )

    def _check_gaps(self) -> None:
        if 1.0 - self.min_lr / self.max_lr < RATE_GAP * self.resolved_num_rates:
            raise ValueError(
                f"min_lr={self.min_lr} and max_lr={self.max_lr} are too close for "
                f"{self.resolved_num_rates} rates that differ. Widen the range."
            )

    def _check_budget(self) -> None:
        if self.sweep_steps > self.budget:
            raise ValueError(
                f"{self.num_sweeps} sweeps of {self.resolved_num_rates} rates at "
                f"{self.steps_per_rate} batches each take {self.sweep_steps} steps, "
                f"more than the budget of {self.budget} (max_steps={self.max_steps}, "
                f"train_steps={self.train_steps}, max_fraction={self.max_fraction}). "
                "Raise max_steps or lower num_rates, num_sweeps or steps_per_rate."
            )

    @property
    def resolved_num_rates(self) -> int:
        """Learning rates of one sweep, `num_rates` or what the budget holds."""
        if self.num_rates is not None:
            return self.num_rates
        if self.confirm_steps == 0:
            share, most = self.budget, CLASSIC_NUM_RATES
        else:
            share, most = self.budget // 7, CLASSIC_NUM_RATES // 2
        rates = share // (self.num_sweeps * self.steps_per_rate)
        return max(MIN_NUM_RATES, min(rates, most))

    @property
    def sweep_steps(self) -> int:
        """Training steps that all sweeps together take if none ends early."""
        return self.num_sweeps * self.resolved_num_rates * self.steps_per_rate

    @property
    def budget(self) -> int:
        """Training steps that may be spent in all."""
        budget = self.max_steps or max(DEFAULT_BUDGET, self._asked_for())
        if self.train_steps is None:
            return budget
        share = math.floor(self.train_steps * self.max_fraction)
        return min(budget, max(share, MIN_BUDGET))

    def _asked_for(self) -> int:
        """Returns the steps that explicit sweeps and candidates need."""
        sweeps = (self.num_rates or 0) * self.num_sweeps * self.steps_per_rate
        if self.confirm_steps == 0:
            return sweeps
        if self.confirm_steps is None:
            return sweeps + 4 * DEFAULT_BUDGET // 5 if sweeps else 0
        return max(sweeps, DEFAULT_BUDGET // 5) + 160 + 6 * self.confirm_steps


_LEAST = {
    "num_rates": MIN_NUM_RATES,
    "num_sweeps": 1,
    "steps_per_rate": 1,
    "confirm_steps": 0,
    "train_steps": 1,
    "max_steps": MIN_NUM_RATES,
    "num_eval_batches": 1,
    "seed": 0,
}
_NEVER_NONE = ("num_sweeps", "steps_per_rate", "num_eval_batches", "seed")


def _is_real(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_int(name: str, value: Any, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(
            f"{name} must be a whole number of at least {least}, got {name}={value!r}."
        )
    if value >= MOST:
        raise ValueError(f"{name} must be below 2**31, got {name}={value}.")


def _check_real(name: str, value: Any, low: float, high: float) -> None:
    if not _is_real(value) or not low <= value <= high:
        raise ValueError(
            f"{name} must be a number from {low} to {high}, got {name}={value!r}."
        )


def _check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(
            f"{name} must be one of {', '.join(choices)}, got {name}={value!r}."
        )


def _plain_type(hint: Any) -> type:
    """Returns the type of a field without its `| None`."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        (hint,) = (part for part in typing.get_args(hint) if part is not type(None))
    return typing.cast(type, hint)


PARAMETER_TYPES: Mapping[str, type] = {
    field.name: _plain_type(typing.get_type_hints(RangeTestConfig)[field.name])
    for field in dataclasses.fields(RangeTestConfig)
}
"""The plain type of each field, without its `| None`."""
