"""LRFinderTrainer: the stock Trainer with one more input, the learning rate."""

from typing import Any, TypeAlias

from absl import logging
from tfx import types
from tfx.components.trainer import executor as trainer_executor
from tfx.components.trainer import fn_args_utils
from tfx.components.util import udf_utils
from tfx.dsl.components.base import base_component, executor_spec
from tfx.orchestration import data_types
from tfx.orchestration.portable import outputs_utils
from tfx.proto import trainer_pb2
from tfx.proto.orchestration import execution_result_pb2
from tfx.types import (
    artifact_utils,
    component_spec,
    standard_artifacts,
    standard_component_specs,
)
from tfx.utils import json_utils

from tfx_lr_finder import fn_args as lr_fn_args
from tfx_lr_finder.artifact import LRFinderResult, read_result
from tfx_lr_finder.range_test.report import LRFinderReport, Verdict
from tfx_lr_finder.settings import keys
from tfx_lr_finder.settings.inconclusive import DECLARED_SOURCES
from tfx_lr_finder.settings.parameters import is_deferred

RuntimeParameter: TypeAlias = data_types.RuntimeParameter
_TrainerSpec = standard_component_specs.TrainerSpec


class LRFinderTrainerSpec(component_spec.ComponentSpec):
    """The stock Trainer's specification and an optional `lr_finder_result`."""

    PARAMETERS = {
        **_TrainerSpec.PARAMETERS,
        keys.APPLY: component_spec.ExecutionParameter(type=str, optional=True),
        keys.ON_UNUSED: component_spec.ExecutionParameter(type=str, optional=True),
        keys.HYPERPARAMETER_NAME: component_spec.ExecutionParameter(
            type=str, optional=True
        ),
    }
    INPUTS = {
        **_TrainerSpec.INPUTS,
        keys.LR_FINDER_RESULT: component_spec.ChannelParameter(
            type=LRFinderResult, optional=True, allow_empty=False
        ),
    }
    OUTPUTS = {**_TrainerSpec.OUTPUTS}
    TYPE_ANNOTATION = _TrainerSpec.TYPE_ANNOTATION


