"""The knobs of a range test as TFX execution parameters, and back."""

import numbers
from collections.abc import Mapping
from typing import Any

from tfx.dsl.placeholder import placeholder
from tfx.orchestration import data_types

from tfx_lr_finder.range_test.config import PARAMETER_TYPES, RangeTestConfig
from tfx_lr_finder.settings import keys
from tfx_lr_finder.settings.sample import (
    SAMPLE_SIZE,
    SAMPLE_TYPES,
    parse_size,
    sample_config,
)

DEFAULT_MAX_DRIFT_DECADES = 1.0
"""Decades."""

_RUNTIME_PARAMETER = data_types.RuntimeParameter


def is_deferred(value: Any) -> bool:
    """Returns whether a value is known only when the pipeline runs."""
    return isinstance(value, (_RUNTIME_PARAMETER, placeholder.Placeholder))


def cast_number(name: str, value: Any, wanted: type) -> Any:
    """Returns a plain value as exactly the type that an execution parameter needs.

    TFX refuses `1` where a float is declared and `5.0` where an int is; people
    write both. Only casts that keep the value are made.

    Args:
      name: The parameter's name, for the error.
      value: What the user passed; a runtime parameter or a placeholder comes back
        untouched.
      wanted: `int`, `float` or `str`.

    Returns:
      The value as `wanted`.

    Raises:
      ValueError: If the cast would change the value, or the value is a bool.
    """
    if is_deferred(value):
        return value
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if wanted is str and isinstance(value, str):
        return value
    if wanted is float and number:
        return float(value)
    if wanted is int and number and float(value).is_integer():
        return int(value)
    kinds = {int: "a whole number", float: "a number", str: "a string"}
    raise ValueError(
        f"{name} must be {kinds[wanted]}, got {value!r} of type "
        f"{type(value).__name__}. Pass {kinds[wanted]} or a RuntimeParameter of it."
    )


def cast_parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the knobs that were set, each as the type its parameter needs.

    Args:
      values: Any mapping; names that are no knob, and knobs that are None, are
        left out, so that `RangeTestConfig` stays the one home of the defaults.

    Returns:
      Knob name to value.

    Raises:
      ValueError: If a value has the wrong type.
    """
    return {
        name: cast_number(name, values[name], wanted)
        for name, wanted in PARAMETER_TYPES.items()
        if values.get(name) is not None
    }


def cast_sample(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the knobs of the sample that were set, each as its parameter needs it.

    Args:
      values: Any mapping; names that are no knob of the sample are left out.

    Returns:
      Knob name to value; `sample_size` as a string, because it may be "auto".

    Raises:
      ValueError: If a value has the wrong type, or, as far as they are known while
        the pipeline is written, is out of its range.
    """
    cast = {}
    for name, wanted in SAMPLE_TYPES.items():
        value = values.get(name)
        if value is None:
            continue
        if name == SAMPLE_SIZE and not is_deferred(value):
            value = str(parse_size(value))
        cast[name] = cast_number(name, value, wanted)
    known = {
        name: value.default if isinstance(value, _RUNTIME_PARAMETER) else value
        for name, value in cast.items()
    }
    if not any(value is None or is_deferred(value) for value in known.values()):
        sample_config(known)
    return cast


def config_from_parameters(values: Mapping[str, Any]) -> RangeTestConfig:
    """Returns the checked configuration that a set of knobs stands for.

    Args:
      values: Any mapping; see `cast_parameters`.

    Returns:
      The configuration, with the defaults for all that is not in `values`.

    Raises:
      ValueError: If any knob is out of its range.
    """
    return RangeTestConfig(**cast_parameters(values))


def check_max_drift(max_drift_decades: Any) -> Any:
    """Returns the decades that the rate may move since the last good result.

    Args:
      max_drift_decades: A positive number, None for the default; a runtime
        parameter or a placeholder comes back untouched.

    Raises:
      ValueError: If it is no positive number.
    """
    if max_drift_decades is None:
        return DEFAULT_MAX_DRIFT_DECADES
    decades = cast_number(keys.MAX_DRIFT_DECADES, max_drift_decades, float)
    if not is_deferred(decades) and not decades > 0:
        raise ValueError(
            f"max_drift_decades must be a positive number, got {max_drift_decades!r}. "
            "1 lets the rate move tenfold; a very large one never objects."
        )
    return decades


def check_known(values: Mapping[str, Any]) -> None:
    """Checks knobs while the pipeline is written, as far as they are known.

    A runtime parameter stands for its default value. Where one has none, nothing can
    be said about the knobs together, and the check is left to the run.

    Args:
      values: Any mapping; see `cast_parameters`.

    Raises:
      ValueError: If any knob is out of its range.
    """
    known = {
        name: value.default if isinstance(value, _RUNTIME_PARAMETER) else value
        for name, value in cast_parameters(values).items()
    }
    if not any(value is None or is_deferred(value) for value in known.values()):
        config_from_parameters(known)
