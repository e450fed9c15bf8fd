"""Reports in a notebook: TFX's InteractiveContext, and any report by itself."""

from tfx.orchestration.experimental.interactive import visualizations

from tfx_lr_finder import storage
from tfx_lr_finder.artifact import LRFinderResult
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.result_file import read_result
from tfx_lr_finder.views import write as view_files
from tfx_lr_finder.views.html import page as html


class LRFinderResultVisualization(visualizations.ArtifactVisualization):
    """Shows the report of an `LRFinderResult`."""

    ARTIFACT_TYPE = LRFinderResult

    def display(self, artifact: LRFinderResult) -> None:
        """Displays the report of an artifact; see `show`."""
        show(artifact)


def register() -> None:
    """Makes `context.show(lr_finder.outputs["lr_finder_result"])` show the report.

    Creating an `LRFinder` in a notebook calls it. Call it yourself to show a result of
    another node, such as a resolver's.
    """
    visualizations.get_registry().register(LRFinderResultVisualization)


def show(result: LRFinderResult | LRFinderReport | str) -> None:
    """Displays a report in a sandboxed frame.

    Args:
      result: An artifact, the uri of one, or what `find_learning_rate` returned.

    Raises:
      ValueError: There is no readable result.
    """
    # Imported late: only a notebook has it.
    from IPython import display

    display.display(display.HTML(_framed(result)))


def _framed(result: LRFinderResult | LRFinderReport | str) -> str:
    """Returns the page that LRFinder wrote, or else a new one, in a frame."""
    if isinstance(result, LRFinderReport):
        return html.frame(result)
    uri = result if isinstance(result, str) else result.uri
    try:
        page = storage.read_text(f"{uri}/{view_files.REPORT_FILE}")
    except Exception:  # a result without its page is rendered
        page = html.render(read_result(result))
    return html.frame(page)
