"""The pages say what the code says."""

import pathlib
import re

import generate_parameters
import pytest

import tfx_lr_finder

ROOT = pathlib.Path(__file__).parents[1]
DOCS = ROOT / "docs"
PACKAGE = ROOT / "component" / "tfx_lr_finder"


def test_the_api_reference_lists_every_public_name():
    listed = re.findall(r"^::: tfx_lr_finder\.(\w+)$", (DOCS / "api.md").read_text(), re.M)
    public = {*tfx_lr_finder.__all__, "notebook"} - {"__version__"}
    assert sorted(listed) == sorted(public)


def test_the_parameter_page_is_what_the_code_generates():
    page = (DOCS / "parameters.md").read_text()
    assert page == generate_parameters.page(), "run python docs/generate_parameters.py"


def test_every_module_named_in_the_architecture_page_exists():
    page = (DOCS / "architecture.md").read_text()
    named = re.findall(r"`((?:\w+/)*(?:\w+\.py|\w+/))`", page)
    assert len(named) > 20
    missing = [
        name for name in named if not any((p / name).exists() for p in (PACKAGE, ROOT))
    ]
    assert missing == []


@pytest.mark.parametrize(
    "page", ["README.md", *sorted(path.name for path in DOCS.glob("*.md"))]
)
def test_every_parameter_named_in_backticks_with_an_underscore_is_known(page):
    """Catches the old name of a renamed parameter."""
    path = ROOT / page if page == "README.md" else DOCS / page
    old = {"num_steps_per_rung", "steps_per_rung", "max_share", "max_change", "sample_by"}
    old |= {"max_corrupt_share", "checkpoint_seconds", "article", "final_share"}
    assert not old & set(re.findall(r"`(\w+)(?:=[^`]*)?`", path.read_text()))
