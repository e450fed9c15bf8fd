"""The LRFinder component and its specification."""

from typing import Any, TypeAlias

from tfx import types
from tfx.dsl.components.base import (
    base_beam_component,
    base_component,
    executor_spec,
)
from tfx.dsl.placeholder import placeholder
from tfx.orchestration import data_types
from tfx.proto import trainer_pb2
from tfx.types import standard_artifacts, system_executions
from tfx.types.component_spec import (
    ChannelParameter,
    ComponentSpec,
    ExecutionParameter,
)
from tfx.utils import json_utils

from tfx_lr_finder import executor, version
from tfx_lr_finder.artifact import LRFinderResult
from tfx_lr_finder.range_test.config import PARAMETER_TYPES
from tfx_lr_finder.runtime.checkpoint import plan as checkpoint_plan
from tfx_lr_finder.settings import gpu_request, keys, parameters
from tfx_lr_finder.settings.inconclusive import FAIL, LAST_GOOD, InconclusivePolicy
from tfx_lr_finder.settings.sample import SAMPLE_TYPES

Deferred: TypeAlias = data_types.RuntimeParameter | placeholder.Placeholder
Real: TypeAlias = float | Deferred | None
Count: TypeAlias = int | Deferred | None
Name: TypeAlias = str | Deferred | None


class LRFinderSpec(ComponentSpec):
    """Channels and execution parameters of `LRFinder`."""

    PARAMETERS = {
        keys.MODULE_FILE: ExecutionParameter(type=str, optional=True),
        keys.MODULE_PATH: ExecutionParameter(type=str, optional=True),
        keys.LR_FINDER_FN: ExecutionParameter(type=str, optional=True),
        keys.RUN_FN: ExecutionParameter(type=str, optional=True),
        keys.TRAIN_ARGS: ExecutionParameter(type=trainer_pb2.TrainArgs),
        keys.EVAL_ARGS: ExecutionParameter(type=trainer_pb2.EvalArgs),
        keys.CUSTOM_CONFIG: ExecutionParameter(type=str, optional=True),
        keys.HYPERPARAMETER_NAME: ExecutionParameter(type=str),
        keys.ON_INCONCLUSIVE: ExecutionParameter(type=str),
        keys.DEFAULT_LEARNING_RATE: ExecutionParameter(type=float, optional=True),
        keys.MAX_DRIFT_DECADES: ExecutionParameter(type=float, optional=True),
        keys.CHECKPOINT_DIR: ExecutionParameter(type=str, optional=True),
        keys.CHECKPOINT_SECONDS: ExecutionParameter(type=float, optional=True),
        keys.COMPONENT_VERSION: ExecutionParameter(type=str),
        keys.REQUESTED_GPUS: ExecutionParameter(type=int, optional=True),
        keys.ON_NO_GPU: ExecutionParameter(type=str, optional=True),
        **{
            name: ExecutionParameter(type=knob_type, optional=True)
            for name, knob_type in [
                *PARAMETER_TYPES.items(),
                *SAMPLE_TYPES.items(),
            ]
        },
    }
    INPUTS = {
        keys.EXAMPLES: ChannelParameter(type=standard_artifacts.Examples),
        keys.TRANSFORM_GRAPH: ChannelParameter(
            type=standard_artifacts.TransformGraph, optional=True
        ),
        keys.SCHEMA: ChannelParameter(type=standard_artifacts.Schema, optional=True),
        keys.STATISTICS: ChannelParameter(
            type=standard_artifacts.ExampleStatistics, optional=True
        ),
        keys.HYPERPARAMETERS: ChannelParameter(
            type=standard_artifacts.HyperParameters, optional=True
        ),
        keys.BASE_MODEL: ChannelParameter(type=standard_artifacts.Model, optional=True),
        keys.PREVIOUS: ChannelParameter(type=LRFinderResult, optional=True),
    }
    OUTPUTS = {
        keys.LR_FINDER_RESULT: ChannelParameter(type=LRFinderResult),
        keys.BEST_HYPERPARAMETERS: ChannelParameter(
            type=standard_artifacts.HyperParameters
        ),
    }
    TYPE_ANNOTATION = system_executions.Train


