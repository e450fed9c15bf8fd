"""LRFinderTrainer: the stock Trainer with one more input, the learning rate."""

from typing import Any, TypeAlias

from tfx import types, version
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.orchestration import data_types
from tfx.proto import trainer_pb2
from tfx.proto.orchestration import execution_result_pb2
from tfx.types import standard_artifacts, system_executions
from tfx.types.component_spec import (
    ChannelParameter,
    ComponentSpec,
    ExecutionParameter,
)
from tfx.utils import json_utils

from tfx_lr_finder.artifact import LRFinderResult
from tfx_lr_finder.settings import keys
from tfx_lr_finder.settings.packaging import package_module
from tfx_lr_finder.settings.parameters import is_deferred
from tfx_lr_finder.settings.trainer_options import OPTIMIZER, TrainerOptions
from tfx_lr_finder.settings.which_fit import as_text

RuntimeParameter: TypeAlias = data_types.RuntimeParameter

# The Trainer of TFX 1.21 takes statistics too.
_TAKES_STATISTICS = tuple(map(int, version.__version__.split(".")[:2])) >= (1, 21)


class LRFinderTrainerSpec(ComponentSpec):
    """The stock Trainer's specification and an optional `lr_finder_result`.

    The stock one is not imported, because its module loads TensorFlow and Beam.
    """

    PARAMETERS = {
        keys.TRAIN_ARGS: ExecutionParameter(type=trainer_pb2.TrainArgs),
        keys.EVAL_ARGS: ExecutionParameter(type=trainer_pb2.EvalArgs),
        keys.MODULE_FILE: ExecutionParameter(type=str, optional=True),
        keys.MODULE_PATH: ExecutionParameter(type=str, optional=True),
        keys.RUN_FN: ExecutionParameter(type=str, optional=True),
        keys.CUSTOM_CONFIG: ExecutionParameter(type=str, optional=True),
        keys.SET_RATE_ON: ExecutionParameter(type=str, optional=True),
        keys.ON_UNUSED: ExecutionParameter(type=str, optional=True),
        keys.WHICH_FIT: ExecutionParameter(type=str, optional=True),
        keys.HYPERPARAMETER_NAME: ExecutionParameter(type=str, optional=True),
    }
    INPUTS = {
        keys.EXAMPLES: ChannelParameter(type=standard_artifacts.Examples),
        keys.TRANSFORM_GRAPH: ChannelParameter(
            type=standard_artifacts.TransformGraph, optional=True
        ),
        keys.SCHEMA: ChannelParameter(type=standard_artifacts.Schema, optional=True),
        keys.BASE_MODEL: ChannelParameter(type=standard_artifacts.Model, optional=True),
        keys.HYPERPARAMETERS: ChannelParameter(
            type=standard_artifacts.HyperParameters, optional=True
        ),
        keys.LR_FINDER_RESULT: ChannelParameter(
            type=LRFinderResult, optional=True, allow_empty=False
        ),
    }
    if _TAKES_STATISTICS:
        INPUTS[keys.STATISTICS] = ChannelParameter(
            type=standard_artifacts.ExampleStatistics, optional=True
        )
    OUTPUTS = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "model_run": ChannelParameter(type=standard_artifacts.ModelRun),
    }
    TYPE_ANNOTATION = system_executions.Train


class Executor(base_executor.BaseExecutor):
    """Trains as the stock Trainer's executor does, with the rate that was found.

    Its import path is part of every compiled pipeline: do not move it.
    """

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> execution_result_pb2.ExecutorOutput | None:
        """Trains the user's model.

        Args:
          input_dict: The stock Trainer's inputs, and `lr_finder_result` if connected.
          output_dict: `model` and `model_run`.
          exec_properties: See `LRFinderTrainerSpec.PARAMETERS`.

        Returns:
          The outputs, and the rate that was used as a property of the execution.
          Runners that ignore a returned value, such as Kubeflow's, read `output_dict`
          instead. None if `lr_finder_result` is not connected.

        Raises:
          ValueError: If the result has no rate to train with, or `on_unused` is "fail"
            and nothing shows that the rate was used.
        """
        # Imported late, because a pipeline file imports this module.
        from tfx_lr_finder.runtime.fit import trainer_session

        return trainer_session.train(
            self._context, input_dict, output_dict, exec_properties
        )


