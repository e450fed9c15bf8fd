"""The LRFinder executor: execution properties in, two artifacts out."""

import contextlib
import dataclasses
import datetime
import json
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from absl import logging
from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils

from tfx_lr_finder import artifact, result_file
from tfx_lr_finder.runtime.checkpoint import plan as checkpoint_plan
from tfx_lr_finder.runtime.checkpoint import preemption
from tfx_lr_finder.settings import gpu_request, keys, parameters
from tfx_lr_finder.settings.inconclusive import (
    FAIL,
    LAST_GOOD,
    InconclusiveError,
    InconclusivePolicy,
    needs_policy,
)
from tfx_lr_finder.settings.sample import sample_config
from tfx_lr_finder.views import write as view_files

if TYPE_CHECKING:
    from tfx.components.trainer.fn_args_utils import FnArgs

    from tfx_lr_finder.fn_args import LRFinderFnResult
    from tfx_lr_finder.range_test.config import RangeTestConfig
    from tfx_lr_finder.range_test.report import LRFinderReport
    from tfx_lr_finder.runtime.checkpoint.plan import CheckpointPlan
    from tfx_lr_finder.runtime.sampling.draw import Sample


_LOCAL_RUNNER = "--runner=FnApiRunner"


class Executor(base_beam_executor.BaseBeamExecutor):
    """Runs the range test of an `LRFinder` node.

    Its import path is part of every compiled pipeline: do not move it.
    """

    _beam_pipeline_args: list[str]

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Finds a learning rate and writes both outputs.

        Args:
          input_dict: `examples`, and optionally `transform_graph`, `schema`,
            `hyperparameters`, `base_model`, and any number of `previous` results.
          output_dict: `lr_finder_result` and `best_hyperparameters`.
          exec_properties: See `LRFinderSpec.PARAMETERS`.

        Raises:
          ValueError: If a knob, the user module or the data is not as wanted;
            always before any training.
          InconclusiveError: If no rate was found and the policy has none either.
          SystemExit: With 143, after SIGTERM: the same execution, run again, goes on
            from its checkpoint.
        """
        config = _with_horizon(
            parameters.config_from_parameters(exec_properties), exec_properties
        )
        policy = _policy(exec_properties)
        sample_config(
            parameters.cast_sample(exec_properties)
        )  # refused before any work
        max_drift_decades = parameters.check_max_drift(
            exec_properties.get(keys.MAX_DRIFT_DECADES)
        )
        logging.info("LRFinder: starting with %s", config)
        with preemption.watched() as watch:
            plan = checkpoint_plan.of_execution(
                self._context, input_dict, exec_properties, watch
            )
            report, hyperparameters = self._search(
                input_dict, exec_properties, config, plan
            )
            with watch.held():
                previous = input_dict.get(keys.PREVIOUS) or []
                report = _with_earlier(report, previous, max_drift_decades)
                try:
                    report = _apply(policy, report, previous)
                except InconclusiveError:
                    self._keep_evidence(report)
                    _remove(plan)
                    raise
                finally:
                    _log_end(report)
                name = exec_properties.get(keys.HYPERPARAMETER_NAME)
                self._write(output_dict, report, hyperparameters, name)
                _remove(plan)

    def _write(
        self,
        output_dict: dict[str, list[types.Artifact]],
        report: "LRFinderReport",
        hyperparameters: dict[str, Any] | None,
        name: str | None,
    ) -> None:
        """Writes both outputs."""
        result = artifact_utils.get_single_instance(output_dict[keys.LR_FINDER_RESULT])
        view_files.write_views(result.uri, report, self._labels())
        artifact.write_result(result, report)
        artifact.write_hyperparameters(
            artifact_utils.get_single_instance(output_dict[keys.BEST_HYPERPARAMETERS]),
            report.learning_rate,
            hyperparameters,
            name or keys.LEARNING_RATE,
        )

    def _search(
        self,
        input_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
        config: "RangeTestConfig",
        plan: "CheckpointPlan | None",
    ) -> tuple["LRFinderReport", dict[str, Any] | None]:
        """Returns the report, and the hyperparameters that came in."""
        # Here, and not at the top: a pipeline file imports this module.
        from tfx_lr_finder.runtime import find
        from tfx_lr_finder.runtime.examples import corruption, example_count
        from tfx_lr_finder.runtime.loop import gpus
        from tfx_lr_finder.runtime.user_module import lr_finder_fn

        gpus.prepare(*_gpu_request(exec_properties))
        fn_args = lr_finder_fn.make_fn_args(
            input_dict, exec_properties, self._get_tmp_dir()
        )
        with (
            corruption.named(fn_args, input_dict[keys.EXAMPLES]),
            self._model_and_data(input_dict, exec_properties, fn_args, config) as (
                found,
                config,
                sample,
            ),
        ):
            report = find.find_learning_rate(
                found.model,
                found.train_dataset,
                found.eval_dataset,
                config=config,
                earlier=_earlier(input_dict.get(keys.PREVIOUS) or []),
                num_train_examples=example_count.num_train_examples(
                    found,
                    input_dict,
                    exec_properties,
                    sample.num_train_examples if sample else None,
                ),
                checkpoint=plan,
            )
        facts = {**report.environment, **(sample.facts if sample else {})}
        report = dataclasses.replace(report, environment=facts)
        return report, fn_args.hyperparameters

    @contextlib.contextmanager
    def _model_and_data(
        self,
        input_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
        fn_args: "FnArgs",
        config: "RangeTestConfig",
    ) -> Iterator[tuple["LRFinderFnResult", "RangeTestConfig", "Sample | None"]]:
        """Gives the model, the data and the configuration; a sample lives as long."""
        # Here, and not at the top: a pipeline file imports this module.
        from tfx_lr_finder.runtime.examples import corruption, interleave
        from tfx_lr_finder.runtime.user_module import fit_capture

        wanted = sample_config(parameters.cast_sample(exec_properties))
        if wanted is None:
            corruption.refuse_cut(fn_args)
            interleave.hand_over(input_dict[keys.EXAMPLES], fn_args)
            found, config = fit_capture.model_and_data(exec_properties, fn_args, config)
            yield found, config, None
            return
        from tfx_lr_finder.runtime.sampling import draw as sampling

        with sampling.scratch(self._get_tmp_dir()) as folder:
            source = sampling.Source(
                input_dict=input_dict,
                exec_properties=exec_properties,
                make_pipeline=self._make_beam_pipeline,
                folder=folder,
            )
            sample = sampling.draw(wanted, config, source)
            sample.hand_over(fn_args)
            found, told = fit_capture.model_and_data(exec_properties, fn_args, config)
            batch_size = sampling.batch_size_to_draw_for(wanted, found)
            if batch_size is not None:
                sample = sampling.draw(wanted, told, source, batch_size)
                sample.hand_over(fn_args)
                found, told = fit_capture.model_and_data(
                    exec_properties, fn_args, config
                )
            yield found, told, sample

    def _make_beam_pipeline(self) -> Any:
        """Returns a Beam pipeline that runs in this process where no runner is named.

        Beam's own default, the DirectRunner, first tries to download one, Prism.
        """
        from apache_beam.options.pipeline_options import (
            PipelineOptions,
            StandardOptions,
        )

        options = PipelineOptions(self._beam_pipeline_args)
        if options.view_as(StandardOptions).runner is None:
            self._beam_pipeline_args = [*self._beam_pipeline_args, _LOCAL_RUNNER]
        return super()._make_beam_pipeline()

    def _keep_evidence(self, report: "LRFinderReport") -> None:
        """Saves an inconclusive report from the fate of a failed node's outputs."""
        logging.error("LRFinder: the whole evidence: %s", report.to_json())
        folder = self._context.stateful_working_dir if self._context else None
        if not folder:
            return
        folder = os.path.join(folder, keys.LR_FINDER_RESULT)
        try:
            view_files.write_views(folder, report, self._labels())
            result_file.write_report(folder, report)
        except Exception as error:  # what the test found counts, not this
            logging.error("LRFinder: the evidence is in this log only: %s", error)
        else:
            logging.error("LRFinder: the evidence and its pictures are in %s", folder)

    def _labels(self) -> dict[str, str]:
        """Returns what the report says of where it comes from, as far as known."""
        context = self._context
        info = getattr(context, "pipeline_info", None)
        node = getattr(context, "pipeline_node", None)
        now = datetime.datetime.now(datetime.timezone.utc)
        labels = {
            "pipeline": info.id if info else "",
            "node": node.node_info.id if node else "",
            "run": getattr(context, "pipeline_run_id", None) or "",
            "written": f"{now:%Y-%m-%d %H:%M} UTC",
        }
        return {name: label for name, label in labels.items() if label}


