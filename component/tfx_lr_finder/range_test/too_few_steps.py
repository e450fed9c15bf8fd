"""The report of a test for which the Trainer takes too few steps."""

from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.confirmation import PROBE_STEPS, Confirmation
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.range_test.rules import RULES
from tfx_lr_finder.range_test.sweep import StopReason, Sweep
from tfx_lr_finder.range_test.verdict import Verdict

MIN_PROBES = 3


def min_steps(config: RangeTestConfig) -> int:
    """Returns the fewest steps that a verdict needs: the sweeps and three probes.

    Of fewer than three probes, the best is always at an edge.
    """
    probes = 0 if config.confirm_steps == 0 else MIN_PROBES * PROBE_STEPS
    steps = config.sweep_steps + probes
    return min(steps, config.max_steps or steps)


def untested_report(config: RangeTestConfig) -> LRFinderReport:
    """Returns the report of a test for which the Trainer takes too few steps."""
    reason = (
        f"The Trainer takes only {config.train_steps} steps, but this range test needs "
        f"at least {min_steps(config)}. LRFinder never trains for more steps than the "
        "Trainer, so it ran no test. Train for more steps, lower num_sweeps or "
        "num_rates, or set the rate yourself."
    )
    nothing = Sweep(
        learning_rates=(),
        losses=(),
        smoothed_losses=(),
        stop_reason=StopReason.TOO_FEW_STEPS,
        num_steps=0,
    )
    return LRFinderReport(
        learning_rate=None,
        learning_rate_range=None,
        learning_rates_by_schedule={},
        verdict=Verdict.INCONCLUSIVE,
        reasons=(reason,),
        source="none",
        rule=config.rule,
        suggestions=dict.fromkeys(RULES),
        stop_reason=nothing.stop_reason,
        sweeps=(nothing,),
        probes=(),
        candidates=(),
        final_check=None,
        untrained_loss=None,
        held_out=None,
        steps_by_phase={"sweeps": 0, **Confirmation().steps_by_phase},
        seconds={"sweeps": 0.0, "confirmation": 0.0},
        environment={},
        config=config,
    )
