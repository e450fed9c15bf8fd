"""Writes lr_finder.yaml and the tables of docs/kubeflow.md from the component itself.

It needs kfp. The newest 2.x writes the shortest file, and every 2.x reads it.
"""

import pathlib
import typing

from kfp import compiler, dsl

from tfx_lr_finder.kfp import inputs, lr_finder, outputs

ROOT = pathlib.Path(__file__).parents[1]
COMPONENT = ROOT / "kubeflow" / "component" / "lr_finder.yaml"
PAGE = ROOT / "docs" / "kubeflow.md"
BEGIN = "<!-- {}: python docs/generate_kubeflow.py -->\n"
END = "<!-- end of {} -->\n"


def tables() -> dict[str, str]:
    """Returns the tables as Markdown by the name of their place on the page."""
    input_rows = [
        (name, _type_name(kind), "" if default is None else f"`{default}`", text)
        for name, (kind, default, text) in inputs().items()
    ]
    output_rows = [
        (name, _type_name(kind), text) for name, (kind, text) in outputs().items()
    ]
    return {
        "inputs": _table(("input", "type", "default", "what it does"), input_rows),
        "outputs": _table(("output", "type", "what it is"), output_rows),
    }


def with_tables(page: str) -> str:
    """Returns a page with the tables between their marks."""
    for name, table in tables().items():
        begin, end = BEGIN.format(name), END.format(name)
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = before + begin + table + end + after
    return page


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join('---' for _ in head)} |"]
    lines += [f"| `{name}` | {' | '.join(cells)} |" for name, *cells in rows]
    return "\n".join(lines) + "\n"


def _type_name(kind: typing.Any) -> str:
    """Returns the name of a parameter's or an artifact's type."""
    if isinstance(kind, dsl.OutputPath):
        kind = kind.type
    elif typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    return str(kind.__name__)


if __name__ == "__main__":
    COMPONENT.parent.mkdir(exist_ok=True)
    compiler.Compiler().compile(lr_finder(), str(COMPONENT))
    PAGE.write_text(with_tables(PAGE.read_text()))
