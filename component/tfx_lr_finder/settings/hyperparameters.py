"""Sets the learning rate in a KerasTuner configuration."""

import copy
import math
import numbers
from typing import Any

from tfx_lr_finder.settings import keys

REPLACEABLE = ("Choice", "Fixed", "Float")


def merge_learning_rate(
    base_config: dict[str, Any] | None,
    learning_rate: float | None,
    name: str = keys.LEARNING_RATE,
) -> dict[str, Any]:
    """Returns a KerasTuner configuration in which the learning rate is fixed.

    Args:
      base_config: The result of `keras_tuner.HyperParameters.get_config`, or None.
      learning_rate: The rate, positive and finite.
      name: Name of the rate. One `Fixed` replaces the Tuner's value and all its search
        spaces of that name (`Float`, `Choice` or `Fixed`, conditional or not).

    Returns:
      A new configuration. All other entries stay, in their order.

    Raises:
      ValueError: If the rate is not positive and finite, or cannot be set in this
        configuration; see `check_replaceable`.
    """
    if not learning_rate or not (math.isfinite(learning_rate) and learning_rate > 0):
        raise ValueError(
            f"A learning rate must be positive and finite, got {learning_rate!r}."
        )
    config = copy.deepcopy(base_config) if base_config else {"space": [], "values": {}}
    check_replaceable(config, name)
    fixed = {"name": name, "conditions": [], "value": learning_rate}
    kept = [entry for entry in config["space"] if entry["config"]["name"] != name]
    config["space"] = [*kept, {"class_name": "Fixed", "config": fixed}]
    config["values"][name] = learning_rate
    return config


def check_replaceable(config: Any, name: str) -> None:
    """Checks that a KerasTuner configuration can hold a learning rate of this name.

    Raises:
      ValueError: If this is not a KerasTuner configuration, `name` is not a float in
        it, or another entry depends on its value.
    """
    try:
        for entry in config["space"]:
            _check_entry(entry["class_name"], entry["config"], name)
        names = [entry["config"]["name"] for entry in config["space"]]
        value = config["values"].get(name)
    except (AttributeError, KeyError, TypeError) as error:
        found = sorted(config) if isinstance(config, dict) else type(config).__name__
        raise ValueError(
            "The hyperparameters must be a KerasTuner configuration with 'space' "
            f"and 'values', got {found}. Pass a Tuner's best_hyperparameters, or "
            "leave the input out."
        ) from error
    if name not in names and value is not None and not _is_float(value):
        raise _other_type(name, repr(value))


def _check_entry(kind: str, settings: dict[str, Any], name: str) -> None:
    """Checks one entry of the search space."""
    if settings["name"] == name:
        values = [*(settings.get("values") or []), settings.get("value", 0.0)]
        if kind not in REPLACEABLE or not all(map(_is_float, values)):
            names = ("value", "values", "min_value", "max_value")
            shown = {key: settings[key] for key in names if settings.get(key)}
            raise _other_type(name, f"{kind} {shown}")
    elif any(
        (condition.get("config") or {}).get("name") == name
        for condition in settings["conditions"]
    ):
        raise ValueError(
            f"The hyperparameter {settings['name']!r} exists only for certain values "
            f"of {name!r} ({settings['conditions']}), but LRFinder sets {name!r} to "
            "the rate that it found. Remove the condition from the search space, or "
            "choose another hyperparameter_name."
        )


def _is_float(value: Any) -> bool:
    # A bool is an Integral too.
    return isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral)


def _other_type(name: str, what: str) -> ValueError:
    return ValueError(
        f"The hyperparameter {name!r} must be a float to hold the learning rate, and "
        f"the Tuner defined {what}. If it is the learning rate, search it as a Float, "
        "or as a Choice or Fixed of floats. If it is not, set hyperparameter_name to "
        "the name that the module reads the rate from."
    )