def _remove(plan: "CheckpointPlan | None") -> None:
    """Deletes the checkpoint of a test that has come to its end."""
    if plan is not None:
        plan.remove()


def _with_horizon(
    config: "RangeTestConfig", exec_properties: dict[str, Any]
) -> "RangeTestConfig":
    """Returns the configuration, with the Trainer's steps if it does not say them."""
    train_args = json.loads(exec_properties.get(keys.TRAIN_ARGS) or "{}")
    steps = train_args.get("num_steps") or train_args.get("numSteps")
    num_steps = int(steps or 0)
    if config.train_steps is not None or num_steps < 1:
        return config
    return dataclasses.replace(config, train_steps=num_steps)


def _gpu_request(exec_properties: dict[str, Any]) -> tuple[int, str]:
    """Returns how many GPUs were asked for, and what to do where there are fewer."""
    count = exec_properties.get(keys.REQUESTED_GPUS) or 0
    requested = int(parameters.cast_number(keys.REQUESTED_GPUS, count, int))
    on_no_gpu = exec_properties.get(keys.ON_NO_GPU) or gpu_request.WARN
    gpu_request.check_count(requested)
    gpu_request.check_policy(on_no_gpu)
    return requested, on_no_gpu


def _policy(exec_properties: dict[str, Any]) -> InconclusivePolicy:
    """Returns the policy that the execution properties ask for."""
    rate = exec_properties.get(keys.DEFAULT_LEARNING_RATE)
    if rate is not None:
        rate = parameters.cast_number(keys.DEFAULT_LEARNING_RATE, rate, float)
    return InconclusivePolicy(
        on_inconclusive=exec_properties.get(keys.ON_INCONCLUSIVE) or FAIL,
        default_learning_rate=rate,
    )


