"""The fields of a report that must fit together, checked when one is read."""

from typing import TYPE_CHECKING

from tfx_lr_finder.range_test.candidates import Candidate
from tfx_lr_finder.range_test.sweep import Sweep

if TYPE_CHECKING:
    from tfx_lr_finder.range_test.report import LRFinderReport


def check_shapes(report: "LRFinderReport") -> None:
    """Checks the lengths and the order of the evidence, on which every view relies.

    Args:
      report: A report whose fields have the right types.

    Raises:
      ValueError: Something is missing or has the wrong length. The message names it.
    """
    if not report.sweeps:
        raise ValueError("sweeps is empty, wanted at least one")
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
            f"{path} has {len(rates)} learning rates and {len(sweep.losses)} losses, "
            "wanted as many of both"
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
        raise ValueError(f"{path}.eval_losses is empty, wanted at least one")
    _check_steps(path, item.num_steps)


def _check_steps(path: str, num_steps: int) -> None:
    if num_steps < 0:
        raise ValueError(f"{path}.num_steps is negative: {num_steps}")
