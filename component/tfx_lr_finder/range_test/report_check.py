"""The fields of a report that must fit together, checked when one is read."""

from typing import TYPE_CHECKING

from tfx_lr_finder.range_test.candidates import Candidate
from tfx_lr_finder.range_test.sweep import Sweep
from tfx_lr_finder.range_test.verdict import Verdict

if TYPE_CHECKING:
    from tfx_lr_finder.range_test.report import LRFinderReport


OWN_SOURCES = ("confirmed", "rule", "none")
"""Sources of the range test itself; the others are those of a policy."""
TOLERANCE = 1e-9


def check_shapes(report: "LRFinderReport") -> None:
    """Checks the lengths and the order of the evidence, on which every view relies.

    Args:
      report: A report whose fields have the right types.

    Raises:
      ValueError: Something is missing or has the wrong length. The message names it.
    """
    if not report.sweeps:
        raise ValueError("sweeps is empty, expected at least one")
    for number, sweep in enumerate(report.sweeps):
        _check_sweep(f"sweeps[{number}]", sweep)
    trainings = {"probes": report.probes, "candidates": report.candidates}
    for name, group in trainings.items():
        for number, item in enumerate(group):
            _check_training(f"{name}[{number}]", item)
    if report.final_check is not None:
        _check_training("final_check", report.final_check)
    for phase, num_steps in report.steps_by_phase.items():
        if num_steps < 0:
            raise ValueError(f"steps_by_phase[{phase!r:.40}] is negative: {num_steps}")


def _check_sweep(path: str, sweep: Sweep) -> None:
    rates = sweep.learning_rates
    if len(sweep.losses) != len(rates):
        raise ValueError(
            f"{path} has {len(rates)} learning rates but {len(sweep.losses)} losses, "
            "expected the same number of each"
        )
    if sweep.num_steps and not rates:
        raise ValueError(f"{path} has no learning rates, but {sweep.num_steps} steps")
    if len(sweep.smoothed_losses) > len(rates):
        raise ValueError(
            f"{path} has {len(sweep.smoothed_losses)} smoothed losses for "
            f"{len(rates)} learning rates"
        )
    if any(low >= high for low, high in zip(rates, rates[1:], strict=False)):
        raise ValueError(f"{path}.learning_rates do not rise")
    _check_steps(path, sweep.num_steps)


def _check_training(path: str, item: Candidate) -> None:
    if not item.eval_losses:
        raise ValueError(f"{path}.eval_losses is empty, expected at least one")
    _check_steps(path, item.num_steps)


def _check_steps(path: str, num_steps: int) -> None:
    if num_steps < 0:
        raise ValueError(f"{path}.num_steps is negative: {num_steps}")


def check_redundant_fields(report: "LRFinderReport") -> None:
    """Checks that the fields of a report agree with one another.

    Args:
      report: The report.

    Raises:
      ValueError: Two fields contradict each other; the message names both.
    """
    low, high = report.learning_rate_range or (0.0, 0.0)
    if low > high:
        raise ValueError(
            f"learning_rate_range is {low} to {high}, expected the lower rate first"
        )
    _check_rates(report)
    _check_source_and_verdict(report)
    trained = sum(sweep.num_steps for sweep in report.sweeps)
    if report.steps_by_phase.get("sweeps") != trained:
        raise ValueError(
            f"steps_by_phase['sweeps'] is {report.steps_by_phase.get('sweeps')}, but "
            f"the sweeps took {trained} steps"
        )


def _check_rates(report: "LRFinderReport") -> None:
    rate, rates = report.learning_rate, report.learning_rates_by_schedule
    schedule = report.config.schedule
    if rates and rates.get(schedule) != rate:
        raise ValueError(
            f"learning_rate is {rate}, but learning_rates_by_schedule[{schedule!r}] is "
            f"{rates.get(schedule)}"
        )
    constant, span = rates.get("constant"), report.learning_rate_range
    if constant is None or span is None:
        return
    if not span[0] * (1 - TOLERANCE) <= constant <= span[1] * (1 + TOLERANCE):
        raise ValueError(
            f"learning_rates_by_schedule['constant'] is {constant}, outside of "
            f"learning_rate_range, {span[0]} to {span[1]}"
        )


def _check_source_and_verdict(report: "LRFinderReport") -> None:
    rate, source = report.learning_rate, report.source
    if (rate is None) != (source == "none"):
        raise ValueError(f"learning_rate is {rate}, but source is {source!r}")
    is_declared = source not in OWN_SOURCES
    if rate is not None and not is_declared and not report.learning_rates_by_schedule:
        raise ValueError(
            f"learning_rate is {rate} and source is {source!r}, but "
            "learning_rates_by_schedule is empty"
        )
    is_inconclusive = report.verdict is Verdict.INCONCLUSIVE
    if is_inconclusive != (rate is None or is_declared):
        raise ValueError(
            f"verdict is {report.verdict.name}, but learning_rate is {rate} and source "
            f"is {source!r}"
        )
