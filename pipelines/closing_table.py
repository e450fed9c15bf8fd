"""What the latest run of a pipeline found, read from its ML Metadata store."""

import json
import os

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2 as mlmd_pb2

from tfx_lr_finder import read_result


class Run:
    """The executions of a pipeline's latest run, and what they wrote.

    Attributes:
      executions: node id -> execution.
    """

    def __init__(self, database, pipeline_name):
        """Opens the SQLite file `database` and finds the run."""
        connection = mlmd_pb2.ConnectionConfig()
        connection.sqlite.filename_uri = database
        self._store = mlmd.MetadataStore(connection)
        runs = self._store.get_contexts_by_type("pipeline_run")
        latest = max(runs, key=lambda run: run.create_time_since_epoch)
        nodes = {
            node.id: node.name.removeprefix(f"{pipeline_name}.")
            for node in self._store.get_contexts_by_type("node")
        }
        self.executions = {
            nodes[context.id]: execution
            for execution in self._store.get_executions_by_context(latest.id)
            for context in self._store.get_contexts_by_execution(execution.id)
            if context.id in nodes
        }

    def output(self, node_id, key):
        """The artifact that a node wrote under an output key; None without the node."""
        if node_id not in self.executions:
            return None
        execution = self.executions[node_id]
        (artifact_id,) = (
            event.artifact_id
            for event in self._store.get_events_by_execution_ids([execution.id])
            if event.type == mlmd_pb2.Event.OUTPUT and event.path.steps[0].key == key
        )
        return self._store.get_artifacts_by_id([artifact_id])[0]

    def is_cached(self, node_id):
        """Whether a node's outputs were taken from an earlier run."""
        return self.executions[node_id].last_known_state == mlmd_pb2.Execution.CACHED


def closing_table(database, pipeline_name):
    """The text that a run ends with.

    Args:
      database: path of the SQLite file that holds the metadata.
      pipeline_name: name of the pipeline.

    Returns:
      Some lines of text.
    """
    run = Run(database, pipeline_name)
    result = run.output("LRFinder", "lr_finder_result")
    report = read_result(result.uri)
    found_range = report.learning_rate_range
    cost = [f"{phase} {seconds:.1f} s" for phase, seconds in report.seconds.items()]
    cost.append(f"{report.steps_spent} training steps in all")
    if run.is_cached("LRFinder"):
        cost.append("in an earlier run (cached)")
    rows = {
        "learning rate found": repr(report.learning_rate),
        "range": "{:.3g} to {:.3g}".format(*found_range) if found_range else "none",
        "verdict": "; ".join([report.verdict.name, *report.reasons]),
        "sweeps ended because": report.stop_reason.value,
        "cost": ", ".join(cost),
        "picture": os.path.join(result.uri, "learning_rate_curve.png"),
        "pushed model": _pushed(run),
    }
    lines = [f"{name:<22}{text}" for name, text in rows.items() if text]
    return "\n".join([*lines, "", *_trainings(run)])


def _pushed(run):
    """Where the model was pushed to; None in a pipeline that pushes nothing."""
    pushed = run.output("Pusher", "pushed_model")
    if pushed is None:
        return None
    if not pushed.custom_properties["pushed"].int_value:
        return "none: Evaluator did not bless the model"
    return pushed.custom_properties["pushed_destination"].string_value


def _trainings(run):
    """One line for each training: its rate, and the held-out metrics."""
    trained = {
        "with the rate found": run.output("LRFinderTrainer", "model_run"),
        "written by hand before": run.output("TrainerHandWritten", "model_run"),
    }
    records = {name: read_record(item.uri) for name, item in trained.items() if item}
    columns = list(records["with the rate found"])
    lines = [f"{'trained, held-out data':<26}" + "".join(f"{c:>15}" for c in columns)]
    for name, record in records.items():
        numbers = "".join(f"{record[column]:>15.4g}" for column in columns)
        lines.append(f"  {name:<24}{numbers}")
    return lines


def read_record(model_run_uri):
    """What the example modules write at the end of their training."""
    with open(os.path.join(model_run_uri, "training.json")) as file:
        return json.load(file)
