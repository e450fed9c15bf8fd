"""The work of the LRFinder executor: search, judge, write."""

import contextlib
import dataclasses
import datetime
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from absl import logging
from tfx import types
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.types import artifact_utils

from tfx_lr_finder import artifact
from tfx_lr_finder.lineage.previous import PreviousResult, read_previous
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.runtime import evidence, find, outcome
from tfx_lr_finder.runtime.checkpoint.plan import CheckpointPlan
from tfx_lr_finder.runtime.checkpoint.preemption import Watch
from tfx_lr_finder.runtime.examples import corruption, example_count, interleave
from tfx_lr_finder.runtime.lasting_folders import lasting_folders
from tfx_lr_finder.runtime.loop import gpus, workers
from tfx_lr_finder.runtime.sampling import draw
from tfx_lr_finder.runtime.sampling.source import Source
from tfx_lr_finder.runtime.stopwatch import Stopwatch
from tfx_lr_finder.runtime.user_module import lr_finder_fn
from tfx_lr_finder.runtime.user_module.fit_capture import (
    TrainerData,
    UserModule,
    load_user_module,
)
from tfx_lr_finder.settings import keys
from tfx_lr_finder.settings.request import FinderRequest
from tfx_lr_finder.views import write as view_files


@dataclasses.dataclass(frozen=True, kw_only=True)
class Node:
    """The pipeline node that runs.

    Attributes:
      inputs: Its input artifacts by channel.
      outputs: Its output artifacts by channel.
      context: The executor's context, or None.
      tmp_dir: Scratch folder.
      make_beam_pipeline: Returns a Beam pipeline with the node's Beam options.
      stopwatch: Measures the parts of the node's time.
    """

    inputs: dict[str, list[types.Artifact]]
    outputs: dict[str, list[types.Artifact]]
    context: Any
    tmp_dir: str
    make_beam_pipeline: Callable[[], Any]
    stopwatch: Stopwatch

    def output(self, key: str) -> types.Artifact:
        """Returns the output artifact of a channel."""
        return artifact_utils.get_single_instance(self.outputs[key])


def run(request: FinderRequest, node: Node, watch: Watch) -> None:
    """Finds a learning rate and writes the outputs of the node.

    Args:
      request: What to do.
      node: Where to read and write.
      watch: Says whether SIGTERM came.

    Raises:
      ValueError: The user module or the data cannot be used, or this process is one of
        several.
      InconclusiveError: Neither the test nor the policy has a learning rate.
      SystemExit: After SIGTERM, when the checkpoint is saved.
    """
    workers.refuse_cluster()
    logging.info("LRFinder: starting with %s", request.config)
    folders = lasting_folders(node.context, node.output(keys.LR_FINDER_RESULT).uri)
    plan = CheckpointPlan.from_execution(
        node.inputs, request, watch, folders.checkpoints
    )
    previous = read_previous(node.inputs.get(keys.PREVIOUS) or [])
    report, hyperparameters = _search(request, node, previous, plan)
    keep_evidence = functools.partial(
        evidence.keep,
        labels=_labels(node.context),
        evidence_dir=request.evidence_dir,
        default_folder=folders.evidence,
    )
    with watch.held():
        report = outcome.conclude(request, report, previous, plan, keep_evidence)
        _write_outputs(request, node, report, hyperparameters)
        if not watch.received:  # the next attempt resumes from the checkpoint
            outcome.remove(plan)
    node.stopwatch.end("outputs")
    logging.info("LRFinder: the node took %s", node.stopwatch)
    watch.exit_if_received()


def _search(
    request: FinderRequest,
    node: Node,
    previous: Sequence[PreviousResult],
    plan: CheckpointPlan | None,
) -> tuple[LRFinderReport, dict[str, Any] | None]:
    """Returns the report, and the hyperparameters of the input."""
    gpus.prepare(request.gpus.requested_gpus, request.gpus.on_no_gpu)
    fn_args = lr_finder_fn.make_fn_args(node.inputs, request, node.tmp_dir)
    with (
        corruption.name_damaged_file_on_error(fn_args, node.inputs[keys.EXAMPLES]),
        _model_and_data(request, node, fn_args) as (module, sample),
    ):
        node.stopwatch.end("user module and data")
        report = find.find_learning_rate(
            module.found.model,
            module.found.train_dataset,
            module.found.eval_dataset,
            config=module.config,
            previous=[result.report for result in previous],
            num_train_examples=example_count.num_train_examples(
                module.found,
                node.inputs,
                request.train_splits,
                sample.num_train_examples if sample else None,
            ),
            checkpoint=plan,
        )
    node.stopwatch.end("range test")
    facts = {
        **report.environment,
        "train_steps_source": module.train_steps_source,
        **(sample.facts if sample else {}),
    }
    report = dataclasses.replace(report, environment=facts)
    return report, fn_args.hyperparameters or module.hyperparameters


@contextlib.contextmanager
def _model_and_data(
    request: FinderRequest, node: Node, fn_args: FnArgs
) -> Iterator[tuple[UserModule, draw.Sample | None]]:
    """Yields the model, its data and the range test, and the sample if there is one.

    The sample is deleted at the end of the block.
    """
    if request.sample is None:
        corruption.reject_truncated(fn_args)
        interleave.interleave_shards(node.inputs[keys.EXAMPLES], fn_args)
        data = TrainerData(
            count_examples=functools.partial(
                example_count.count_train_examples, node.inputs, request.train_splits
            ),
            is_sampled=False,
        )
        yield load_user_module(request, fn_args, data), None
        return
    with draw.scratch(node.tmp_dir) as folder:
        source = Source(
            input_dict=node.inputs,
            train_splits=request.train_splits,
            eval_splits=request.eval_splits,
            make_pipeline=node.make_beam_pipeline,
            folder=folder,
        )
        sample = draw.draw(request.sample, request.config, source)
        sample.replace_files(fn_args)
        total = sample.num_available_train_examples
        data = TrainerData(count_examples=lambda: total, is_sampled=True)
        module = load_user_module(request, fn_args, data)
        batch_size = draw.batch_size_to_redraw_for(request.sample, module.found)
        if batch_size is not None:  # "auto" drew too few for the module's batches
            sample = draw.draw(request.sample, module.config, source, batch_size)
            sample.replace_files(fn_args)
            module = load_user_module(request, fn_args, data)
        yield module, sample


def _write_outputs(
    request: FinderRequest,
    node: Node,
    report: LRFinderReport,
    hyperparameters: dict[str, Any] | None,
) -> None:
    """Writes the result with its views, and the hyperparameters."""
    result = node.output(keys.LR_FINDER_RESULT)
    page = None
    if keys.LR_FINDER_PAGE in node.outputs:  # `lr-finder run` has no console
        page = artifact.page_file(node.output(keys.LR_FINDER_PAGE))
    if keys.LR_FINDER_SCALARS in node.outputs:
        artifact.write_scalars(node.output(keys.LR_FINDER_SCALARS), report)
    view_files.write_views(result.uri, report, _labels(node.context), page)
    artifact.write_result(result, report)
    artifact.write_hyperparameters(
        node.output(keys.BEST_HYPERPARAMETERS),
        report.learning_rate,
        hyperparameters,
        request.hyperparameter_name,
    )


def _labels(context: Any) -> dict[str, str]:
    """Returns the origin of a report, as far as the context knows it."""
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
