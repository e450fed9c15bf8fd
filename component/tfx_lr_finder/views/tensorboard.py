"""The curves of a report for TensorBoard.

TensorBoard's x axis holds integers. Here x is 1000 log10(learning rate), so -3000 is
0.001, and sweeps over different ranges align.
"""

import math
import os
from collections.abc import Iterable

from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.views import selection

FOLDER = "tensorboard"
PER_DECADE = 1000
LOSS = "lr_finder/loss"
SMOOTHED = "lr_finder/smoothed_loss"
HELD_OUT = "lr_finder/held_out_loss"
SUGGESTION = "lr_finder/suggestion"
ABOUT_X = "x is 1000 log10(learning rate): -3000 is 0.001"

Points = Iterable[tuple[float, float]]


def write_curves(folder: str, report: LRFinderReport) -> None:
    """Writes one TensorBoard run for each sweep, and one for the trainings.

    Args:
      folder: A path or a uri. `tensorboard --logdir` also takes any parent folder.
      report: The report to write, without the losses that are not finite.
    """
    for number, sweep in enumerate(report.sweeps, start=1):
        losses = zip(sweep.learning_rates, sweep.losses, strict=True)
        smoothed = zip(sweep.learning_rates, sweep.smoothed_losses, strict=False)
        _write_run(
            os.path.join(folder, f"sweep_{number}"),
            {LOSS: losses, SMOOTHED: smoothed},
        )
    kinds = selection.trainings(report)
    skipped = selection.PROBE if report.candidates else None
    trained = [item for kind, item in kinds if kind != skipped]
    trained.sort(key=lambda item: item.learning_rate)
    suggestion = () if report.learning_rate is None else (report.learning_rate,)
    _write_run(
        os.path.join(folder, "trainings"),
        {
            HELD_OUT: [(item.learning_rate, item.eval_loss) for item in trained],
            SUGGESTION: [(rate, rate) for rate in suggestion],
        },
        text=_text(report),
    )


def x_of(learning_rate: float) -> int:
    """Returns the position of a rate on TensorBoard's x axis."""
    return round(PER_DECADE * math.log10(learning_rate))


def _write_run(folder: str, scalars: dict[str, Points], text: str = "") -> None:
    # Imported here because pictures and pages do not need TensorFlow.
    import tensorflow as tf

    with tf.summary.create_file_writer(folder).as_default():
        for tag, points in scalars.items():
            for rate, value in points:
                if math.isfinite(value):
                    x = x_of(rate)
                    tf.summary.scalar(tag, value, step=x, description=ABOUT_X)
        if text:
            tf.summary.text("lr_finder/verdict", text, step=0)


def _text(report: LRFinderReport) -> str:
    rate = "none" if report.learning_rate is None else repr(report.learning_rate)
    lines = [f"**{report.verdict.name}**", f"learning rate: {rate}", *report.reasons]
    return "\n\n".join(lines)
