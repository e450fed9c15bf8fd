"""The report of a range test, and its JSON form."""

import dataclasses
import json
import math
from typing import TYPE_CHECKING, Any

from tfx_lr_finder.range_test.candidates import Candidate
from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.earlier import EarlierRate
from tfx_lr_finder.range_test.sweep import StopReason, Sweep
from tfx_lr_finder.range_test.verdict import Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SCHEMA_VERSION", "LRFinderReport", "StopReason", "Verdict", "check_rate"]

SCHEMA_VERSION = 1

_DAMAGE = (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError)
"""What wrong types and numbers in a file raise."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class LRFinderReport:
    """Everything that a range test found, and what it rests on.

    Attributes:
      learning_rate: The suggestion for `config.schedule`; None where there is none.
      learning_rate_range: The lowest and the highest rate that serve about as well,
        or None; also the bounds of a cyclical schedule.
      learning_rates_by_schedule: The suggestion for each schedule by name.
      verdict: How far it can be trusted.
      reasons: Sentences a person can act on, the weightiest first; empty when all is
        well.
      source: Where the rate comes from: "confirmed" (candidates were trained),
        "rule" (read off the curve), "default_learning_rate" or "last_good" (the
        policy for an inconclusive test), "none".
      rule: The rule that read the curve.
      suggestions: The suggestion of each rule, combined over the sweeps; None where a
        rule had none.
      stop_reason: Why the sweeps ended: the most frequent reason.
      sweeps: Each sweep's curve.
      probes: Trainings of ten steps a decade apart, smallest rate first.
      candidates: The rates that were compared, smallest first.
      checked: A training at the suggestion itself, or None.
      untrained_loss: The held-out loss before any training, or None.
      steps_by_phase: Training steps spent in each phase.
      seconds: Wall time of each phase, in seconds.
      environment: Versions, device, optimizer, batch size and the like.
      config: What was asked for.
      earlier: The rates of earlier runs, oldest first; empty where none were given.
    """

    learning_rate: float | None
    learning_rate_range: tuple[float, float] | None
    learning_rates_by_schedule: dict[str, float]
    verdict: Verdict
    reasons: tuple[str, ...]
    source: str
    rule: str
    suggestions: dict[str, float | None]
    stop_reason: StopReason
    sweeps: tuple[Sweep, ...]
    probes: tuple[Candidate, ...]
    candidates: tuple[Candidate, ...]
    checked: Candidate | None
    untrained_loss: float | None
    steps_by_phase: dict[str, int]
    seconds: dict[str, float]
    environment: dict[str, str | int | float | bool | None]
    config: RangeTestConfig
    earlier: tuple[EarlierRate, ...] = ()

    @property
    def steps_spent(self) -> int:
        """Training steps spent in all."""
        return sum(self.steps_by_phase.values())

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Returns matplotlib axes with the whole report in one panel.

        Args:
          ax: Where to draw, such as one of `pyplot.subplots()`; None makes a figure
            of its own, which no pyplot knows.
        """
        # Here, and not at the top: a report needs no matplotlib.
        from tfx_lr_finder.views.plot import plot_report

        return plot_report(self, ax)

    def to_json(self) -> str:
        """Returns strict JSON; numbers that are not finite become null.

        Floats keep full precision: `from_json` returns an equal report, but for
        losses that were infinite, which come back as NaN.
        """
        payload = {"schema_version": SCHEMA_VERSION, "steps_spent": self.steps_spent}
        payload.update(_plain(self))
        return json.dumps(payload, allow_nan=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "LRFinderReport":
        """Returns the report that `to_json` wrote.

        Args:
          text: The JSON.

        Raises:
          ValueError: It is not JSON, not such a report, or of a newer schema.
        """
        try:
            payload = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f"The learning-rate report is not JSON ({error}): it is cut short or "
                "was edited. Run the finder again."
            ) from error
        version = payload.get("schema_version") if isinstance(payload, dict) else None
        if not isinstance(version, int) or version < 1:
            raise ValueError(
                "The learning-rate report has no schema_version, so it is not one of "
                "this package. Point to the result.json that LRFinder wrote."
            )
        if version > SCHEMA_VERSION:
            raise ValueError(
                f"The learning-rate report has schema_version {version}; this version "
                f"of tfx-lr-finder reads up to {SCHEMA_VERSION}. Upgrade tfx-lr-finder "
                "here to the version that wrote it."
            )
        try:
            report = _report(payload)
        except _DAMAGE as error:
            raise ValueError(
                f"The learning-rate report is damaged ({type(error).__name__}: "
                f"{error}). Run the finder again."
            ) from error
        _check_rates(report)
        return report


