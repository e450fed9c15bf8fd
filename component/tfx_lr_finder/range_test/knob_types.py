"""The plain type of every knob, for those who hand knobs on."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any

from tfx_lr_finder.range_test.config import RangeTestConfig


def _plain_type(hint: Any) -> type:
    """Returns the type of a field without its `| None`."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        (hint,) = (part for part in typing.get_args(hint) if part is not type(None))
    return typing.cast(type, hint)


KNOB_TYPES: Mapping[str, type] = {
    field.name: _plain_type(typing.get_type_hints(RangeTestConfig)[field.name])
    for field in dataclasses.fields(RangeTestConfig)
}
