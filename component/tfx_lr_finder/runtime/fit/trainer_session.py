"""One execution of LRFinderTrainer: train, set the rate, and report its use."""

import json
import os
from typing import Any

import attr
from absl import logging
from tfx import types
from tfx.components.trainer import executor as trainer_executor
from tfx.components.trainer import fn_args_utils
from tfx.dsl.io import fileio
from tfx.orchestration.portable import outputs_utils
from tfx.proto.orchestration import execution_result_pb2
from tfx.types import artifact_utils
from tfx.utils import path_utils

from tfx_lr_finder.fn_args import PassedResult
from tfx_lr_finder.range_test.report import LRFinderReport, Verdict
from tfx_lr_finder.result_file import read_result
from tfx_lr_finder.runtime.fit.intercept import intercepted_fit
from tfx_lr_finder.runtime.fit.optimizer_steps import watched_steps
from tfx_lr_finder.runtime.fit.rate_injection import RateInjection
from tfx_lr_finder.runtime.fit.saved_models import watched_saves
from tfx_lr_finder.settings import keys
from tfx_lr_finder.settings.hyperparameters import merge_learning_rate
from tfx_lr_finder.settings.inconclusive import DECLARED_SOURCES
from tfx_lr_finder.settings.trainer_options import OPTIMIZER, TrainerOptions

USED_FILE = "learning_rate_used.json"

Artifacts = dict[str, list[types.Artifact]]


@attr.s
class LRFinderFnArgs(fn_args_utils.FnArgs):
    """The stock `FnArgs` with the result of LRFinder."""

    lr_finder: PassedResult | None = attr.ib(default=None, repr=False)


class _StockExecutor(trainer_executor.GenericExecutor):
    """The stock Trainer's executor, whose `run_fn` gets the rate in `fn_args`."""

    def __init__(self, context: Any, passed: PassedResult, options: TrainerOptions):
        super().__init__(context)
        self._passed = passed
        self._options = options

    def _GetFnArgs(self, *args: Any) -> LRFinderFnArgs:
        return with_rate(super()._GetFnArgs(*args), self._passed, self._options)


def train(
    context: Any,
    input_dict: Artifacts,
    output_dict: Artifacts,
    exec_properties: dict[str, Any],
) -> execution_result_pb2.ExecutorOutput | None:
    """Does the work of `tfx_lr_finder.trainer.Executor.Do`; see there."""
    if keys.LR_FINDER_RESULT not in input_dict:
        stock = trainer_executor.GenericExecutor(context)
        stock.Do(input_dict, output_dict, exec_properties)
        return None
    options = TrainerOptions.from_properties(exec_properties)
    passed = PassedResult(report=_usable_report(input_dict[keys.LR_FINDER_RESULT]))
    injection = RateInjection(passed, options)
    model = artifact_utils.get_single_instance(output_dict["model"])
    with (
        intercepted_fit(injection.on_fit),
        watched_steps(injection.on_step),
        watched_saves(path_utils.serving_model_dir(model.uri), injection.on_save),
    ):
        _StockExecutor(context, passed, options).Do(
            input_dict, output_dict, exec_properties
        )
    model_run = artifact_utils.get_single_instance(output_dict["model_run"])
    rate = write_rate_used(injection, model_run, options)
    result = execution_result_pb2.ExecutorOutput()
    outputs_utils.populate_output_artifact(result, output_dict)
    outputs_utils.populate_exec_properties(result, exec_properties)
    result.execution_properties[keys.LEARNING_RATE_USED].string_value = rate
    return result


def with_rate(
    fn_args: fn_args_utils.FnArgs, passed: PassedResult, options: TrainerOptions
) -> LRFinderFnArgs:
    """Returns the arguments of `run_fn` with the rate in them.

    The rate is always in `custom_config`. It is in `hyperparameters` if the Trainer
    has that input or `set_rate_on` is "hyperparameters". Otherwise `hyperparameters`
    stays None, because many modules expect every hyperparameter if there are any.
    """
    rate = passed.report.learning_rate
    names = [field.name for field in attr.fields(fn_args_utils.FnArgs)]
    fields = {name: getattr(fn_args, name) for name in names}
    config = {**(fn_args.custom_config or {}), keys.LEARNING_RATE: rate}
    hyperparameters = fn_args.hyperparameters
    if hyperparameters is not None or options.set_rate_on != OPTIMIZER:
        hyperparameters = merge_learning_rate(
            hyperparameters, rate, options.hyperparameter_name
        )
    changed = {"custom_config": config, "hyperparameters": hyperparameters}
    return LRFinderFnArgs(**{**fields, **changed}, lr_finder=passed)


def write_rate_used(
    injection: RateInjection, model_run: types.Artifact, options: TrainerOptions
) -> str:
    """Writes which rate `run_fn` trained with, and checks that it is the one found.

    Returns:
      The rate in full precision, or "" if it is unknown.

    Raises:
      ValueError: If `on_unused` is "fail" and there is a doubt.
    """
    used = injection.rate_used()
    fileio.makedirs(model_run.uri)
    with fileio.open(os.path.join(model_run.uri, USED_FILE), "w") as file:
        file.write(json.dumps(used, indent=2) + "\n")
    rate = used["learning_rate_used"]
    in_full = "" if rate is None else repr(rate)
    model_run.set_string_custom_property(keys.LEARNING_RATE_USED, in_full)
    if used["doubt"] is None:
        logging.info("LRFinder: run_fn used the learning rate: %s", json.dumps(used))
    elif options.on_unused == keys.FAIL:
        raise ValueError(used["doubt"])
    else:
        logging.warning("LRFinder: %s", used["doubt"])
    return in_full


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
