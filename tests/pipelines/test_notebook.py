"""The example notebook, executed as a person would, by nbconvert."""

import pathlib

import nbformat
import pytest
from nbconvert.preprocessors import ExecutePreprocessor

from tfx_lr_finder import LRFinder, artifact, notebook

FOLDER = pathlib.Path(__file__).parents[2] / "pipelines" / "penguin"


@pytest.fixture(scope="module")
def executed():
    content = nbformat.read(FOLDER / "lr_finder.ipynb", as_version=4)
    resources = {"metadata": {"path": str(FOLDER)}}
    ExecutePreprocessor(timeout=500, kernel_name="python3").preprocess(
        content, resources
    )
    return content


def _outputs(content, mime):
    return [
        output["data"][mime]
        for cell in content.cells
        for output in cell.get("outputs", ())
        if mime in output.get("data", {})
    ]


@pytest.mark.long
def test_the_notebook_shows_the_report_in_a_frame(executed):
    (shown,) = [page for page in _outputs(executed, "text/html") if "srcdoc=" in page]
    assert 'sandbox="allow-scripts"' in shown
    assert "Loss at each learning rate" in shown
    assert "Written by tfx-lr-finder" in shown


@pytest.mark.long
def test_the_notebook_draws_the_curve_on_the_users_axes(executed):
    assert len(_outputs(executed, "image/png")) == 1


@pytest.mark.long
def test_the_notebook_names_the_verdict_and_the_rate(executed):
    printed = "".join(
        output.get("text", "")
        for output in executed.cells[-1].outputs
        if output.output_type == "stream"
    )
    assert any(word in printed for word in ("OK", "LOW_CONFIDENCE", "INCONCLUSIVE"))


def test_the_notebook_is_kept_without_outputs():
    content = nbformat.read(FOLDER / "lr_finder.ipynb", as_version=4)
    assert not [cell for cell in content.cells if cell.get("outputs")]


@pytest.fixture
def displayed(monkeypatch):
    from IPython import display

    shown = []
    monkeypatch.setattr(display, "display", lambda html: shown.append(html.data))
    return shown


def test_the_viewer_is_found_by_the_artifacts_type(displayed, make_report, make_result):
    from tfx.orchestration.experimental.interactive import visualizations

    notebook.register()
    result = make_result()
    artifact.write_result(result, make_report())
    viewer = visualizations.get_registry().get_visualization(result.type_name)
    viewer.display(result)
    (shown,) = displayed
    assert "Learning rate 0.03" in shown


def test_context_show_works_without_a_call_of_register(make_result):
    from tfx import types
    from tfx.orchestration.experimental.interactive import visualizations
    from tfx.types import standard_artifacts

    registry = visualizations.get_registry()
    registry.visualizations.pop(make_result().type_name, None)
    LRFinder(
        examples=types.Channel(type=standard_artifacts.Examples),
        run_fn="a.module.run_fn",
    )
    viewer = registry.get_visualization(make_result().type_name)
    assert isinstance(viewer, notebook.LRFinderResultVisualization)


def test_the_last_line_of_a_cell_shows_a_report_as_its_page(make_report):
    from IPython.core.formatters import HTMLFormatter

    shown = HTMLFormatter()(make_report(reasons=("</iframe><b>bold</b>",)))
    assert shown.startswith('<div><iframe sandbox="allow-scripts"')
    assert "Learning rate 0.03" in shown
    assert shown.count("<") == 4  # div and iframe, opened and closed


def test_a_report_in_hand_is_shown_and_its_text_stays_text(displayed, make_report):
    notebook.show(make_report(reasons=("</iframe><script>alert(1)</script>",)))
    (shown,) = displayed
    assert shown.count("<") == 4  # div and iframe, opened and closed
