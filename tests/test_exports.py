import ast
import dataclasses
import inspect
import pathlib

import pytest

import tfx_lr_finder


def test_all_is_sorted_and_has_no_duplicates():
    assert tfx_lr_finder.__all__ == sorted(set(tfx_lr_finder.__all__))


def test_type_checkers_see_every_public_name():
    tree = ast.parse(pathlib.Path(tfx_lr_finder.__file__).read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    names = [alias.asname for node in block.body for alias in node.names]
    assert sorted(names) == tfx_lr_finder.__all__
    homes = {node.names[0].asname: node.module for node in block.body}
    assert homes == {n: f"tfx_lr_finder.{m}" for n, m in tfx_lr_finder._HOMES.items()}


@pytest.mark.parametrize("name", tfx_lr_finder.__all__)
def test_every_public_name_loads(name):
    assert getattr(tfx_lr_finder, name) is not None
    assert name in dir(tfx_lr_finder)


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="no attribute 'LRFindr'"):
        _ = tfx_lr_finder.LRFindr


def test_lr_finder_takes_each_range_test_parameter_without_a_default_of_its_own():
    arguments = inspect.signature(tfx_lr_finder.LRFinder.__init__).parameters
    for field in dataclasses.fields(tfx_lr_finder.RangeTestConfig):
        assert arguments[field.name].default is None
        assert arguments[field.name].kind is inspect.Parameter.KEYWORD_ONLY


@pytest.mark.parametrize("name", ["LRFinderPage", "LRFinderResult", "LRFinderScalars"])
def test_an_artifact_type_is_importable_by_its_type_name(name):
    type_name = getattr(tfx_lr_finder, name).TYPE_NAME
    assert type_name == f"tfx_lr_finder.{name}"
