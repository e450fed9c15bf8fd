import pytest
from tensorboard.backend.event_processing import event_accumulator

from tfx_lr_finder.views import plot, tensorboard
from tfx_lr_finder.views import write as view_files
from tfx_lr_finder.views.html import page as html


def _written(folder):
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def test_picture_page_and_curves_are_written_and_nothing_else(make_report, tmp_path):
    view_files.write_views(str(tmp_path), make_report())
    names = _written(tmp_path)
    events = {name for name in names if name.startswith("tensorboard/")}
    assert names - events == {"learning_rate_curve.png", "report.html"}
    assert len(events) == len(make_report().sweeps) + 1


def test_the_page_contains_the_picture_for_browsers_without_scripts(
    make_report, tmp_path
):
    view_files.write_views(str(tmp_path), make_report())
    assert 'src="data:image/png;base64,' in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("module", "function", "missing"),
    [
        (plot, "png_bytes", "learning_rate_curve.png"),
        (html, "render", "report.html"),
        (tensorboard, "write_curves", "tensorboard"),
    ],
    ids=["picture", "page", "curves"],
)
def test_a_view_that_fails_is_logged_and_does_not_stop_the_others(
    module, function, missing, make_report, tmp_path, monkeypatch, caplog
):
    def fail(*_, **__):
        raise RuntimeError("the font is gone")

    monkeypatch.setattr(module, function, fail)
    view_files.write_views(str(tmp_path), make_report())
    assert any("the font is gone" in line for line in caplog.messages)
    tops = {name.split("/")[0] for name in _written(tmp_path)}
    everything = {"learning_rate_curve.png", "report.html", "tensorboard"}
    assert tops == everything - {missing}


def _events(folder):
    accumulator = event_accumulator.EventAccumulator(
        str(folder), size_guidance={event_accumulator.TENSORS: 0}
    )
    return accumulator.Reload()


def _scalars(folder, tag):
    from tensorboard.util import tensor_util

    return [
        (event.step, float(tensor_util.make_ndarray(event.tensor_proto)))
        for event in _events(folder).Tensors(tag)
    ]


def test_tensorboard_gets_every_finite_loss_at_its_rate(make_report, tmp_path):
    report = make_report()
    tensorboard.write_curves(str(tmp_path), report)
    for number, sweep in enumerate(report.sweeps, start=1):
        for tag, losses in (
            (tensorboard.LOSS, sweep.losses),
            (tensorboard.SMOOTHED, sweep.smoothed_losses),
        ):
            read = _scalars(tmp_path / f"sweep_{number}", tag)
            assert [step for step, _ in read] == [
                tensorboard.x_of(rate) for rate in sweep.learning_rates[: len(losses)]
            ]
            assert [loss for _, loss in read] == pytest.approx(losses)


def test_tensorboard_gets_the_trainings_and_the_suggestion(make_report, tmp_path):
    report = make_report(learning_rate=0.01)
    tensorboard.write_curves(str(tmp_path), report)
    held_out = _scalars(tmp_path / "trainings", tensorboard.HELD_OUT)
    assert len(held_out) == len(report.candidates) + 1
    (suggestion,) = _scalars(tmp_path / "trainings", tensorboard.SUGGESTION)
    assert suggestion == (-2000, pytest.approx(0.01))


def test_the_position_of_a_rate_does_not_depend_on_the_range():
    assert tensorboard.x_of(1e-3) == -3000
    assert tensorboard.x_of(10.0) == 1000
