"""The learning rate among a Tuner's hyperparameters, as KerasTuner writes them."""

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
      base_config: What `keras_tuner.HyperParameters.get_config` gives, or None.
      learning_rate: The rate, positive and finite.
      name: Name of the rate. What a Tuner found for it, and where it searched (a
        `Float` of any sampling, a `Choice` of floats, under conditions or not), gives
        way to one `Fixed`.

    Returns:
      A new configuration; all other entries are kept, in their order.

    Raises:
      ValueError: If the rate is not positive and finite, or the configuration is none
        in which it can be replaced; see `check_replaceable`.
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
    """Checks that an entry of a KerasTuner configuration may become a learning rate.

    Args:
      config: The configuration.
      name: Name of the rate; the configuration need not have it.

    Raises:
      ValueError: If it is no KerasTuner configuration, `name` is something other than
        a number with a fraction in it, or another entry depends on its value.
    """
    _check_shape(config)
    found = [entry["config"]["name"] for entry in config["space"]]
    for entry in config["space"]:
        kind, settings = entry["class_name"], entry["config"]
        if settings["name"] == name:
            values = [*(settings.get("values") or []), settings.get("value", 0.0)]
            if kind not in REPLACEABLE or not all(map(_is_float, values)):
                raise _other_type(name, f"{kind} {_described(settings)}")
        elif any(_parent(condition) == name for condition in settings["conditions"]):
            raise ValueError(
                f"The hyperparameter {settings['name']!r} exists only for certain "
                f"values of {name!r} ({settings['conditions']}), which LRFinder sets "
                "to another. Search it without that condition, or choose another "
                "hyperparameter_name."
            )
    value = config["values"].get(name)
    if name not in found and value is not None and not _is_float(value):
        raise _other_type(name, repr(value))


def _check_shape(config: Any) -> None:
    """Refuses what `HyperParameters.get_config` does not give."""
    keys_found = sorted(config) if isinstance(config, dict) else type(config).__name__
    try:
        space, values = config["space"], config["values"]
        shown = all(
            isinstance(entry["class_name"], str)
            and isinstance(entry["config"]["name"], str)
            and isinstance(entry["config"]["conditions"], list)
            and isinstance(entry["config"].get("values") or [], list)
            and all(_is_condition(item) for item in entry["config"]["conditions"])
            for entry in space
        )
    except (AttributeError, KeyError, TypeError):
        shown, values = False, None
    if not shown or not isinstance(values, dict):
        raise ValueError(
            "The hyperparameters must be a KerasTuner configuration with 'space' "
            f"and 'values', got {keys_found}. Pass a Tuner's best_hyperparameters, or "
            "leave the input out."
        )


def _is_condition(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("config") or {}, dict)


def _is_float(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(
        value, numbers.Integral
    )  # a bool is one as well


def _parent(condition: Any) -> Any:
    return (condition.get("config") or {}).get("name")


def _described(settings: dict[str, Any]) -> str:
    shown = ("value", "values", "min_value", "max_value")
    return str({name: settings[name] for name in shown if settings.get(name)})


def _other_type(name: str, what: str) -> ValueError:
    return ValueError(
        f"The hyperparameter {name!r} is to hold the learning rate, and the Tuner's is "
        f"{what}: wanted a Float, or a Choice or Fixed of floats. If it is not the "
        "rate, give the rate another name by hyperparameter_name, the one that the "
        "module reads; if it is, search it as a Float."
    )