class Executor(trainer_executor.GenericExecutor):
    """The stock Trainer's executor, which sees to it that the rate is used."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> execution_result_pb2.ExecutorOutput | None:
        """Trains as the stock Trainer does, with the rate set at `fit`.

        Returns:
          The outputs, and with them the rate that was used as a property of the
          execution; a runner that does not take this, such as Kubeflow's, goes by
          `output_dict`. None without a result.

        Raises:
          ValueError: If there is no rate that may be trained with, or it was not used
            and `on_unused` is "fail".
        """
        if keys.LR_FINDER_RESULT not in input_dict:
            super().Do(input_dict, output_dict, exec_properties)
            return None
        # Here, and not at the top: a pipeline file imports this module.
        from tfx_lr_finder.runtime.fit.trainer_session import RateAtFit

        choices = {
            keys.APPLY: exec_properties.get(keys.APPLY) or lr_fn_args.FIT,
            keys.ON_UNUSED: exec_properties.get(keys.ON_UNUSED) or lr_fn_args.WARN,
        }
        lr_fn_args.check_choices(**choices)
        name = exec_properties.get(keys.HYPERPARAMETER_NAME) or keys.LEARNING_RATE
        self._at_fit = RateAtFit(**choices, name=name)
        with self._at_fit.during_run_fn():
            super().Do(input_dict, output_dict, exec_properties)
        rate = self._at_fit.finish(
            artifact_utils.get_single_instance(output_dict["model_run"])
        )
        result = execution_result_pb2.ExecutorOutput()
        outputs_utils.populate_output_artifact(result, output_dict)
        outputs_utils.populate_exec_properties(result, exec_properties)
        result.execution_properties[keys.LEARNING_RATE_USED].string_value = rate
        return result

    def _GetFnArgs(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> fn_args_utils.FnArgs:
        """Returns the stock arguments with the learning rate handed over.

        Raises:
          ValueError: If there is not exactly one result on the channel, or it
            holds no learning rate that may be trained with.
        """
        fn_args = super()._GetFnArgs(input_dict, output_dict, exec_properties)
        if keys.LR_FINDER_RESULT not in input_dict:
            return fn_args
        report = _usable_report(input_dict[keys.LR_FINDER_RESULT])
        self._at_fit.hand_over(fn_args, report)
        return fn_args


def _usable_report(results: list[types.Artifact]) -> LRFinderReport:
    """Returns the report of the one result on the channel; it has a rate."""
    if len(results) != 1:
        uris = ", ".join(result.uri for result in results) or "none"
        raise ValueError(
            f"LRFinderTrainer needs exactly one LRFinderResult, got {len(results)} "
            f"({uris}). Connect one LRFinder's outputs['lr_finder_result']."
        )
    (result,) = results
    report = read_result(result)
    declared = report.source in DECLARED_SOURCES
    inconclusive = report.verdict is Verdict.INCONCLUSIVE and not declared
    if report.learning_rate is None or inconclusive:
        raise ValueError(
            f"The LRFinderResult at {result.uri} has the verdict "
            f"{report.verdict.name} and no learning rate to train with: "
            f"{' '.join(report.reasons) or report.stop_reason.value} Run LRFinder "
            "with on_inconclusive='fallback' and default_learning_rate, or widen "
            "its range."
        )
    logging.log(
        logging.INFO if report.verdict is Verdict.OK else logging.WARNING,
        "LRFinderTrainer: training with learning_rate=%r (source %s, verdict %s)%s",
        report.learning_rate,
        report.source,
        report.verdict.name,
        f": {' '.join(report.reasons)}" if report.reasons else "",
    )
    return report


class LRFinderTrainer(base_component.BaseComponent):
    """Trains with the learning rate that an `LRFinder` found.

    It takes the stock Trainer's arguments and has its outputs, `model` and
    `model_run`. `run_fn` stays as it is: the rate is set at its first `fit`. One that
    sets it itself finds it by `tfx_lr_finder.learning_rate(fn_args)`::

        trainer = LRFinderTrainer(
            module_file="taxi_module.py",
            examples=transform.outputs["transformed_examples"],
            transform_graph=transform.outputs["transform_graph"],
            lr_finder_result=lr_finder.outputs["lr_finder_result"],
        )
    """

    SPEC_CLASS = LRFinderTrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        examples: types.BaseChannel,
        lr_finder_result: types.BaseChannel | None = None,
        transform_graph: types.BaseChannel | None = None,
        schema: types.BaseChannel | None = None,
        base_model: types.BaseChannel | None = None,
        hyperparameters: types.BaseChannel | None = None,
        module_file: str | RuntimeParameter | None = None,
        run_fn: str | RuntimeParameter | None = None,
        train_args: trainer_pb2.TrainArgs | RuntimeParameter | None = None,
        eval_args: trainer_pb2.EvalArgs | RuntimeParameter | None = None,
        custom_config: dict[str, Any] | RuntimeParameter | None = None,
        apply: str | RuntimeParameter = lr_fn_args.FIT,
        on_unused: str | RuntimeParameter = lr_fn_args.WARN,
        hyperparameter_name: str | RuntimeParameter = keys.LEARNING_RATE,
        **channels: types.BaseChannel | None,
    ) -> None:
        """Builds the component.

        Args:
          examples: Channel of `Examples`, raw or transformed.
          lr_finder_result: Channel of `LRFinderResult`. None trains as the stock
            Trainer does.
          transform_graph: Channel of `TransformGraph`, for the user module.
          schema: Channel of `Schema`, for the user module.
          base_model: Channel of `Model`, for warm starts.
          hyperparameters: Channel of `HyperParameters`; all but the learning rate
            reach `run_fn` as they are.
          module_file: Path of the Python file that defines `run_fn`.
          run_fn: Dotted path of the function. Exactly one of the two is given.
          train_args: Splits and steps to train on.
          eval_args: Splits and steps to evaluate on.
          custom_config: Handed to `run_fn`; its `learning_rate`, if any, gives
            way to the one found.
          apply: `fit` sets the optimizer's rate at the first `fit` of `run_fn`;
            `hyperparameters` hands the rate to `run_fn` and no more.
          on_unused: `warn` or `fail`, when `run_fn` is done and nothing shows that
            the rate was used.
          hyperparameter_name: Name of the rate in `fn_args.hyperparameters`.
          **channels: Inputs that the installed TFX's Trainer has besides these,
            such as `statistics` from 1.21 on.

        Raises:
          ValueError: If not exactly one of `module_file` and `run_fn` is given,
            or an input is not one of the stock Trainer's.
        """
        if bool(module_file) == bool(run_fn):
            raise ValueError(
                "Exactly one of module_file and run_fn must be given, got "
                f"module_file={module_file!r} and run_fn={run_fn!r}."
            )
        unknown = sorted(set(channels) - set(LRFinderTrainerSpec.INPUTS))
        if unknown:
            raise ValueError(
                f"LRFinderTrainer has no input {', '.join(unknown)}; it takes "
                f"{', '.join(sorted(LRFinderTrainerSpec.INPUTS))}."
            )
        choices = {keys.APPLY: apply, keys.ON_UNUSED: on_unused}
        known = {name: c for name, c in choices.items() if not is_deferred(c)}
        lr_fn_args.check_choices(**known)
        optional = {
            **choices,
            keys.HYPERPARAMETER_NAME: hyperparameter_name,
            keys.LR_FINDER_RESULT: lr_finder_result,
            keys.TRANSFORM_GRAPH: transform_graph,
            keys.SCHEMA: schema,
            keys.BASE_MODEL: base_model,
            keys.HYPERPARAMETERS: hyperparameters,
            keys.MODULE_FILE: module_file,
            "run_fn": run_fn,
            **channels,
        }
        deferred = is_deferred(custom_config)
        spec = LRFinderTrainerSpec(
            examples=examples,
            train_args=train_args or trainer_pb2.TrainArgs(),
            eval_args=eval_args or trainer_pb2.EvalArgs(),
            custom_config=custom_config
            if deferred
            else json_utils.dumps(custom_config),
            model=types.Channel(type=standard_artifacts.Model),
            model_run=types.Channel(type=standard_artifacts.ModelRun),
            **{name: value for name, value in optional.items() if value is not None},
        )
        super().__init__(spec=spec)
        if module_file and udf_utils.should_package_user_modules():
            udf_utils.add_user_module_dependency(
                self, keys.MODULE_FILE, keys.MODULE_PATH
            )
