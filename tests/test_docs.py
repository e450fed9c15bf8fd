"""The pages say what the code says."""

import pathlib
import re
import runpy

import pytest

import tfx_lr_finder

ROOT = pathlib.Path(__file__).parents[1]
DOCS = ROOT / "docs"
PACKAGE = ROOT / "component" / "tfx_lr_finder"


def test_the_api_reference_lists_every_public_name():
    page = (DOCS / "api.md").read_text()
    listed = re.findall(r"^::: tfx_lr_finder\.(\w+)$", page, re.MULTILINE)
    public = {*tfx_lr_finder.__all__, "notebook"} - {"__version__"}
    assert sorted(listed) == sorted(public)


def test_every_module_named_in_the_architecture_page_exists():
    page = (DOCS / "architecture.md").read_text()
    named = re.findall(r"`((?:\w+/)*(?:\w+\.py|\w+/))`", page)
    roots = (PACKAGE, ROOT)
    missing = [name for name in named if not any((r / name).exists() for r in roots)]
    assert named
    assert missing == []


@pytest.mark.parametrize("name", ["component", "runtime"])
def test_the_diagram_of_the_rooms_shows_every_folder_of_the_package(name):
    diagram = (DOCS / "architecture.md").read_text().split("```")[1]
    parent = PACKAGE if name == "component" else PACKAGE / name
    folders = [p.name for p in parent.iterdir() if (p / "__init__.py").exists()]
    assert [folder for folder in folders if f"{folder}/" not in diagram] == []


def test_the_page_of_parameters_is_what_the_code_generates():
    generator = runpy.run_path(str(DOCS / "generate_parameters.py"))
    page = (DOCS / "parameters.md").read_text()
    assert page == generator["page"](), "run: python docs/generate_parameters.py"
