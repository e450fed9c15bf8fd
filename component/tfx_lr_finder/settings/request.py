"""Everything that an execution of LRFinder asks for, parsed and checked once."""

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import Any

from tfx_lr_finder.range_test.config import PARAMETER_TYPES, RangeTestConfig
from tfx_lr_finder.settings import keys, which_fit
from tfx_lr_finder.settings.gpu_request import GpuRequest
from tfx_lr_finder.settings.inconclusive import InconclusivePolicy
from tfx_lr_finder.settings.parameters import (
    cast,
    is_deferred,
    is_runtime_parameter,
)
from tfx_lr_finder.settings.sample import (
    SAMPLE_SIZE,
    SAMPLE_TYPES,
    SampleConfig,
    parse_size,
    sample_config,
)

DEFAULT_MAX_DRIFT_DECADES = 1.0

_POLICY_TYPES = {keys.ON_INCONCLUSIVE: str, keys.DEFAULT_LEARNING_RATE: float}
_GPU_TYPES = {keys.REQUESTED_GPUS: int, keys.ON_NO_GPU: str}

EXECUTION_TYPES: Mapping[str, type] = {
    **PARAMETER_TYPES,
    **SAMPLE_TYPES,
    **_POLICY_TYPES,
    **_GPU_TYPES,
    keys.HYPERPARAMETER_NAME: str,
    keys.MAX_DRIFT_DECADES: float,
    keys.CHECKPOINT_DIR: str,
    keys.WHICH_FIT: str,
    keys.EVIDENCE_DIR: str,
}
"""The plain execution parameters of LRFinder and their types."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class FinderRequest:
    """What one execution of LRFinder does.

    Attributes:
      config: The range test. `train_steps` comes from `train_args` if only that is set.
      sample: The sample to draw, or None to read all examples.
      policy: What to do if the test is inconclusive.
      max_drift_decades: Decades that the rate may differ from the previous one.
      checkpoint_dir: Folder for checkpoints; None for the default.
      evidence_dir: Folder for the reports of inconclusive tests; None for the default.
      gpus: The GPUs that the pod should have.
      hyperparameter_name: Name of the rate in `best_hyperparameters`.
      which_fit: The `fit` of `run_fn` to test; see `settings.which_fit`.
      custom_config: What the user module gets as `fn_args.custom_config`.
      train_splits: Splits to train on.
      eval_splits: Splits to compare candidates on.
      train_steps_given: Whether the user set `train_steps`, which `fit` then does not
        override.
      exec_properties: The raw properties, for TFX's own functions that load user code.
    """

    config: RangeTestConfig
    sample: SampleConfig | None
    policy: InconclusivePolicy
    max_drift_decades: float
    checkpoint_dir: str | None
    evidence_dir: str | None
    gpus: GpuRequest
    hyperparameter_name: str
    which_fit: str
    custom_config: dict[str, Any] | None
    train_splits: tuple[str, ...]
    eval_splits: tuple[str, ...]
    train_steps_given: bool
    exec_properties: dict[str, Any]

    @classmethod
    def from_properties(cls, exec_properties: Mapping[str, Any]) -> "FinderRequest":
        """Returns the request of a node's execution properties.

        Args:
          exec_properties: See `LRFinderSpec.PARAMETERS`; all values are known.

        Raises:
          ValueError: A value has the wrong type or is out of its range, or the user
            code is not named exactly once.
        """
        train_splits, _ = _trainer_args(exec_properties, keys.TRAIN_ARGS)
        eval_splits, _ = _trainer_args(exec_properties, keys.EVAL_ARGS)
        request = cls(
            config=_range_test_config(exec_properties),
            sample=_sample(exec_properties),
            policy=_policy(exec_properties),
            max_drift_decades=_max_drift_decades(exec_properties),
            checkpoint_dir=exec_properties.get(keys.CHECKPOINT_DIR) or None,
            evidence_dir=exec_properties.get(keys.EVIDENCE_DIR) or None,
            gpus=_gpu_request(exec_properties),
            hyperparameter_name=(
                exec_properties.get(keys.HYPERPARAMETER_NAME) or keys.LEARNING_RATE
            ),
            which_fit=_which_fit(exec_properties),
            custom_config=_custom_config(exec_properties),
            train_splits=train_splits or ("train",),
            eval_splits=eval_splits or ("eval",),
            train_steps_given=exec_properties.get("train_steps") is not None,
            exec_properties=dict(exec_properties),
        )
        check_user_code(exec_properties)
        return request


def cast_properties(
    values: Mapping[str, Any], types: Mapping[str, type] = EXECUTION_TYPES
) -> dict[str, Any]:
    """Returns the execution properties that were set, each as its declared type.

    Args:
      values: Arguments of `LRFinder`, or execution properties. Those that are None are
        left out, so that the configuration classes alone hold the defaults.
      types: Which properties to return, and their types.

    Raises:
      ValueError: A value has the wrong type.
    """
    given = {name: values.get(name) for name in types}
    if SAMPLE_SIZE in types and not is_deferred(given[SAMPLE_SIZE]):
        size = parse_size(given[SAMPLE_SIZE])
        given[SAMPLE_SIZE] = str(size) if size else None
    if given.get(keys.WHICH_FIT) is not None:
        given[keys.WHICH_FIT] = which_fit.as_text(given[keys.WHICH_FIT])
    return {
        name: cast(name, value, types[name])
        for name, value in given.items()
        if value is not None
    }


def check_known(properties: Mapping[str, Any]) -> None:
    """Checks execution properties while the pipeline is defined.

    A runtime parameter stands for its default. Settings that depend on a value which
    is not known yet are checked when the node runs.

    Args:
      properties: The properties of the component's spec.

    Raises:
      ValueError: A known value is out of its range, or the user code is not named
        exactly once.
    """
    check_user_code(properties)
    known = {name: _default_if_runtime(value) for name, value in properties.items()}
    for check, names in _CHECKS.items():
        values = {name: known.get(name) for name in names}
        if not any(map(is_deferred, values.values())):
            check(values)


def check_user_code(properties: Mapping[str, Any]) -> None:
    """Checks that exactly one property names the user's code.

    Raises:
      ValueError: None or several do.
    """
    names = (keys.MODULE_FILE, keys.LR_FINDER_FN, keys.RUN_FN)
    given = [properties.get(name) for name in names]
    if properties.get(keys.MODULE_PATH):  # set when the module file was packaged
        given[0] = properties[keys.MODULE_PATH]
    if sum(map(bool, given)) != 1:
        module_file, lr_finder_fn, run_fn = given
        raise ValueError(
            "Exactly one of module_file, lr_finder_fn and run_fn must be given, got "
            f"module_file={module_file!r}, lr_finder_fn={lr_finder_fn!r} and "
            f"run_fn={run_fn!r}. module_file is the path of a .py file. The others "
            "are dotted paths."
        )


def _default_if_runtime(value: Any) -> Any:
    """Returns the default of a runtime parameter that has one, or else the value."""
    if is_runtime_parameter(value) and value.default is not None:
        return value.default
    return value


def _range_test_config(properties: Mapping[str, Any]) -> RangeTestConfig:
    config = RangeTestConfig(**cast_properties(properties, PARAMETER_TYPES))
    _, num_steps = _trainer_args(properties, keys.TRAIN_ARGS)
    if config.train_steps is not None or num_steps < 1:
        return config
    return dataclasses.replace(config, train_steps=num_steps)


def _sample(properties: Mapping[str, Any]) -> SampleConfig | None:
    return sample_config(cast_properties(properties, SAMPLE_TYPES))


def _policy(properties: Mapping[str, Any]) -> InconclusivePolicy:
    return InconclusivePolicy(**cast_properties(properties, _POLICY_TYPES))


def _gpu_request(properties: Mapping[str, Any]) -> GpuRequest:
    return GpuRequest(**cast_properties(properties, _GPU_TYPES))


def _max_drift_decades(properties: Mapping[str, Any]) -> float:
    given = properties.get(keys.MAX_DRIFT_DECADES)
    if given is None:
        return DEFAULT_MAX_DRIFT_DECADES
    decades: float = cast(keys.MAX_DRIFT_DECADES, given, float)
    if not decades > 0:
        raise ValueError(
            f"max_drift_decades must be a positive number, got {given!r}. 1 lets the "
            "rate change by a factor of ten. A very large number turns the check off."
        )
    return decades


def _which_fit(properties: Mapping[str, Any]) -> str:
    return str(which_fit.as_text(properties.get(keys.WHICH_FIT) or which_fit.FIRST))


def _custom_config(properties: Mapping[str, Any]) -> dict[str, Any] | None:
    config = properties.get(keys.CUSTOM_CONFIG) or None
    if isinstance(config, str):
        # Imported late: only TFX passes the dict as JSON.
        from tfx.utils import json_utils

        config = json_utils.loads(config)
    if config is not None and not isinstance(config, dict):
        raise ValueError(f"custom_config must be a dict, got {config!r}.")
    return config


def _trainer_args(
    properties: Mapping[str, Any], name: str
) -> tuple[tuple[str, ...], int]:
    """Returns the splits and the number of steps of `train_args` or `eval_args`."""
    text = properties.get(name)
    if not text:
        return (), 0
    # Imported late: only TFX has these arguments.
    from tfx.proto import trainer_pb2
    from tfx.utils import proto_utils

    is_eval = name == keys.EVAL_ARGS
    args = trainer_pb2.EvalArgs() if is_eval else trainer_pb2.TrainArgs()
    proto_utils.json_to_proto(text, args)
    return tuple(args.splits), int(args.num_steps)


_CHECKS: Mapping[Callable[[Mapping[str, Any]], object], Collection[str]] = {
    _range_test_config: {*PARAMETER_TYPES, keys.TRAIN_ARGS},
    _sample: SAMPLE_TYPES,
    _policy: _POLICY_TYPES,
    _gpu_request: _GPU_TYPES,
    _max_drift_decades: {keys.MAX_DRIFT_DECADES},
    _which_fit: {keys.WHICH_FIT},
    _custom_config: {keys.CUSTOM_CONFIG},
}
"""Each check and the properties that it reads."""