def _apply(
    policy: InconclusivePolicy,
    report: "LRFinderReport",
    previous: list[types.Artifact],
) -> "LRFinderReport":
    """Returns the report that the policy makes of what was found."""
    if policy.on_inconclusive != LAST_GOOD or not needs_policy(report):
        return policy.apply(report)
    # Here, and not at the top: a pipeline file without `previous` needs no resolver.
    from tfx_lr_finder.lineage.resolver import find_last_good

    return policy.apply(report, find_last_good(previous, report))


def _earlier(previous: list[types.Artifact]) -> "LRFinderReport | None":
    """Returns the newest earlier report that was OK, to begin with its rate."""
    if not previous:
        return None
    from tfx_lr_finder.lineage.resolver import newest_ok  # see _apply

    return newest_ok(previous)


def _with_earlier(
    report: "LRFinderReport", previous: list[types.Artifact], max_drift_decades: float
) -> "LRFinderReport":
    """Returns the report compared with earlier ones."""
    if not previous:
        return report
    # Here, and not at the top: a pipeline file without `previous` needs no resolver.
    from tfx_lr_finder.lineage import drift

    return drift.with_earlier(report, previous, max_drift_decades)


def _log_end(report: "LRFinderReport") -> None:
    """Logs the one line that a person greps for."""
    logging.info(
        "LRFinder: ended after %d steps: %s; learning_rate=%r (%s), range=%r, "
        "verdict %s%s, in %.1f seconds",
        report.steps_spent,
        report.stop_reason.value,
        report.learning_rate,
        report.source,
        report.learning_rate_range,
        report.verdict.name,
        f" ({' '.join(report.reasons)})" if report.reasons else "",
        sum(report.seconds.values()),
    )