class LRFinder(base_beam_component.BaseBeamComponent):
    """Finds the learning rate of a Keras model by a range test on the user's data.

    The user module defines `lr_finder_fn(fn_args) -> LRFinderFnResult`, found as
    Tuner finds `tuner_fn`::

        lr_finder = LRFinder(
            examples=transform.outputs["transformed_examples"],
            transform_graph=transform.outputs["transform_graph"],
            module_file="taxi_module.py",
        )

    Component `outputs` contains:

    - `lr_finder_result`: an `LRFinderResult` for `LRFinderTrainer` and for people.
    - `best_hyperparameters`: a standard `HyperParameters` with the rate in it, for
      any unmodified Trainer.

    References:
      L. N. Smith, "Cyclical Learning Rates for Training Neural Networks",
      arXiv:1506.01186, section 3.3.
    """

    SPEC_CLASS = LRFinderSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        transform_graph: types.BaseChannel | None = None,
        schema: types.BaseChannel | None = None,
        hyperparameters: types.BaseChannel | None = None,
        base_model: types.BaseChannel | None = None,
        *,
        statistics: types.BaseChannel | None = None,
        previous: types.BaseChannel | None = None,
        module_file: Name = None,
        lr_finder_fn: Name = None,
        run_fn: Name = None,
        train_args: trainer_pb2.TrainArgs | Deferred | None = None,
        eval_args: trainer_pb2.EvalArgs | Deferred | None = None,
        custom_config: dict[str, Any] | Deferred | None = None,
        min_lr: Real = None,
        max_lr: Real = None,
        num_rates: Count = None,
        num_sweeps: Count = None,
        steps_per_rate: Count = None,
        spacing: Name = None,
        smoothing: Real = None,
        divergence_factor: Real = None,
        rule: Name = None,
        confirm_steps: Count = None,
        train_steps: Count = None,
        schedule: Name = None,
        max_steps: Count = None,
        max_fraction: Real = None,
        num_eval_batches: Count = None,
        jit_compile: Name = None,
        seed: Count = None,
        sample_size: int | Name = None,
        sample_by: Name = None,
        sample_transform: Name = None,
        stratify_by: Name = None,
        min_per_label: Count = None,
        max_corrupt_share: Real = None,
        hyperparameter_name: str | Deferred = keys.LEARNING_RATE,
        on_inconclusive: str | Deferred = FAIL,
        default_learning_rate: Real = None,
        max_drift_decades: Real = None,
        checkpoint_dir: Name = None,
        checkpoint_seconds: Real = None,
        requested_gpus: Count = None,
        on_no_gpu: Name = None,
    ) -> None:
        """Builds the component, and checks all that is known already.

        The knobs from `min_lr` to `seed` are those of `RangeTestConfig`, which
        documents their ranges and holds their defaults; None leaves the default.
        Each also takes a `RuntimeParameter` or a placeholder.

        Args:
          examples: Channel of `Examples`, raw or transformed, with the splits
            that `train_args` and `eval_args` name.
          transform_graph: Channel of `TransformGraph`, for the user module.
          schema: Channel of `Schema`, for the user module.
          hyperparameters: Channel of `HyperParameters`, as a Tuner writes them;
            they come out again with the learning rate set.
          base_model: Channel of `Model`, for warm starts.
          statistics: Channel of `ExampleStatistics` of the examples, which tell how
            many there are; from TFX 1.21 on the user module gets
            `fn_args.num_examples` of it, as the Trainer's does.
          previous: Channel of earlier `LRFinderResult`s, which the rate is compared
            with, and for `on_inconclusive="last_good"`; see `last_good_resolver`.
          module_file: Path of the Python file that defines `lr_finder_fn`, or only
            `run_fn`, which is then run up to its first `fit`.
          lr_finder_fn: Dotted path of the function, for code that is part of the
            image.
          run_fn: Dotted path of a `run_fn` to run up to its first `fit`. Exactly one
            of the three is given.
          train_args: Splits to train on; `train` when empty.
          eval_args: Splits to compare candidates on; `eval` when empty.
          custom_config: Handed to the user module.
          min_lr: Smallest learning rate of the sweep.
          max_lr: Largest learning rate of the sweep.
          num_rates: Learning rates of one sweep.
          num_sweeps: Sweeps from the same start over different batches.
          steps_per_rate: Batches trained at each rate.
          spacing: How the rates are spread.
          smoothing: Weight that a neighbouring rate keeps.
          divergence_factor: How far the loss may rise before a sweep stops.
          rule: The rule that reads the curve.
          confirm_steps: Training steps of each confirmed candidate.
          train_steps: Steps that the Trainer will take.
          schedule: The Trainer's kind of schedule.
          max_steps: The budget in training steps.
          max_fraction: The budget as a share of `train_steps`.
          num_eval_batches: Held-out batches that score a candidate.
          jit_compile: "on" has XLA compile the training step.
          seed: Seed of everything random.
          sample_size: Examples to test on, drawn with Beam: a number, or "auto"; None
            or 0 reads all. A runtime parameter of it is a string. This and the next
            five are the fields of `SampleConfig`.
          sample_by: What the choice depends on: "record" or "position".
          sample_transform: "on" applies the transform graph to raw examples.
          stratify_by: Feature of the label whose rare values are to be kept.
          min_per_label: Examples that each label keeps.
          max_corrupt_share: Share of the data that may be corrupt and is skipped.
          hyperparameter_name: Name of the rate in `best_hyperparameters`.
          on_inconclusive: When no rate can be vouched for: `fail`; `fallback` to
            `default_learning_rate`; or `last_good`, the rate of the newest OK
            result of the same optimizer on `previous`.
          default_learning_rate: The rate of `fallback`, and of `last_good` where
            there is no good result yet.
          max_drift_decades: Decades that the rate may differ from that of the newest OK
            result on `previous`; beyond, the verdict is LOW_CONFIDENCE. 1 if None.
          checkpoint_dir: Folder for the checkpoint of a test that may be killed, a
            path or a uri; the execution's own working directory if None. Needed where
            there is none that outlives a pod: Kubeflow v2 and Vertex AI.
          checkpoint_seconds: Least seconds between two checkpoints; 30 if None.
            Less than 2 % of the time goes into them in any case.
          requested_gpus: How many GPUs the runner asks for this node's pod; 0 if
            None. Fewer in the pod are told of.
          on_no_gpu: `warn` (if None) or `fail`, when there are fewer.

        Raises:
          ValueError: If a value is out of its range, or not exactly one of
            `module_file`, `lr_finder_fn` and `run_fn` is given, or `last_good` has
            no `previous`.
        """
        arguments = dict(locals())
        if sum(map(bool, (module_file, lr_finder_fn, run_fn))) != 1:
            raise ValueError(
                "Exactly one of module_file, lr_finder_fn and run_fn must be given, "
                f"got module_file={module_file!r}, lr_finder_fn={lr_finder_fn!r} and "
                f"run_fn={run_fn!r}. module_file is a path to a .py file, the others "
                "are dotted paths."
            )
        _check_previous(on_inconclusive, previous)
        parameters.check_known(arguments)
        sample = parameters.cast_sample(arguments)
        properties = {
            **parameters.cast_parameters(arguments),
            **sample,
            **_policy_properties(on_inconclusive, default_learning_rate),
            keys.MAX_DRIFT_DECADES: parameters.check_max_drift(max_drift_decades),
            **checkpoint_plan.properties(checkpoint_dir, checkpoint_seconds),
            **_gpu_properties(requested_gpus, on_no_gpu),
            keys.HYPERPARAMETER_NAME: hyperparameter_name,
            keys.CUSTOM_CONFIG: (
                custom_config
                if parameters.is_deferred(custom_config)
                else json_utils.dumps(custom_config)
            ),
            keys.COMPONENT_VERSION: version.__version__,
        }
        optional = {
            name: arguments[name]
            for name in (
                *LRFinderSpec.INPUTS,
                keys.MODULE_FILE,
                keys.LR_FINDER_FN,
                keys.RUN_FN,
            )
            if arguments[name] is not None
        }
        spec = LRFinderSpec(
            train_args=train_args or trainer_pb2.TrainArgs(),
            eval_args=eval_args or trainer_pb2.EvalArgs(),
            lr_finder_result=types.Channel(type=LRFinderResult),
            best_hyperparameters=types.Channel(type=standard_artifacts.HyperParameters),
            **optional,
            **properties,
        )
        super().__init__(spec=spec)
        if module_file:
            _package_module(self)