class LRFinderTrainer(base_component.BaseComponent):
    """Trains with the learning rate that an `LRFinder` found.

    It takes the stock Trainer's arguments and has its outputs, `model` and
    `model_run`. `run_fn` needs no change: LRFinderTrainer sets the optimizer's rate
    when `run_fn` first calls `fit`. A `run_fn` that sets the rate itself reads it with
    `tfx_lr_finder.learning_rate(fn_args)`::

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
        set_rate_on: str | RuntimeParameter = OPTIMIZER,
        on_unused: str | RuntimeParameter = keys.WARN,
        which_fit: int | str | RuntimeParameter | None = None,
        hyperparameter_name: str | RuntimeParameter = keys.LEARNING_RATE,
        **channels: types.BaseChannel | None,
    ) -> None:
        """Builds the component.

        Args:
          examples: Channel of `Examples`, raw or transformed.
          lr_finder_result: Channel of `LRFinderResult`. If None, the component trains
            exactly as the stock Trainer does.
          transform_graph: Channel of `TransformGraph`, for the user module.
          schema: Channel of `Schema`, for the user module.
          base_model: Channel of `Model`, for warm starts.
          hyperparameters: Channel of `HyperParameters`. All values except the learning
            rate reach `run_fn` unchanged.
          module_file: Path of the Python file that defines `run_fn`.
          run_fn: Dotted path of the function. Pass either this or `module_file`.
          train_args: Splits and steps to train on.
          eval_args: Splits and steps to evaluate on.
          custom_config: Passed to `run_fn`. The rate found replaces the entry
            `learning_rate`.
          set_rate_on: "optimizer" sets the optimizer's rate when `run_fn` first calls
            `fit`. "hyperparameters" only passes the rate to `run_fn`.
          which_fit: Which call of `fit` gets the rate: "first", its number, or "every".
            By default "first". LRFinder needs the same value.
          on_unused: What to do if there is a doubt that the model that `run_fn` saved
            used the rate: "warn" or "fail".
          hyperparameter_name: Name of the rate in `fn_args.hyperparameters`.
          **channels: Other inputs of the installed TFX's Trainer, such as
            `statistics` since TFX 1.21.

        Raises:
          ValueError: If both or neither of `module_file` and `run_fn` are given, an
            option has an unknown value, or the stock Trainer has no such input.
        """
        if bool(module_file) == bool(run_fn):
            raise ValueError(
                "Exactly one of module_file and run_fn must be given, got "
                f"module_file={module_file!r} and run_fn={run_fn!r}."
            )
        unknown = sorted(set(channels) - set(LRFinderTrainerSpec.INPUTS))
        if unknown:
            raise ValueError(
                f"LRFinderTrainer has no input {', '.join(unknown)}. Its inputs are "
                f"{', '.join(sorted(LRFinderTrainerSpec.INPUTS))}."
            )
        options = {
            keys.SET_RATE_ON: set_rate_on,
            keys.ON_UNUSED: on_unused,
            keys.WHICH_FIT: None if which_fit is None else as_text(which_fit),
            keys.HYPERPARAMETER_NAME: hyperparameter_name,
        }
        TrainerOptions.from_properties(options)
        optional = {
            **options,
            keys.LR_FINDER_RESULT: lr_finder_result,
            keys.TRANSFORM_GRAPH: transform_graph,
            keys.SCHEMA: schema,
            keys.BASE_MODEL: base_model,
            keys.HYPERPARAMETERS: hyperparameters,
            keys.MODULE_FILE: module_file,
            keys.RUN_FN: run_fn,
            **channels,
        }
        if not is_deferred(custom_config):
            custom_config = json_utils.dumps(custom_config)
        spec = LRFinderTrainerSpec(
            examples=examples,
            train_args=train_args or trainer_pb2.TrainArgs(),
            eval_args=eval_args or trainer_pb2.EvalArgs(),
            custom_config=custom_config,
            model=types.Channel(type=standard_artifacts.Model),
            model_run=types.Channel(type=standard_artifacts.ModelRun),
            **{name: value for name, value in optional.items() if value is not None},
        )
        super().__init__(spec=spec)
        if module_file:
            package_module(self)
