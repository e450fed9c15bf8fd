"""The curves of a report as TensorBoard reads them.

TensorBoard's x axis is an integer: here it is 1000 times the decimal logarithm of the
learning rate, so -3000 is 0.001, and sweeps over other ranges line up.
"""

import math
import os
from collections.abc import Iterable

from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.views.axis_limits import distinct_probes

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
      folder: A path or a uri; `tensorboard --logdir` of any folder above shows it.
      report: What to write; losses that are not finite are left out.
    """
    for number, sweep in enumerate(report.sweeps, start=1):
        losses = zip(sweep.learning_rates, sweep.losses, strict=True)
        smoothed = zip(sweep.learning_rates, sweep.smoothed_losses, strict=False)
        _write_run(
            os.path.join(folder, f"sweep_{number}"),
            {LOSS: losses, SMOOTHED: smoothed},
        )
    checked = () if report.checked is None else (report.checked,)
    trained = [*(report.candidates or distinct_probes(report)), *checked]
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
    """Returns the place of a rate on TensorBoard's x axis."""
    return round(PER_DECADE * math.log10(learning_rate))


def _write_run(folder: str, scalars: dict[str, Points], text: str = "") -> None:
    # Here, and not at the top: pictures and pages need no TensorFlow.
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
