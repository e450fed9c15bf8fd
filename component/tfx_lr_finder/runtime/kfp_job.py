"""The work of the Kubeflow Pipelines component: search, judge, write. Without TFX."""

import contextlib
import datetime
import json
import os
import tempfile
from collections.abc import Iterator

import tensorflow as tf
from absl import logging

from tfx_lr_finder import result_file, storage
from tfx_lr_finder.fn_args import FinderFnArgs
from tfx_lr_finder.kfp_folders import POD_VARIABLE
from tfx_lr_finder.kfp_task import Task
from tfx_lr_finder.lineage.previous import PreviousResult, read_previous_file
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.runtime import evidence, find, outcome
from tfx_lr_finder.runtime.checkpoint import plan as checkpoint_plan
from tfx_lr_finder.runtime.checkpoint.plan import CheckpointPlan
from tfx_lr_finder.runtime.checkpoint.preemption import Watch
from tfx_lr_finder.runtime.loop import gpus
from tfx_lr_finder.runtime.user_module import call, load
from tfx_lr_finder.settings import keys
from tfx_lr_finder.settings.hyperparameters import merge_learning_rate
from tfx_lr_finder.settings.request import FinderRequest
from tfx_lr_finder.views import write as view_files
from tfx_lr_finder.views.metrics import metrics

VERDICT, RESULT, REPORT, METRICS = "verdict", "result", "report", "metrics"

_DATA_ERRORS = (
    tf.errors.DataLossError,
    tf.errors.InvalidArgumentError,
    tf.errors.NotFoundError,
)

_FUNCTION_TO_WRITE = """\
def lr_finder_fn(fn_args):
    import tfx_lr_finder

    return tfx_lr_finder.LRFinderFnResult(
        model=build_model(),  # compiled
        train_dataset=read(fn_args.train_files),  # batches, as model.fit takes them
        eval_dataset=read(fn_args.eval_files),
    )
"""


def run(request: FinderRequest, task: Task, watch: Watch) -> None:
    """Finds a learning rate and writes the outputs of the task.

    Args:
      request: What to do.
      task: Where to read and write.
      watch: Says whether SIGTERM came.

    Raises:
      ValueError: The user's function or the data cannot be used.
      InconclusiveError: Neither the test nor the policy has a learning rate.
      SystemExit: After SIGTERM, when the checkpoint is saved.
    """
    logging.info("LRFinder: starting with %s", request.config)
    gpus.prepare(request.gpus.requested_gpus, request.gpus.on_no_gpu)
    plan = _plan(request, task, watch)
    previous = _previous(task)
    with tempfile.TemporaryDirectory(prefix="lr-finder-") as scratch:
        report = _search(request, task, scratch, previous, plan)

    def keep_evidence(report: LRFinderReport) -> str:
        with contextlib.suppress(OSError):  # the verdict is what must be seen
            _write_evidence(task, report)
        parent = request.checkpoint_dir
        folder = os.path.join(parent, keys.LR_FINDER_RESULT) if parent else None
        places = {"evidence_dir": request.evidence_dir, "default_folder": folder}
        return evidence.keep(report, _labels(), **places)

    with watch.held():
        report = outcome.conclude(request, report, previous, plan, keep_evidence)
        _write_outputs(request, task, report)
        if not watch.received:  # the next attempt resumes from the checkpoint
            outcome.remove(plan)
    watch.exit_if_received()


def _plan(request: FinderRequest, task: Task, watch: Watch) -> CheckpointPlan | None:
    if not request.checkpoint_dir:
        return None
    uris = {name: artifact.uri for name, artifact in task.inputs.items()}
    inputs = checkpoint_plan.identity(uris, request.exec_properties)
    return CheckpointPlan(folder=request.checkpoint_dir, inputs=inputs, watch=watch)


def _previous(task: Task) -> tuple[PreviousResult, ...]:
    given = task.inputs.get(keys.PREVIOUS)
    return () if given is None else read_previous_file(given.path, given.uri)


def _search(
    request: FinderRequest,
    task: Task,
    scratch: str,
    previous: tuple[PreviousResult, ...],
    plan: CheckpointPlan | None,
) -> LRFinderReport:
    """Returns the report of the user's model and data."""
    properties = request.exec_properties
    lr_finder_fn = load.load(
        properties.get(keys.LR_FINDER_FN), properties.get(keys.MODULE_FILE)
    )
    fn_args = FinderFnArgs(
        train_files=task.files(keys.TRAIN_DATA),
        eval_files=task.files(keys.EVAL_DATA),
        custom_config=request.custom_config,
        train_steps=request.config.train_steps,
        working_dir=scratch,
    )
    with _explained_data_errors(task):
        found = call.call_lr_finder_fn(
            lr_finder_fn, fn_args, request.config.seed, _FUNCTION_TO_WRITE
        )
        return find.find_learning_rate(
            found.model,
            found.train_dataset,
            found.eval_dataset,
            config=request.config,
            previous=[result.report for result in previous],
            num_train_examples=found.num_train_examples,
            checkpoint=plan,
        )


@contextlib.contextmanager
def _explained_data_errors(task: Task) -> Iterator[None]:
    """Adds the place of the data to TensorFlow's errors about them."""
    try:
        yield
    except (ValueError, tf.errors.OpError) as error:
        cause = error.__cause__ if isinstance(error, ValueError) else error
        if not isinstance(cause, _DATA_ERRORS):
            raise
        places = {
            name: task.inputs[name].uri
            for name in (keys.TRAIN_DATA, keys.EVAL_DATA)
            if name in task.inputs
        }
        raise ValueError(
            f"Reading the data or training on them failed: {error} The data are at "
            f"{places}. Check that they have the format that lr_finder_fn reads."
        ) from error


def _write_outputs(request: FinderRequest, task: Task, report: LRFinderReport) -> None:
    """Writes everything; the output parameters come last."""
    hyperparameters = merge_learning_rate(
        None, report.learning_rate, request.hyperparameter_name
    )
    scalars = metrics(report)
    for name, content in ((keys.HYPERPARAMETERS, hyperparameters), (METRICS, scalars)):
        text = json.dumps(content)
        storage.write_whole(task.outputs[name].path, text.encode())
    _write_evidence(task, report)
    rate = repr(report.learning_rate)  # parses to the same float
    task.write_parameters({keys.LEARNING_RATE: rate, VERDICT: report.verdict.name})


def _write_evidence(task: Task, report: LRFinderReport) -> None:
    """Writes the page, the result and what the console shows of them."""
    view_files.write_page(task.outputs[REPORT].path, report, _labels())
    storage.write_whole(task.outputs[RESULT].path, report.to_json().encode())
    properties = result_file.custom_properties(report)
    task.write_metadata({RESULT: properties, METRICS: metrics(report)})


def _labels() -> dict[str, str]:
    """Returns the origin of the report, as far as the pod knows it."""
    now = datetime.datetime.now(datetime.timezone.utc)
    labels = {
        "pod": os.environ.get(POD_VARIABLE, ""),
        "written": f"{now:%Y-%m-%d %H:%M} UTC",
    }
    return {name: label for name, label in labels.items() if label}
