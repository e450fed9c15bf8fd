"""One text per parameter, in every place that documents it."""

import dataclasses
import inspect
import re

import pytest
from click.testing import CliRunner

from tfx_lr_finder import LRFinder, RangeTestConfig
from tfx_lr_finder.cli.main import main
from tfx_lr_finder.range_test.config import help_texts
from tfx_lr_finder.settings.sample import SampleConfig

ALL_HELP = {**help_texts(RangeTestConfig), **help_texts(SampleConfig)}


def _documented(docstring, section):
    """Returns name to text of a section of a google docstring."""
    body = inspect.cleandoc(docstring).split(f"\n{section}:\n")[1].split("\n\n")[0]
    entries = re.split(r"\n(?=  \w)", "\n" + body)[1:]
    pairs = [entry.strip().split(": ", 1) for entry in entries]
    return {name: " ".join(text.split()) for name, text in pairs}


@pytest.mark.parametrize("config", [RangeTestConfig, SampleConfig])
def test_every_parameter_of_a_configuration_has_a_help_text(config):
    names = [field.name for field in dataclasses.fields(config)]
    assert list(help_texts(config)) == names
    for text in help_texts(config).values():
        assert re.fullmatch(r"[A-Z].{20,}\.", text)


@pytest.mark.parametrize("name", ALL_HELP)
def test_lr_finder_documents_each_parameter_by_its_help_text(name):
    arguments = _documented(LRFinder.__init__.__doc__, "Args")
    assert arguments[name] == ALL_HELP[name]


def test_lr_finder_documents_every_argument_in_the_order_of_its_signature():
    arguments = _documented(LRFinder.__init__.__doc__, "Args")
    assert list(arguments) == list(inspect.signature(LRFinder).parameters)


@pytest.mark.parametrize("name", help_texts(RangeTestConfig))
def test_lr_finder_run_documents_each_option_by_its_help_text(name):
    output = CliRunner().invoke(main, ["run", "--help"]).output
    assert help_texts(RangeTestConfig)[name] in " ".join(output.split())


def test_the_help_of_lr_finder_asks_for_no_function_of_its_own():
    texts = inspect.getdoc(LRFinder), inspect.getdoc(LRFinder.__init__)
    assert "The user module needs no change" in texts[0]
    assert not [text for text in texts if re.search(r"must define|has to define", text)]
