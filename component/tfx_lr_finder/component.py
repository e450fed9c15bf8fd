"""The LRFinder component and its specification."""

import sys
from typing import Any, TypeAlias

from tfx import types
from tfx.dsl.components.base import (
    base_beam_component,
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
from tfx_lr_finder.artifact import LRFinderPage, LRFinderResult, LRFinderScalars
from tfx_lr_finder.settings import keys, request
from tfx_lr_finder.settings.inconclusive import LAST_GOOD
from tfx_lr_finder.settings.packaging import package_module
from tfx_lr_finder.settings.parameters import is_deferred

Deferred: TypeAlias = data_types.RuntimeParameter | placeholder.Placeholder
Real: TypeAlias = float | Deferred | None
Count: TypeAlias = int | Deferred | None
Name: TypeAlias = str | Deferred | None

VIEWERS = "tfx.orchestration.experimental.interactive.visualizations"
"""The module with which TFX shows artifacts; a notebook imports it."""


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
        keys.COMPONENT_VERSION: ExecutionParameter(type=str),
        **{
            name: ExecutionParameter(type=declared, optional=True)
            for name, declared in request.EXECUTION_TYPES.items()
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
        keys.LR_FINDER_PAGE: ChannelParameter(type=LRFinderPage),
        keys.LR_FINDER_SCALARS: ChannelParameter(type=LRFinderScalars),
    }
    TYPE_ANNOTATION = system_executions.Train


class LRFinder(base_beam_component.BaseBeamComponent):
    """Finds a learning rate for a Keras model with a range test on the user's data.

    The user module needs no change: LRFinder runs its `run_fn` up to the first call of
    `fit` and takes the model and the data from there. A module that trains with its
    own loop defines `lr_finder_fn(fn_args) -> LRFinderFnResult` instead::

        lr_finder = LRFinder(
            examples=transform.outputs["transformed_examples"],
            transform_graph=transform.outputs["transform_graph"],
            module_file="taxi_module.py",
        )

    Component `outputs` contains:

    - `lr_finder_result`: an `LRFinderResult`, for `LRFinderTrainer` and for people.
    - `best_hyperparameters`: standard `HyperParameters` with the learning rate, for
      any unmodified Trainer.
    - `lr_finder_page` and `lr_finder_scalars`: the report and its main values, for
      the consoles of Kubeflow Pipelines and Vertex AI. See `show_in_console`.

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
        sample_transform: Name = None,
        stratify_by: Name = None,
        min_per_label: Count = None,
        which_fit: int | Name = None,
        hyperparameter_name: str | Deferred = keys.LEARNING_RATE,
        on_inconclusive: str | Deferred = keys.FAIL,
        default_learning_rate: Real = None,
        max_drift_decades: Real = request.DEFAULT_MAX_DRIFT_DECADES,
        checkpoint_dir: Name = None,
        evidence_dir: Name = None,
        requested_gpus: Count = None,
        on_no_gpu: Name = None,
    ) -> None:
        """Builds the component and checks every value that is known already.

        From `min_lr` on, each takes a `RuntimeParameter` or a placeholder, too.
        None stands for the default, which `RangeTestConfig` and `SampleConfig` hold.

        Args:
          examples: Channel of `Examples`, raw or transformed, with the splits that
            `train_args` and `eval_args` name.
          transform_graph: Channel of `TransformGraph`, for the user module.
          schema: Channel of `Schema`, for the user module.
          hyperparameters: Channel of `HyperParameters` from a Tuner. The output
            `best_hyperparameters` has them too, with the learning rate set.
          base_model: Channel of `Model`, for warm starts.
          statistics: Channel of `ExampleStatistics` of the examples, which says how
            many there are. From TFX 1.21 on the user module gets it as
            `fn_args.num_examples`, as from the Trainer.
          previous: Channel of previous `LRFinderResult`s, to compare the rate with and
            for `on_inconclusive="last_good"`. See `last_good_resolver`.
          module_file: Path of the Python file that defines `run_fn` or `lr_finder_fn`.
            If it has both, LRFinder calls `lr_finder_fn`.
          lr_finder_fn: Dotted path of an `lr_finder_fn` that the image contains.
          run_fn: Dotted path of a `run_fn` that the image contains. Exactly one of
            module_file, lr_finder_fn and run_fn must be given.
          train_args: Splits to train on, by default `train`, and the Trainer's steps.
          eval_args: Splits to compare candidates on, by default `eval`.
          custom_config: What the user module gets as `fn_args.custom_config`.
          min_lr: Smallest learning rate of a sweep, positive.
          max_lr: Largest learning rate of a sweep, above min_lr.
          num_rates: Learning rates of one sweep, at least 10. By default as many as a
            seventh of the budget allows, up to 50, or up to 100 if confirm_steps is 0.
          num_sweeps: Sweeps from the same weights over different batches, at least 1.
          steps_per_rate: Batches trained at each learning rate of a sweep, at least 1.
            Their losses are averaged.
          spacing: Spacing of the learning rates: "exponential" (equal gaps in log10) or
            "linear".
          divergence_factor: A sweep stops when its average loss has risen above its
            minimum by more than this factor times the fall to that minimum. A rise
            within the noise does not count. From 0.001 to 1e30.
          rule: Rule that reads a rate off the curve: "valley", "slide", "steepest",
            "minimum" or "largest_drop".
          confirm_steps: Training steps of each candidate that is trained to confirm the
            suggestion. 0 turns confirmation off. By default what the budget leaves.
          train_steps: Training steps that the Trainer will take, at least 1. The
            suggestion is made for that many steps, and they cap the budget. By default
            unknown.
          schedule: Schedule that the Trainer uses: "constant", "cosine" or "one_cycle".
            The suggestion is made for it.
          max_steps: Budget of the whole test in training steps, at least 10. By default
            10 % of train_steps, but at least 600 and at most 2000. If num_rates or
            confirm_steps need more, the budget grows to fit them.
          max_fraction: Budget as a fraction of train_steps, above 0 and up to 1. It
            never lowers the budget below 200 steps, or below train_steps if they are
            fewer.
          num_eval_batches: Held-out batches that score a candidate, at least 1.
          jit_compile: Whether XLA compiles the training step: "on" or "off". "on" pays
            off for long tests of large models only.
          seed: Seed of everything random, from 0 to below 2**31.
          sample_size: Examples drawn with Beam from the train splits, and as many from
            the eval splits, from 1 to 10 million. "auto" draws what the test needs. By
            default, or if 0, the test reads all examples.
          sample_transform: Whether the transform graph is applied to the sample: "on"
            for raw examples, or "off".
          stratify_by: Feature that holds the label. The sample keeps examples of its
            rare values. By default the sample ignores labels.
          min_per_label: Examples that the sample keeps of each label if there are as
            many, at least 0 and at most an equal part of the sample. Needs stratify_by.
          which_fit: Which call of `fit` in `run_fn` to test: "first", its number, or
            "every", which tests the first. LRFinder runs those before it. By default
            "first". LRFinderTrainer needs the same value.
          hyperparameter_name: Name of the learning rate in `best_hyperparameters`.
          on_inconclusive: What to do if no rate can be vouched for: `fail`; `fallback`
            to default_learning_rate; or `last_good`, the rate of the newest OK result
            of the same optimizer on `previous`.
          default_learning_rate: Rate for `fallback`, and for `last_good` if there is no
            such result yet, positive.
          max_drift_decades: Decades that the rate may differ from that of the newest OK
            result on `previous`, positive. Beyond that the verdict is LOW_CONFIDENCE.
          checkpoint_dir: Folder for checkpoints, a path or a uri, from which a killed
            test resumes. By default the execution's own folder. Kubeflow v2 and Vertex
            AI have no such folder. There the default is `lr_finder_checkpoints` under
            the pipeline root, if that is on Google Cloud Storage or a mounted path.
            Otherwise no checkpoint is saved.
          evidence_dir: Folder in which an inconclusive test that fails keeps its
            report, a path or a uri. By default the execution's own folder, or
            `lr_finder_evidence` under the pipeline root as for checkpoint_dir. Without
            either, only the log has the report.
          requested_gpus: GPUs that the runner requests for this pod, at least 0.
            LRFinder warns or fails if the pod has fewer. By default 0.
          on_no_gpu: `warn`, the default, or `fail` if the pod has fewer GPUs.

        Raises:
          ValueError: A value is out of its range, not exactly one of module_file,
            lr_finder_fn and run_fn is given, or `last_good` has no `previous`.
        """
        _check_previous(on_inconclusive, previous)
        parameters = request.cast_properties(
            {
                "min_lr": min_lr,
                "max_lr": max_lr,
                "num_rates": num_rates,
                "num_sweeps": num_sweeps,
                "steps_per_rate": steps_per_rate,
                "spacing": spacing,
                "divergence_factor": divergence_factor,
                "rule": rule,
                "confirm_steps": confirm_steps,
                "train_steps": train_steps,
                "schedule": schedule,
                "max_steps": max_steps,
                "max_fraction": max_fraction,
                "num_eval_batches": num_eval_batches,
                "jit_compile": jit_compile,
                "seed": seed,
                "sample_size": sample_size,
                "sample_transform": sample_transform,
                "stratify_by": stratify_by,
                "min_per_label": min_per_label,
                "which_fit": which_fit,
                "hyperparameter_name": hyperparameter_name,
                "on_inconclusive": on_inconclusive,
                "default_learning_rate": default_learning_rate,
                "max_drift_decades": max_drift_decades,
                "checkpoint_dir": checkpoint_dir,
                "evidence_dir": evidence_dir,
                "requested_gpus": requested_gpus,
                "on_no_gpu": on_no_gpu,
            }
        )
        optional = {
            keys.TRANSFORM_GRAPH: transform_graph,
            keys.SCHEMA: schema,
            keys.HYPERPARAMETERS: hyperparameters,
            keys.BASE_MODEL: base_model,
            keys.STATISTICS: statistics,
            keys.PREVIOUS: previous,
            keys.MODULE_FILE: module_file,
            keys.LR_FINDER_FN: lr_finder_fn,
            keys.RUN_FN: run_fn,
        }
        if not is_deferred(custom_config):
            custom_config = json_utils.dumps(custom_config)
        spec = LRFinderSpec(
            examples=examples,
            train_args=train_args or trainer_pb2.TrainArgs(),
            eval_args=eval_args or trainer_pb2.EvalArgs(),
            custom_config=custom_config,
            component_version=version.__version__,
            lr_finder_result=types.Channel(type=LRFinderResult),
            best_hyperparameters=types.Channel(type=standard_artifacts.HyperParameters),
            lr_finder_page=types.Channel(type=LRFinderPage),
            lr_finder_scalars=types.Channel(type=LRFinderScalars),
            **parameters,
            **{name: value for name, value in optional.items() if value is not None},
        )
        request.check_known(spec.exec_properties)
        super().__init__(spec=spec)
        if module_file:
            package_module(self)
        if VIEWERS in sys.modules:
            _register_viewer()


def _check_previous(on_inconclusive: Any, previous: Any) -> None:
    """Checks that `last_good` has an input to take a good result from."""
    known = isinstance(on_inconclusive, str)  # a placeholder overrides ==
    if previous is None and known and on_inconclusive == LAST_GOOD:
        raise ValueError(
            "on_inconclusive='last_good' needs the input `previous`, got None. Pass "
            "previous=last_good_resolver().outputs['previous'] and add the resolver "
            "to the pipeline. On Kubeflow v2 and Vertex AI, whose resolvers find no "
            "custom types, pass last_good_importer(uri) instead. Or use 'fallback' "
            "with default_learning_rate."
        )


def _register_viewer() -> None:
    """Lets `show` of TFX's InteractiveContext show results."""
    # Imported late: only a notebook needs it.
    from tfx_lr_finder import notebook

    notebook.register()
