"""The report as one self-contained HTML file."""

import base64
import functools
import hashlib
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

import jinja2
import markupsafe

from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.version import __version__
from tfx_lr_finder.views import tables
from tfx_lr_finder.views.html.data import chart_data

SCRIPTS = ("vendor/d3.min.js", "vendor/plot.umd.min.js", "report.js")
"""The scripts in the order of execution; see vendor/README.md."""
HEIGHT = 900
"""Height of the frame that shows a page in a notebook, in pixels."""


def render(
    report: LRFinderReport,
    *,
    picture: bytes | None = None,
    labels: Mapping[str, str] | None = None,
) -> str:
    """Returns the page: verdict, charts, tables.

    The page contains its scripts, styles, data and picture. Its content security policy
    forbids all requests, and all scripts except these, which it lists by their hashes.
    Text from the pipeline is escaped.

    Args:
      report: The report to show.
      picture: A PNG for browsers without scripts, or None.
      labels: The origin of the report by name: pipeline, node, run and the like.
    """
    scripts = [_asset(name) for name in SCRIPTS]
    page: str = (
        _environment()
        .get_template("report.html")
        .render(
            report=report,
            headline=_headline(report),
            labels=dict(labels or {}),
            number=tables.number,
            picture=_data_uri(picture),
            policy=_policy(scripts),
            style=markupsafe.Markup(_asset("report.css")),
            scripts=[markupsafe.Markup(script) for script in scripts],
            data=_script_safe(chart_data(report)),
            trainings=tables.trainings(report),
            previous=tables.previous(report),
            open_tables=[
                tables.summary(report),
                tables.rules(report),
                tables.cost(report),
            ],
            closed_tables=[
                tables.environment(report),
                tables.configuration(report),
                tables.curves(report),
            ],
            version=__version__,
        )
    )
    return page


def frame(report: LRFinderReport | str) -> str:
    """Returns a page in a sandboxed frame, for the output of a notebook cell.

    Args:
      report: The report to show, or its page.
    """
    text = report if isinstance(report, str) else render(report)
    return (
        '<div><iframe sandbox="allow-scripts" title="LRFinder report" '
        f'style="width: 100%; height: {HEIGHT}px; border: 0" '
        f'srcdoc="{markupsafe.escape(text)}"></iframe></div>'
    )


def _headline(report: LRFinderReport) -> str:
    if report.learning_rate is None:
        return "No learning rate found"
    return f"Learning rate {tables.number(report.learning_rate)}"


def _data_uri(picture: bytes | None) -> str | None:
    if picture is None:
        return None
    return "data:image/png;base64," + base64.b64encode(picture).decode("ascii")


def _policy(scripts: list[str]) -> str:
    """Returns a content security policy that allows these scripts and no request."""
    hashes = []
    for script in scripts:
        digest = hashlib.sha256(script.encode()).digest()
        hashes.append(f"'sha256-{base64.b64encode(digest).decode('ascii')}'")
    return (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; "
        f"style-src 'unsafe-inline'; script-src {' '.join(hashes)}"
    )


def _script_safe(value: Any) -> markupsafe.Markup:
    """Returns JSON that cannot close the script element around it."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return markupsafe.Markup(text)


def _asset(name: str) -> str:
    # A browser replaces every line end by a line feed before it hashes a script.
    path = resources.files(__package__).joinpath(name)
    return path.read_text(encoding="utf-8").strip().replace("\r\n", "\n")


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        autoescape=True,
        keep_trailing_newline=True,
        loader=jinja2.FunctionLoader(_asset),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
