"""The summary that a run ends with, read from the pipeline's ML Metadata store."""

import json
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from tfx_lr_finder import read_result
from tfx_lr_finder.lineage import history, metadata

# (node id, output key) -> artifact.
Outputs: TypeAlias = Mapping[tuple[str, str], Any]
# Name of a training -> its learning rate, and its metrics on held-out data.
Records: TypeAlias = Mapping[str, dict[str, float]]


def latest_outputs(database: pathlib.Path) -> tuple[str, Outputs]:
    """The name of the latest pipeline run, and its outputs, cached ones included.

    Args:
      database: The SQLite file that LocalDagRunner keeps its metadata in.
    """
    store = metadata.connect(str(database))
    runs = store.get_contexts_by_type("pipeline_run")
    latest = max(runs, key=lambda run: run.create_time_since_epoch)
    outputs = {}
    for artifact in store.get_artifacts_by_context(latest.id):
        # LocalDagRunner writes to ROOT/NODE/KEY/EXECUTION.
        *_, node, key, _ = artifact.uri.split("/")
        outputs[node, key] = artifact
    return latest.name, outputs


def summary(
    database: pathlib.Path,
    pipeline_name: str,
    more_trainings: Callable[[Outputs], Records] | None = None,
) -> str:
    """The text of the summary, for a pipeline with LRFinder and LRFinderTrainer.

    Args:
      database: The SQLite file that LocalDagRunner keeps its metadata in.
      pipeline_name: Name of the pipeline.
      more_trainings: Trains with other rates, and returns the rows of the last table.
        Without it, they are the trainings of the pipeline.
    """
    run_name, outputs = latest_outputs(database)
    records = (more_trainings or _records)(outputs)
    result = outputs["LRFinder", "lr_finder_result"]
    entries = history.read_history(metadata.connect(str(database)), pipeline_name)
    (entry,) = (entry for entry in entries if entry.number == result.id)
    report = read_result(entry.uri)
    found_range = report.learning_rate_range
    cost = [f"{phase} {seconds:.1f} s" for phase, seconds in report.seconds.items()]
    cost.append(f"{report.steps_spent} training steps in total")
    if entry.run != run_name:
        cost.append("in a previous run (cached)")
    rows = {
        "learning rate found": repr(report.learning_rate),
        "range": "{:.3g} to {:.3g}".format(*found_range) if found_range else "none",
        "verdict": "; ".join([report.verdict.name, *report.reasons]),
        "sweeps ended because": report.stop_reason.value,
        "cost": ", ".join(cost),
        "picture": os.path.join(entry.uri, "learning_rate_curve.png"),
        "pushed model": _pushed(outputs),
    }
    lines = [f"{name:<22}{text}" for name, text in rows.items() if text]
    return "\n".join([*lines, "", *_trainings(records)])


def _pushed(outputs: Outputs) -> str | None:
    """Where the model was pushed to; None for a pipeline without Pusher."""
    pushed = outputs.get(("Pusher", "pushed_model"))
    if pushed is None:
        return None
    if not pushed.custom_properties["pushed"].int_value:
        return "none: Evaluator did not bless the model"
    return str(pushed.custom_properties["pushed_destination"].string_value)


def _records(outputs: Outputs) -> Records:
    """What the Trainers of the pipeline recorded."""
    nodes = {
        "with the rate found": "LRFinderTrainer",
        "with the baseline rate": "BaselineTrainer",
    }
    return {
        name: read_record(outputs[node, "model_run"].uri)
        for name, node in nodes.items()
        if (node, "model_run") in outputs
    }


def _trainings(records: Records) -> list[str]:
    """One line per training: its learning rate, and its metrics on held-out data."""
    columns = list(next(iter(records.values())))
    lines = [f"{'trained, held-out data':<26}" + "".join(f"{c:>15}" for c in columns)]
    for name, record in records.items():
        numbers = "".join(f"{record[column]:>15.4g}" for column in columns)
        lines.append(f"  {name:<24}{numbers}")
    return lines


def read_record(model_run_uri: str) -> dict[str, float]:
    """The learning rate and the metrics that an example module wrote after training."""
    with open(os.path.join(model_run_uri, "training.json")) as file:
        record: dict[str, float] = json.load(file)
    return record
