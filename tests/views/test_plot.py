import dataclasses
import math
import struct

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

from tfx_lr_finder.range_test.sweep import StopReason, Sweep
from tfx_lr_finder.views import plot

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def exploding(make_report):
    """A report whose sweeps end with a loss of 1e30 and then infinity."""

    def explode(sweep):
        losses = (*sweep.losses[:-1], 1e30)
        return Sweep(
            learning_rates=(*sweep.learning_rates, 1.0),
            losses=(*losses, float("inf")),
            smoothed_losses=losses,
            stop_reason=StopReason.NON_FINITE,
            num_steps=sweep.num_steps + 1,
        )

    return make_report(sweeps=tuple(explode(s) for s in make_report().sweeps))


def test_the_suggestion_is_one_red_line_with_its_value(make_report):
    axes = plot.plot_report(make_report(learning_rate=0.0123))
    red = [line for line in axes.lines if line.get_color() == "red"]
    assert len(red) == 1
    assert set(red[0].get_xdata()) == {0.0123}
    assert "0.0123" in red[0].get_label()


def test_every_sweep_has_its_points_and_its_curve(make_report):
    report = make_report()
    drawn = [tuple(line.get_ydata()) for line in plot.plot_report(report).lines]
    for sweep in report.sweeps:
        assert sweep.losses in drawn
        assert sweep.smoothed_losses in drawn


def test_the_rate_axis_is_logarithmic_and_both_are_labelled(make_report):
    axes = plot.plot_report(make_report())
    assert axes.get_xscale() == "log"
    assert "learning rate" in axes.get_xlabel()
    assert "loss" in axes.get_ylabel()


def test_the_range_is_shaded(make_report):
    axes = plot.plot_report(make_report(learning_rate_range=(0.006, 0.06)))
    (span,) = axes.patches
    edges = span.get_extents().transformed(axes.transData.inverted())
    assert (edges.x0, edges.x1) == pytest.approx((0.006, 0.06))


def _marks(axes, marker):
    (line,) = [line for line in axes.lines if line.get_marker() == marker]
    return list(line.get_xdata())


def _rates(trained):
    return [item.learning_rate for item in trained if math.isfinite(item.eval_loss)]


def test_a_confirmed_report_has_two_panels_that_share_the_axis_of_rates(make_report):
    upper, lower = plot.draw_figure(make_report()).axes
    assert upper.get_shared_x_axes().joined(upper, lower)
    assert lower.get_xscale() == "log"
    assert "training loss" in upper.get_ylabel()
    assert "held-out loss" in lower.get_ylabel()


def test_an_unconfirmed_report_has_one_panel(make_report):
    report = make_report(
        probes=(), candidates=(), final_check=None, untrained_loss=None
    )
    (axes,) = plot.draw_figure(report).axes
    assert "held-out" not in axes.get_ylabel()


def test_probes_candidates_and_the_final_check_have_different_marks(make_report):
    report = make_report()
    _, lower = plot.draw_figure(report).axes
    assert _marks(lower, "o") == _rates(report.probes)
    assert _marks(lower, "D") == _rates(report.candidates)
    assert _marks(lower, "*") == [report.final_check.learning_rate]
    labels = " ".join(lower.get_legend_handles_labels()[1])
    for kind in ("probes", "candidates", "final check at 0.03", "untrained model 1.1"):
        assert kind in labels


def test_a_training_with_a_non_finite_loss_has_a_mark_at_the_top(make_report):
    _, lower = plot.draw_figure(make_report()).axes
    assert _marks(lower, "^") == [3.0]


def test_both_panels_mark_the_suggestion(make_report):
    for axes in plot.draw_figure(make_report(learning_rate=0.0123)).axes:
        (line,) = [line for line in axes.lines if line.get_color() == "red"]
        assert set(line.get_xdata()) == {0.0123}


