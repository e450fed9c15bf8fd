"""Every parameter of a range test, checked in one place."""

import dataclasses
import inspect
import math
import re
import sys
import types
import typing
from collections.abc import Mapping
from typing import Any

MIN_NUM_RATES = 10
CLASSIC_NUM_RATES = 100
DEFAULT_BUDGET = 600
DEFAULT_FRACTION = 0.1
LARGEST_DEFAULT_BUDGET = 2000
MIN_BUDGET = 200
RULE_NAMES = ("valley", "steepest", "slide", "minimum", "largest_drop")
SPACINGS = ("exponential", "linear")
SCHEDULES = ("constant", "cosine", "one_cycle")
JIT_COMPILE = ("off", "on")
SMALLEST_RATE = 2.0**-126
LARGEST_RATE = 2.0**127
"""The range that float32, the type of a rate on the device, holds precisely."""
RATE_GAP = 2.0**-22
"""Smallest relative gap between two rates that float32 can tell apart."""
INT32_LIMIT = 2**31
MAX_DIVERGENCE_FACTOR = 1e30


@dataclasses.dataclass(frozen=True, kw_only=True)
class RangeTestConfig:
    """A learning-rate range test: what it sweeps, confirms and may spend.

    NumPy scalars are taken as plain numbers.

    Attributes:
      min_lr: Smallest learning rate of a sweep, positive.
      max_lr: Largest learning rate of a sweep, above min_lr.
      num_rates: Learning rates of one sweep, at least 10. By default as many as a
        seventh of the budget allows, up to 50, or up to 100 if confirm_steps is 0.
      num_sweeps: Sweeps from the same weights over different batches, at least 1.
      steps_per_rate: Batches trained at each learning rate of a sweep, at least 1.
        Their losses are averaged.
      spacing: Spacing of the learning rates: "exponential" (equal gaps in log10) or
        "linear".
      divergence_factor: A sweep stops when its average loss has risen above its
        minimum by more than this factor times the fall to that minimum. A rise within
        the noise does not count. From 0.001 to 1e30.
      rule: Rule that reads a rate off the curve: "valley", "slide", "steepest",
        "minimum" or "largest_drop".
      confirm_steps: Training steps of each candidate that is trained to confirm the
        suggestion. 0 turns confirmation off. By default what the budget leaves.
      train_steps: Training steps that the Trainer will take, at least 1. The suggestion
        is made for that many steps, and they cap the budget. By default unknown.
      schedule: Schedule that the Trainer uses: "constant", "cosine" or "one_cycle". The
        suggestion is made for it.
      max_steps: Budget of the whole test in training steps, at least 10. By default
        10 % of train_steps, but at least 600 and at most 2000. If num_rates or
        confirm_steps need more, the budget grows to fit them.
      max_fraction: Budget as a fraction of train_steps, above 0 and up to 1. It never
        lowers the budget below 200 steps, or below train_steps if they are fewer.
      num_eval_batches: Held-out batches that score a candidate, at least 1.
      jit_compile: Whether XLA compiles the training step: "on" or "off". "on" pays off
        for long tests of large models only.
      seed: Seed of everything random, from 0 to below 2**31.

    Raises:
      ValueError: A parameter is out of its range. The message names the parameter,
        its value and what to do.

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
        """Checks every parameter; the class documents the ranges."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if _is_numpy_scalar(value):
                object.__setattr__(self, field.name, value.item())
        self._check_rates()
        for name, minimum in _MINIMUM.items():
            if getattr(self, name) is not None or name in _NEVER_NONE:
                _check_int(name, getattr(self, name), minimum)
        _check_real(
            "divergence_factor", self.divergence_factor, 1e-3, MAX_DIVERGENCE_FACTOR
        )
        _check_real("max_fraction", self.max_fraction, 1e-6, 1.0)
        _check_choice("rule", self.rule, RULE_NAMES)
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
                f"{self.resolved_num_rates} different float32 rates. Widen the range."
            )

    def _check_budget(self) -> None:
        # A Trainer with too few steps is no error: the verdict is INCONCLUSIVE.
        if self.sweep_steps > self._wanted_budget:
            raise ValueError(
                f"{self.num_sweeps} sweeps of {self.resolved_num_rates} rates at "
                f"{self.steps_per_rate} batches each take {self.sweep_steps} steps, "
                f"more than max_steps={self._wanted_budget}. Raise max_steps or lower "
                "num_rates, num_sweeps or steps_per_rate."
            )

    @property
    def resolved_num_rates(self) -> int:
        """Learning rates of one sweep: `num_rates`, or as many as the budget allows."""
        if self.num_rates is not None:
            return self.num_rates
        if self.confirm_steps == 0:
            steps, limit = self.budget, CLASSIC_NUM_RATES
        else:
            steps, limit = self.budget // 7, CLASSIC_NUM_RATES // 2
        rates = steps // (self.num_sweeps * self.steps_per_rate)
        return max(MIN_NUM_RATES, min(rates, limit))

    @property
    def sweep_steps(self) -> int:
        """Training steps of all sweeps together, if none stops early."""
        return self.num_sweeps * self.resolved_num_rates * self.steps_per_rate

    @property
    def budget(self) -> int:
        """Training steps that the whole test may take: never more than the Trainer."""
        if self.train_steps is None:
            return self._wanted_budget
        limit = math.floor(self.train_steps * self.max_fraction)
        limit = max(limit, min(MIN_BUDGET, self.train_steps))
        return min(self._wanted_budget, limit)

    @property
    def is_capped(self) -> bool:
        """Whether the Trainer's steps lower the budget."""
        return self.budget < self._wanted_budget

    @property
    def _wanted_budget(self) -> int:
        """The budget if the Trainer takes enough steps."""
        if self.max_steps is not None:
            return self.max_steps
        fraction = math.floor(DEFAULT_FRACTION * (self.train_steps or 0))
        default = max(DEFAULT_BUDGET, min(fraction, LARGEST_DEFAULT_BUDGET))
        return max(default, self._requested_steps())

    def _requested_steps(self) -> int:
        """Returns the steps that `num_rates` and `confirm_steps` ask for."""
        sweeps = (self.num_rates or 0) * self.num_sweeps * self.steps_per_rate
        if self.confirm_steps == 0:
            return sweeps
        if self.confirm_steps is None:
            return sweeps + 4 * DEFAULT_BUDGET // 5 if sweeps else 0
        return max(sweeps, DEFAULT_BUDGET // 5) + 160 + 6 * self.confirm_steps


_MINIMUM = {
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


def _is_numpy_scalar(value: Any) -> bool:
    # A process that has not loaded numpy, such as a pipeline file, has none.
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.generic)


def _is_real(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_int(name: str, value: Any, minimum: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
        raise ValueError(
            f"{name} must be a whole number of at least {minimum}, got "
            f"{name}={value!r}."
        )
    if value >= INT32_LIMIT:
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


def help_texts(config: type) -> dict[str, str]:
    """Returns the help text of each parameter of a configuration class.

    The source is the `Attributes` section of the class docstring, so that `help`, the
    API reference, the command line and the parameter table all show the same text.

    Args:
      config: `RangeTestConfig` or another documented dataclass.
    """
    text = inspect.getdoc(config) or ""
    section = text.partition("Attributes:\n")[2].partition("\n\n")[0]
    entries = re.findall(r"^  (\w+): (.*(?:\n    .*)*)", section, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


PARAMETER_TYPES: Mapping[str, type] = {
    field.name: _plain_type(typing.get_type_hints(RangeTestConfig)[field.name])
    for field in dataclasses.fields(RangeTestConfig)
}
"""The plain type of each field, without its `| None`."""
