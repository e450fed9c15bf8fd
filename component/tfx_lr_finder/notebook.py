"""Reports in a notebook: TFX's InteractiveContext, and any report by itself."""

import html as markup

from tfx.orchestration.experimental.interactive import visualizations

from tfx_lr_finder import storage
from tfx_lr_finder.artifact import LRFinderResult
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.result_file import read_result
from tfx_lr_finder.views import write as view_files
from tfx_lr_finder.views.html import page as html

HEIGHT = 900
"""Height of the frame that shows a report, in pixels."""


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
    """Displays a report in a sandboxed frame.

    Args:
      result: An artifact, the uri of one, or what `find_learning_rate` returned.

    Raises:
      ValueError: There is no readable result.
    """
    # Imported late: only a notebook has it.
    from IPython import display

    page = markup.escape(_page(result))
    frame = (
        f'<iframe sandbox="allow-scripts" srcdoc="{page}" title="LRFinder report" '
        f'style="width: 100%; height: {HEIGHT}px; border: 0"></iframe>'
    )
    display.display(display.HTML(f"<div>{frame}</div>"))


def _page(result: LRFinderResult | LRFinderReport | str) -> str:
    """Returns the report page that LRFinder wrote, or else renders one."""
    if isinstance(result, LRFinderReport):
        return html.render(result)
    uri = result if isinstance(result, str) else result.uri
    try:
        return storage.read_text(f"{uri}/{view_files.REPORT_FILE}")
    except Exception:  # a result without its page is rendered
        return html.render(read_result(result))