def _check_previous(on_inconclusive: Any, previous: Any) -> None:
    """Refuses `last_good` without an input to take a good result from."""
    deferred = parameters.is_deferred(on_inconclusive)
    if previous is None and not deferred and on_inconclusive == LAST_GOOD:
        raise ValueError(
            "on_inconclusive='last_good' needs the input `previous`, got None. Pass "
            "previous=last_good_resolver().outputs['previous'] and add the resolver "
            "to the pipeline; on Kubeflow v2 and Vertex, whose resolvers find no "
            "custom types, pass last_good_importer(uri). Or use 'fallback' with "
            "default_learning_rate."
        )


def _policy_properties(on_inconclusive: Any, default: Any) -> dict[str, Any]:
    """Returns the checked execution properties of the inconclusive policy."""
    rate = default
    if default is not None:
        rate = parameters.cast_number(keys.DEFAULT_LEARNING_RATE, default, float)
    if not parameters.is_deferred(on_inconclusive) and not parameters.is_deferred(rate):
        InconclusivePolicy(on_inconclusive=on_inconclusive, default_learning_rate=rate)
    properties = {keys.ON_INCONCLUSIVE: on_inconclusive}
    if rate is not None:
        properties[keys.DEFAULT_LEARNING_RATE] = rate
    return properties


def _gpu_properties(requested_gpus: Any, on_no_gpu: Any) -> dict[str, Any]:
    """Returns the checked execution properties of the GPUs asked for, if given."""
    properties = {}
    if requested_gpus is not None:
        count = parameters.cast_number(keys.REQUESTED_GPUS, requested_gpus, int)
        if not parameters.is_deferred(count):
            gpu_request.check_count(count)
        properties[keys.REQUESTED_GPUS] = count
    if on_no_gpu is not None:
        if not parameters.is_deferred(on_no_gpu):
            gpu_request.check_policy(on_no_gpu)
        properties[keys.ON_NO_GPU] = on_no_gpu
    return properties


def _package_module(component: base_component.BaseComponent) -> None:
    """Has the user module packed as a wheel when the pipeline is compiled."""
    # Here, and not at the top: it loads all of TFX's components, and TensorFlow.
    from tfx.components.util import udf_utils

    if udf_utils.should_package_user_modules():
        udf_utils.add_user_module_dependency(
            component, keys.MODULE_FILE, keys.MODULE_PATH
        )
