"""Writes docs/parameters.md from the texts that the code itself holds.

The docstrings of `RangeTestConfig` and `SampleConfig` hold the help texts that the
command line shows. The other parameters are documented by `LRFinder`'s docstring.
"""

import dataclasses
import inspect
import pathlib
import re

from tfx_lr_finder import LRFinder, RangeTestConfig
from tfx_lr_finder.range_test.config import help_texts
from tfx_lr_finder.settings import request
from tfx_lr_finder.settings.sample import SampleConfig

PAGE = pathlib.Path(__file__).with_name("parameters.md")

INTRO = """\
# Parameters

These are the parameters of `LRFinder`, apart from its channels and those that every
Trainer takes. All are typed execution parameters, so each accepts a `RuntimeParameter`.
Every invalid value fails before LRFinder reads data. The script
`docs/generate_parameters.py` writes this page from the code.
"""

RANGE_TEST = """\
## The range test

`find_learning_rate` and `lr-finder run` take these too.
"""

SAMPLE = """\
## A sample of the examples

See [large data](sampling.md).
"""

COMPONENT = """\
## The component

See [previous results](previous_results.md), [faults](faults.md) and
[Kubeflow and Vertex AI](kubeflow_and_vertex.md).
"""


def page() -> str:
    """Returns the page as Markdown."""
    parts = [INTRO, RANGE_TEST, _table(_fields(RangeTestConfig))]
    parts += [SAMPLE, _table(_fields(SampleConfig))]
    return "\n".join([*parts, COMPONENT, _table(_component_parameters())])


def _fields(config: type) -> list[tuple[str, object, str]]:
    texts = help_texts(config)
    return [
        (field.name, field.default, texts[field.name])
        for field in dataclasses.fields(config)
    ]


def _component_parameters() -> list[tuple[str, object, str]]:
    """Returns those parameters that no configuration class holds."""
    signature = inspect.signature(LRFinder.__init__)
    held = {name for c in (RangeTestConfig, SampleConfig) for name, *_ in _fields(c)}
    names = [
        name
        for name in signature.parameters
        if name in request.EXECUTION_TYPES and name not in held
    ]
    texts = _documented_arguments(inspect.getdoc(LRFinder.__init__) or "")
    return [(name, signature.parameters[name].default, texts[name]) for name in names]


def _documented_arguments(docstring: str) -> dict[str, str]:
    """Returns the texts of the `Args` section of a docstring."""
    section = docstring.partition("Args:\n")[2].partition("\n\n")[0]
    entries = re.findall(r"^  (\w+): (.*(?:\n    .*)*)", section, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


def _table(rows: list[tuple[str, object, str]]) -> str:
    lines = ["| parameter | default | what it does |", "| --- | --- | --- |"]
    lines += [
        f"| `{name}` | {_default(default)} | {_as_code(text)} |"
        for name, default, text in rows
    ]
    return "\n".join(lines) + "\n"


def _default(value: object) -> str:
    if value in (None, "", dataclasses.MISSING):
        return ""
    return f"`{value}`"


def _as_code(text: str) -> str:
    """Returns a help text with its quoted values and its parameters' names as code."""
    text = re.sub(r'"(\w+)"', r"`\1`", text)
    return re.sub(r"(?<![`\w])([a-z]+(?:_[a-z]+)+)(?![`\w])", r"`\1`", text)


if __name__ == "__main__":
    PAGE.write_text(page())
