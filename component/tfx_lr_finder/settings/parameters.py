"""The value of an execution parameter: its type, and whether it is known yet."""

import numbers
import sys
from typing import Any

_KINDS = {int: "a whole number", float: "a number", str: "a string"}


def is_deferred(value: Any) -> bool:
    """Returns whether a value is known only when the pipeline runs."""
    return is_runtime_parameter(value) or _is_a(
        value, "tfx.dsl.placeholder.placeholder", "Placeholder"
    )


def is_runtime_parameter(value: Any) -> bool:
    """Returns whether a value is a `RuntimeParameter` of TFX."""
    return _is_a(value, "tfx.orchestration.data_types", "RuntimeParameter")


def _is_a(value: Any, module: str, name: str) -> bool:
    """Returns whether a value has a type of TFX, also if TFX is not installed.

    A process that has not loaded the module cannot have such a value.
    """
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(value, getattr(loaded, name))


def cast(name: str, value: Any, wanted: type) -> Any:
    """Returns a value as exactly the type that its execution parameter declares.

    TFX rejects `1` for a float and `5.0` for an int, but people write both. Only a
    cast that keeps the value is made.

    Args:
      name: The parameter's name, for the error.
      value: What the user passed. A runtime parameter or a placeholder is returned
        unchanged.
      wanted: `int`, `float` or `str`.

    Raises:
      ValueError: The cast would change the value, or the value is a bool.
    """
    if is_deferred(value) or (wanted is str and isinstance(value, str)):
        return value
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if is_number and wanted is float:
        return float(value)
    if is_number and wanted is int and float(value).is_integer():
        return int(value)
    raise ValueError(
        f"{name} must be {_KINDS[wanted]}, got {value!r} of type "
        f"{type(value).__name__}. Pass {_KINDS[wanted]} or a RuntimeParameter "
        "of that type."
    )