def check_rate(rate: float, name: str = "learning_rate") -> float:
    """Returns a rate that was read from a file.

    Args:
      rate: Must be positive and finite.
      name: What it is in that file.

    Raises:
      ValueError: If it is not.
    """
    if not (math.isfinite(rate) and rate > 0):
        raise ValueError(
            f"The learning-rate report holds {name}={rate}, wanted a positive, "
            "finite number or null: it was edited. Run the finder again."
        )
    return rate


def _check_rates(report: LRFinderReport) -> None:
    """Refuses a report in which any rate is none to train with."""
    low, high = report.learning_rate_range or (None, None)
    rates = {
        "learning_rate": report.learning_rate,
        "the lower end of learning_rate_range": low,
        "the upper end of learning_rate_range": high,
        **{
            f"learning_rates_by_schedule[{name!r}]": rate
            for name, rate in report.learning_rates_by_schedule.items()
        },
        **{f"the rate of {item.name}": item.learning_rate for item in report.earlier},
    }
    for name, rate in rates.items():
        if rate is not None:
            check_rate(rate, name)
    if low is not None and high is not None and low > high:
        raise ValueError(
            f"The learning-rate report holds the learning_rate_range {low} to {high}, "
            "which is the wrong way round: it was edited. Run the finder again."
        )


def _plain(value: Any) -> Any:
    """Returns the value in JSON's own types."""
    if dataclasses.is_dataclass(value):
        fields = dataclasses.fields(value)
        return {field.name: _plain(getattr(value, field.name)) for field in fields}
    if isinstance(value, StopReason | Verdict):
        return value.name
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _losses(values: list[float | None]) -> tuple[float, ...]:
    return tuple(math.nan if value is None else float(value) for value in values)


def _optional(value: float | None) -> float | None:
    return None if value is None else _number(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"wanted a number, got {value!r}")
    return float(value)


def _of(values: dict[Any, Any], *types: type) -> dict[Any, Any]:
    """Returns a dict whose values are of these types; an int may stand for a float."""
    for name, value in values.items():
        if type(value) not in types and not (type(value) is int and float in types):
            raise TypeError(f"{name} is {value!r:.40}")
    return dict(values)


def _report(payload: dict[str, Any]) -> LRFinderReport:
    rate_range = payload["learning_rate_range"]
    return LRFinderReport(
        learning_rate=_optional(payload["learning_rate"]),
        learning_rate_range=(
            None
            if rate_range is None
            else (_number(rate_range[0]), _number(rate_range[1]))
        ),
        learning_rates_by_schedule={
            name: _number(rate)
            for name, rate in payload["learning_rates_by_schedule"].items()
        },
        verdict=Verdict[payload["verdict"]],
        reasons=tuple(_of(dict(enumerate(payload["reasons"])), str).values()),
        **_of({name: payload[name] for name in ("source", "rule")}, str),
        suggestions={k: _optional(v) for k, v in payload["suggestions"].items()},
        stop_reason=StopReason[payload["stop_reason"]],
        sweeps=tuple(_sweep(sweep) for sweep in payload["sweeps"]),
        probes=tuple(_candidate(item) for item in payload["probes"]),
        candidates=tuple(_candidate(item) for item in payload["candidates"]),
        checked=payload["checked"] and _candidate(payload["checked"]),
        untrained_loss=_optional(payload["untrained_loss"]),
        steps_by_phase=_of(payload["steps_by_phase"], int),
        seconds=_of(payload["seconds"], float),
        environment=_of(payload["environment"], str, int, float, bool, type(None)),
        config=RangeTestConfig(**payload["config"]),
        earlier=tuple(_earlier(item) for item in payload.get("earlier", ())),
    )


def _earlier(payload: dict[str, Any]) -> EarlierRate:
    return EarlierRate(
        learning_rate=_optional(payload["learning_rate"]),
        verdict=Verdict[payload["verdict"]],
        when=payload["when"],
        name=payload["name"],
    )


def _sweep(payload: dict[str, Any]) -> Sweep:
    return Sweep(
        learning_rates=tuple(float(rate) for rate in payload["learning_rates"]),
        losses=_losses(payload["losses"]),
        smoothed_losses=_losses(payload["smoothed_losses"]),
        stop_reason=StopReason[payload["stop_reason"]],
        num_steps=int(payload["num_steps"]),
    )


def _candidate(payload: dict[str, Any]) -> Candidate:
    return Candidate(
        learning_rate=float(payload["learning_rate"]),
        eval_losses=_losses(payload["eval_losses"]),
        train_loss=_losses([payload["train_loss"]])[0],
        num_steps=int(payload["num_steps"]),
    )