def test_the_lower_panel_shows_the_untrained_and_the_best_loss(make_report):
    report = make_report()
    low, high = plot.draw_figure(report).axes[1].get_ylim()
    best = min(candidate.eval_loss for candidate in report.candidates)
    assert low < best < report.untrained_loss < high


def test_probes_that_are_the_candidates_are_drawn_once(make_report):
    report = make_report(probes=make_report().candidates)
    _, lower = plot.draw_figure(report).axes
    assert not [line for line in lower.lines if line.get_marker() == "o"]


def test_the_label_of_the_suggestion_names_the_peak_of_a_schedule(make_report):
    config = dataclasses.replace(make_report().config, schedule="one_cycle")
    axes = plot.plot_report(make_report(config=config))
    labels = axes.get_legend_handles_labels()[1]
    assert any("peak for one_cycle" in label for label in labels)


def test_no_point_of_the_curves_lies_below_the_picture(make_report):
    sweep, *others = make_report().sweeps
    losses = (*sweep.losses[:40], 0.2, *sweep.losses[41:])
    low_point = dataclasses.replace(sweep, losses=losses)
    axes = plot.plot_report(make_report(sweeps=(low_point, *others)))
    assert axes.get_ylim()[0] < 0.2


def test_a_very_low_loss_does_not_flatten_the_curve(make_report):
    sweep, *others = make_report().sweeps
    losses = (*sweep.losses[:40], -1e6, *sweep.losses[41:])
    low_point = dataclasses.replace(sweep, losses=losses)
    low, high = plot.plot_report(make_report(sweeps=(low_point, *others))).get_ylim()
    assert np.ptp(others[0].smoothed_losses[:60]) > 0.2 * (high - low)


def test_an_exploding_loss_does_not_flatten_the_curve(exploding):
    axes = plot.plot_report(exploding)
    low, high = axes.get_ylim()
    falls = [np.ptp(s.smoothed_losses[:-1]) for s in exploding.sweeps]
    assert max(falls) > 0.4 * (high - low)


def test_the_picture_shows_the_best_loss_of_the_candidates(make_report):
    low, high = plot.plot_report(make_report()).get_ylim()
    best = min(candidate.eval_loss for candidate in make_report().candidates)
    assert low < best < high


def test_a_report_without_a_rate_is_drawn_without_a_line(make_inconclusive):
    axes = plot.plot_report(make_inconclusive())
    assert not [line for line in axes.lines if line.get_color() == "red"]
    assert "INCONCLUSIVE: the loss did not fall" in axes.get_title()


def test_a_report_without_a_finite_loss_is_drawn(make_inconclusive):
    sweep = Sweep(
        learning_rates=(1e-7,),
        losses=(float("nan"),),
        smoothed_losses=(),
        stop_reason=StopReason.NON_FINITE,
        num_steps=1,
    )
    report = make_inconclusive(sweeps=(sweep,), probes=(), untrained_loss=None)
    assert plot.png_bytes(report)[:8] == PNG_SIGNATURE
    axes = plot.plot_report(report)
    assert axes.get_xlim() == (report.config.min_lr, report.config.max_lr)
    assert [text.get_text() for text in axes.texts] == ["no finite loss"]


def test_a_report_is_drawn_on_the_given_axes(make_report):
    axes = Figure().add_subplot()
    assert plot.plot_report(make_report(), axes) is axes
    assert axes.lines


def test_the_picture_is_a_png_of_readable_size(make_report):
    content = plot.png_bytes(make_report())
    assert content[:8] == PNG_SIGNATURE
    width, height = struct.unpack(">II", content[16:24])
    assert width >= 800
    assert height >= 500


def test_the_same_report_gives_the_same_bytes(make_report):
    assert plot.png_bytes(make_report()) == plot.png_bytes(make_report())


def test_no_figure_is_left_in_pyplot(make_report):
    plot.png_bytes(make_report())
    assert pyplot.get_fignums() == []
