"""Strict JSON of dataclasses, written and read by their type hints.

An enum is written as its name, a tuple as a list, a number that is not finite as null.
Reading is strict: no bool passes for an int, and only a float accepts an int.
"""

import dataclasses
import enum
import functools
import json
import math
import reprlib
import types
import typing
from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar

from tfx_lr_finder.range_test.values import Rate

T = TypeVar("T")

_NAMES = {bool: "true or false", int: "a whole number", str: "a text"}
_NAMES |= {dict: "an object", list: "a list"}


def to_plain(value: Any) -> Any:
    """Returns a value in the types of JSON.

    Args:
      value: A dataclass, an enum, a scalar, or a container of these.
    """
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: to_plain(getattr(value, name)) for name in names}
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def parse(text: str) -> Any:
    """Returns the value of strict JSON.

    Args:
      text: The JSON.

    Raises:
      ValueError: The text is not JSON, holds NaN or Infinity, or is nested too deeply.
    """

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is not a valid JSON number")

    try:
        return json.loads(text, parse_constant=refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def from_plain(hint: type[T], value: Any) -> T:
    """Returns the dataclass that `to_plain` converted.

    A null in place of a float is NaN, unless the hint allows None. The recursion
    follows the hints, so it is never deeper than the types.

    Args:
      hint: A dataclass. Its fields may be scalars, enums, dataclasses, `T | None`,
        `tuple[T, ...]`, `tuple[T, T]` and `dict[str, T]`.
      value: The output of `parse`.

    Raises:
      ValueError: The value is not of this type. The message names the field.
    """
    result: T = _read(hint, value, "")
    return result


def _read(hint: Any, value: Any, path: str) -> Any:
    """Returns the value of any hint; `path` is the name of its field."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _read_union(arguments, value, path)
    if origin is tuple:
        return _read_tuple(arguments, value, path)
    if origin is dict:
        items = _exactly(dict, value, path).items()
        return {k: _read(arguments[1], v, f"{path}[{k!r:.40}]") for k, v in items}
    if dataclasses.is_dataclass(hint):
        return _read_dataclass(hint, value, path)
    if isinstance(hint, enum.EnumMeta):
        if not isinstance(value, str) or value not in hint.__members__:
            _refuse(path, value, f"one of {', '.join(hint.__members__)}")
        return hint[value]
    if hint in (float, Rate):
        return _read_float(value, path, positive=hint == Rate)
    return _exactly(hint, value, path)


def _read_union(options: tuple[Any, ...], value: Any, path: str) -> Any:
    if value is None and types.NoneType in options:
        return None
    options = tuple(option for option in options if option is not types.NoneType)
    if len(options) == 1:
        return _read(options[0], value, path)
    if type(value) in options:
        return _read(type(value), value, path)
    return _refuse(path, value, " or ".join(option.__name__ for option in options))


def _read_tuple(items: tuple[Any, ...], value: Any, path: str) -> tuple[Any, ...]:
    values = _exactly(list, value, path)
    if items[-1] is Ellipsis:
        items = items[:1] * len(values)
    if len(values) != len(items):
        _refuse(path, value, f"a list of {len(items)} values")
    pairs = enumerate(zip(items, values, strict=True))
    return tuple(_read(hint, item, f"{path}[{k}]") for k, (hint, item) in pairs)


def _read_dataclass(hint: Any, value: Any, path: str) -> Any:
    hints, values = _hints(hint), _exactly(dict, value, path)
    if values.keys() != hints.keys():
        missing, unknown = hints.keys() - values.keys(), values.keys() - hints.keys()
        names = ", ".join(sorted(missing) or map(ascii, sorted(unknown)))
        found = f"lacks {names}" if missing else f"has the unknown fields {names:.80}"
        raise ValueError(f"{path or 'the report'} {found}")
    dot = f"{path}." if path else ""
    fields = {name: _read(hints[name], values[name], dot + name) for name in hints}
    try:
        return hint(**fields)
    except ValueError as error:
        raise ValueError(f"{path} is refused: {error}") from error


def _read_float(value: Any, path: str, *, positive: bool) -> float:
    if value is None and not positive:
        return math.nan
    wanted = "a positive, finite number" if positive else "a number"
    if type(value) not in (int, float):
        _refuse(path, value, wanted)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number) or (positive and number <= 0):
        _refuse(path, value, wanted)
    return number


def _exactly(wanted: type[T], value: Any, path: str) -> T:
    if type(value) is not wanted:
        _refuse(path, value, _NAMES[wanted])
    return value


def _refuse(path: str, value: Any, wanted: str) -> NoReturn:
    # reprlib keeps the text short, however large or deep the value is.
    raise ValueError(
        f"{path or 'the report'} is {reprlib.repr(value)}, expected {wanted}"
    )


@functools.cache
def _hints(hint: type) -> Mapping[str, Any]:
    """Returns the types of the fields of a dataclass by name."""
    hints = typing.get_type_hints(hint, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(hint)}
