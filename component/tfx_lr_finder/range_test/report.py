"""The report of a range test."""

import dataclasses
import json
import reprlib
from typing import TYPE_CHECKING

from tfx_lr_finder.range_test import report_json
from tfx_lr_finder.range_test.candidates import Candidate
from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.held_out import HeldOut
from tfx_lr_finder.range_test.non_finite import (
    NonFinite,
    count_non_finite,
    unique_trainings,
)
from tfx_lr_finder.range_test.report_check import check_redundant_fields, check_shapes
from tfx_lr_finder.range_test.sweep import StopReason, Sweep
from tfx_lr_finder.range_test.values import Rate
from tfx_lr_finder.range_test.verdict import Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SCHEMA_VERSION", "LRFinderReport", "PreviousRate", "StopReason", "Verdict"]

SCHEMA_VERSION = 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class PreviousRate:
    """The result of a previous run of the same pipeline.

    Attributes:
      learning_rate: Its learning rate, or None.
      verdict: How far that rate could be trusted.
      when: When it was written, ISO 8601 in UTC; empty if unknown.
      name: Its name for a reader: its number, its time, its uri.
    """

    learning_rate: Rate | None
    verdict: Verdict
    when: str
    name: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class LRFinderReport:
    """The result of a range test, with all the evidence.

    Attributes:
      learning_rate: The suggestion for `config.schedule`, or None.
      learning_rate_range: The lowest and the highest rate that are about as good, or
        None. They are also the bounds of a cyclical schedule.
      learning_rates_by_schedule: The suggestion for each schedule by name.
      verdict: How far the suggestion can be trusted.
      reasons: Sentences that say what to do, the most important first; empty for OK.
      source: The origin of the rate: "confirmed" (short trainings), "rule" (read from
        the curve), "default_learning_rate" or "last_good" (the policy for an
        inconclusive test), "none".
      rule: The rule that read the curve.
      suggestions: The suggestion of each rule, combined over the sweeps, or None.
      stop_reason: The most frequent reason why a sweep ended.
      sweeps: The curve of each sweep.
      probes: Trainings of 20 steps a decade apart, smallest rate first.
      candidates: The rates that were compared, smallest first.
      final_check: A training at the suggestion itself, or None.
      untrained_loss: The held-out loss before any training, or None.
      held_out: The held-out data that score the trainings, or None.
      steps_by_phase: Training steps of each phase.
      seconds: Wall time of each phase, in seconds.
      environment: Versions, device, optimizer, batch size and the like.
      config: The parameters of the test.
      previous: The rates of previous runs, oldest first; empty if there are none.
    """

    learning_rate: Rate | None
    learning_rate_range: tuple[Rate, Rate] | None
    learning_rates_by_schedule: dict[str, Rate]
    verdict: Verdict
    reasons: tuple[str, ...]
    source: str
    rule: str
    suggestions: dict[str, float | None]
    stop_reason: StopReason
    sweeps: tuple[Sweep, ...]
    probes: tuple[Candidate, ...]
    candidates: tuple[Candidate, ...]
    final_check: Candidate | None
    untrained_loss: float | None
    held_out: HeldOut | None
    steps_by_phase: dict[str, int]
    seconds: dict[str, float]
    environment: dict[str, str | int | float | bool | None]
    config: RangeTestConfig
    previous: tuple[PreviousRate, ...] = ()

    @property
    def steps_spent(self) -> int:
        """Training steps of all phases together."""
        return sum(self.steps_by_phase.values())

    @property
    def non_finite(self) -> NonFinite:
        """The batches whose loss was not finite."""
        trainings = unique_trainings(self.probes, self.candidates, self.final_check)
        return count_non_finite(self.sweeps, trainings)

    def __str__(self) -> str:
        """Returns the outcome in a few lines; `repr` has every number."""
        lines = [f"{self.verdict.name}: {self.verdict.value}"]
        if self.learning_rate is not None:
            text = f"{self.learning_rate:.4g} for a {self.config.schedule} schedule"
            if self.learning_rate_range is not None:
                low, high = self.learning_rate_range
                text += f", about as good from {low:.3g} to {high:.3g}"
            lines.append(f"learning rate: {text}")
        lines += [f"- {reason}" for reason in self.reasons]
        if str(self.non_finite):
            lines.append(f"loss not finite: {self.non_finite}")
        seconds = sum(self.seconds.values())
        lines.append(f"cost: {self.steps_spent} training steps, {seconds:.1f} seconds")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Returns the report page in a frame, for a notebook."""
        # Imported late like `plot`.
        from tfx_lr_finder.views.html.page import frame

        return frame(self)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Returns matplotlib axes with the whole report in one panel.

        Args:
          ax: Where to draw, such as one of `pyplot.subplots()`. None makes a new
            figure, which pyplot does not track.
        """
        # `views` is imported late, here and in `_repr_html_` only: a report needs no
        # matplotlib, and `views` imports this module.
        from tfx_lr_finder.views.plot import plot_report

        return plot_report(self, ax)

    def to_json(self) -> str:
        """Returns strict JSON, in which null replaces numbers that are not finite.

        Floats keep full precision. `from_json` returns an equal report, except that
        infinite losses become NaN.
        """
        payload = {"schema_version": SCHEMA_VERSION, "steps_spent": self.steps_spent}
        payload.update(report_json.to_plain(self))
        return json.dumps(payload, allow_nan=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "LRFinderReport":
        """Returns the report that `to_json` wrote.

        Args:
          text: The JSON.

        Raises:
          ValueError: The text is not JSON, not a report, or has another schema version.
        """
        try:
            payload = report_json.parse(text)
        except ValueError as error:
            raise ValueError(
                f"The learning-rate report is not JSON ({error}): the file is "
                "cut short or was edited. Run the finder again."
            ) from error
        _check_version(payload)
        steps_spent = payload.pop("steps_spent", None)
        del payload["schema_version"]
        try:
            report = report_json.from_plain(cls, payload)
            check_shapes(report)
            _check_steps_spent(report, steps_spent)
            check_redundant_fields(report)
        except ValueError as error:
            raise ValueError(
                f"The learning-rate report is damaged: {error}. Run the finder again."
            ) from error
        return report


def _check_version(payload: object) -> None:
    version = payload.get("schema_version") if isinstance(payload, dict) else None
    if type(version) is not int or version < 1:
        raise ValueError(
            "The learning-rate report has no schema_version, so this package did not "
            "write it. Pass the result.json that LRFinder wrote."
        )
    if version < SCHEMA_VERSION:
        raise ValueError(
            f"The learning-rate report has the old schema_version {version}, but this "
            f"version of tfx-lr-finder reads only {SCHEMA_VERSION}. Run the finder "
            "again, or read the file with the version that wrote it."
        )
    if version > SCHEMA_VERSION:
        raise ValueError(
            f"The learning-rate report has schema_version {version}, but this version "
            f"of tfx-lr-finder reads only {SCHEMA_VERSION}. Upgrade tfx-lr-finder here "
            "to the version that wrote the file."
        )


def _check_steps_spent(report: LRFinderReport, steps_spent: object) -> None:
    if steps_spent != report.steps_spent:
        raise ValueError(
            f"steps_spent is {reprlib.repr(steps_spent)}, but the steps of all phases "
            f"add up to {report.steps_spent}"
        )
