"""Reports in a notebook: TFX's InteractiveContext, and any report by itself."""

import html as markup

from tfx.orchestration.experimental.interactive import visualizations

from tfx_lr_finder import storage
from tfx_lr_finder.artifact import LRFinderResult, read_result
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.views import write as view_files
from tfx_lr_finder.views.html import page as html

HEIGHT = 900
"""Of the frame that a report is shown in, in pixels."""


class LRFinderResultVisualization(visualizations.ArtifactVisualization):
    """Shows the report of an `LRFinderResult`."""

    ARTIFACT_TYPE = LRFinderResult

    def display(self, artifact: LRFinderResult) -> None:
        """Displays the report of an artifact; see `show`."""
        show(artifact)


def register() -> None:
    """Makes `context.show(lr_finder.outputs["lr_finder_result"])` show the report.

    Call it once in a notebook, before `context.show`.
    """
    visualizations.get_registry().register(LRFinderResultVisualization)


def show(result: LRFinderResult | LRFinderReport | str) -> None:
    """Displays a report in a frame of its own, in which its scripts can do no harm.

    Args:
      result: An artifact, the uri of one, or what `find_learning_rate` returned.

    Raises:
      ValueError: If there is no result to read.
    """
    # Here, and not at the top: only a notebook has it.
    from IPython import display

    page = markup.escape(_page(result))
    frame = (
        f'<iframe sandbox="allow-scripts" srcdoc="{page}" title="LRFinder report" '
        f'style="width: 100%; height: {HEIGHT}px; border: 0"></iframe>'
    )
    display.display(display.HTML(f"<div>{frame}</div>"))


def _page(result: LRFinderResult | LRFinderReport | str) -> str:
    """Returns the report that was written, or one made anew where there is none."""
    if isinstance(result, LRFinderReport):
        return html.render(result)
    uri = result if isinstance(result, str) else result.uri
    try:
        return storage.read_text(f"{uri}/{view_files.REPORT_FILE}")
    except Exception:  # noqa: BLE001 - a result without its views is shown all the same
        return html.render(read_result(result))
