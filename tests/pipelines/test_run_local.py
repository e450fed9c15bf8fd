"""The example pipelines, run as a user runs them, and read back from their store."""

import dataclasses
import json
import pathlib
import subprocess
import sys
import types

import ml_metadata as mlmd
import numpy as np
import pytest
import run_local
import run_summary
import tensorflow as tf
import tf_keras
from ml_metadata.proto import metadata_store_pb2 as mlmd_pb2

from tfx_lr_finder import LRFinderReport

SCRIPT = pathlib.Path(__file__).parents[2] / "pipelines" / "run_local.py"
PIPELINES = ("taxi", "penguin")


def _run_local(*arguments, python_options=()):
    command = [sys.executable, *python_options, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


@dataclasses.dataclass
class _Finished:
    """A pipeline that has run: what it printed, and plain look-ups in its store."""

    name: str
    root: pathlib.Path
    printed: str

    def __post_init__(self):
        connection = mlmd_pb2.ConnectionConfig()
        database = self.root / self.name / "metadata.sqlite"
        connection.sqlite.filename_uri = str(database)
        self.store = mlmd.MetadataStore(connection)

    def artifact(self, type_name):
        found = self.store.get_artifacts_by_type(type_name)
        return max(found, key=lambda artifact: artifact.id)

    def execution(self, node):
        context = self.store.get_context_by_type_and_name("node", f"{self.name}.{node}")
        found = self.store.get_executions_by_context(context.id)
        return max(found, key=lambda execution: execution.id)

    def artifact_ids(self, node, event_type):
        events = self.store.get_events_by_execution_ids([self.execution(node).id])
        return {event.artifact_id for event in events if event.type == event_type}

    def report(self):
        folder = pathlib.Path(self.artifact("tfx_lr_finder.LRFinderResult").uri)
        return LRFinderReport.from_json((folder / "result.json").read_text())

    def model_folder(self, node):
        models = self.artifact_ids(node, mlmd_pb2.Event.OUTPUT)
        (uri,) = (
            model.uri
            for model in self.store.get_artifacts_by_type("Model")
            if model.id in models
        )
        return pathlib.Path(uri) / "Format-Serving"


def _finish(name, root, *options):
    done = _run_local("--pipeline", name, "--root", root, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return _Finished(name, root, done.stdout)


@pytest.fixture(scope="module")
def taxi(tmp_path_factory):
    return _finish("taxi", tmp_path_factory.mktemp("taxi"))


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """What `make demo` runs: the optimizer is SGD, and its rate was Adam's."""
    return _finish("taxi", tmp_path_factory.mktemp("demo"), "--optimizer", "sgd")


@pytest.fixture(scope="module")
def penguin(tmp_path_factory):
    return _finish("penguin", tmp_path_factory.mktemp("penguin"))


@pytest.fixture(
    scope="module", params=[pytest.param(n, marks=pytest.mark.long) for n in PIPELINES]
)
def finished(request):
    return request.getfixturevalue(request.param)


def _optimizers_rate(model_folder):
    """The float32 variable that the optimizer was saved with."""
    variables = str(model_folder / "variables" / "variables")
    name = "optimizer/_learning_rate/.ATTRIBUTES/VARIABLE_VALUE"
    return tf.train.load_variable(variables, name)


def test_the_store_holds_the_result_as_strings_and_ints(finished):
    report = finished.report()
    properties = finished.artifact("tfx_lr_finder.LRFinderResult").custom_properties
    low, high = report.learning_rate_range
    assert properties["learning_rate"].string_value == repr(report.learning_rate)
    assert properties["min_learning_rate"].string_value == repr(low)
    assert properties["max_learning_rate"].string_value == repr(high)
    assert properties["verdict"].string_value == report.verdict.name
    assert properties["stop_reason"].string_value == report.stop_reason.name
    assert properties["steps_spent"].int_value == report.steps_spent


def test_the_trainers_execution_has_the_result_as_an_input(finished):
    result = finished.artifact("tfx_lr_finder.LRFinderResult")
    inputs = finished.artifact_ids("LRFinderTrainer", mlmd_pb2.Event.INPUT)
    assert result.id in inputs


def test_the_saved_optimizer_has_the_rate_found(finished, record_compatibility):
    """Keras keeps a rate as float32, so the artifact's float64 is rounded to that."""
    saved = _optimizers_rate(finished.model_folder("LRFinderTrainer"))
    assert saved.dtype == np.float32
    report = finished.report()
    assert saved == np.float32(report.learning_rate)
    record_compatibility("LocalDagRunner", report.environment["keras"])


def test_the_summary_shows_the_rate_and_the_picture(finished):
    assert repr(finished.report().learning_rate) in finished.printed
    (picture,) = (
        line.removeprefix("picture").strip()
        for line in finished.printed.splitlines()
        if line.startswith("picture")
    )
    assert pathlib.Path(picture).read_bytes().startswith(b"\x89PNG")


@pytest.mark.long
def test_the_taxi_pipeline_searches_on_transformed_examples(taxi):
    used = taxi.artifact_ids("LRFinder", mlmd_pb2.Event.INPUT)
    assert used & taxi.artifact_ids("Transform", mlmd_pb2.Event.OUTPUT)
    assert not used & taxi.artifact_ids("CsvExampleGen", mlmd_pb2.Event.OUTPUT)


@pytest.mark.long
def test_the_penguin_pipeline_searches_on_raw_examples(penguin):
    used = penguin.artifact_ids("LRFinder", mlmd_pb2.Event.INPUT)
    assert used & penguin.artifact_ids("ImportExampleGen", mlmd_pb2.Event.OUTPUT)


@pytest.mark.long
def test_the_taxi_and_the_penguin_pipeline_use_different_kerases(taxi, penguin):
    versions = [run.report().environment["keras"] for run in (taxi, penguin)]
    assert versions[0].startswith("tf_keras 2.")
    assert versions[1].startswith("keras 3.")


@pytest.mark.long
def test_the_baseline_trains_with_the_rate_of_the_module(taxi):
    saved = _optimizers_rate(taxi.model_folder("BaselineTrainer"))
    assert saved == np.float32(1e-3)


def _closing_table(printed):
    """Name of a training to its learning rate, loss, accuracy and AUC."""
    (_, rest) = printed.split("trained, held-out data")
    head, *rows = rest.split("\n\n")[0].splitlines()
    assert head.split() == ["learning_rate", "loss", "accuracy", "auc"]
    return {row[:26].strip(): list(map(float, row[26:].split())) for row in rows}


def _training_record(run):
    """What the Trainer of the pipeline wrote."""
    folder = pathlib.Path(run.artifact("ModelRun").uri)
    return json.loads((folder / "training.json").read_text())


@pytest.mark.long
def test_the_demo_compares_the_ways_to_choose_a_rate(demo):
    rates = {name: row[0] for name, row in _closing_table(demo.printed).items()}
    assert list(rates) == [
        "Adam, rate by hand",
        "SGD, the same rate",
        "SGD, Keras' default",
        "SGD, rate found",
        "SGD, best of 7 rates",
    ]
    assert rates["Adam, rate by hand"] == rates["SGD, the same rate"] == 1e-3
    keras_default = tf_keras.optimizers.SGD().learning_rate.numpy()
    assert rates["SGD, Keras' default"] == pytest.approx(keras_default)
    assert rates["SGD, rate found"] == pytest.approx(
        demo.report().learning_rate, rel=1e-3
    )


@pytest.mark.long
def test_the_demo_shows_what_the_trainer_recorded_for_the_rate_found(demo):
    row = _closing_table(demo.printed)["SGD, rate found"]
    assert row == pytest.approx(list(_training_record(demo).values()), rel=1e-3)
    assert demo.report().environment["optimizer"] == "SGD"


@pytest.mark.long
def test_in_the_demo_the_rate_found_beats_the_rate_written_for_adam(demo):
    table = _closing_table(demo.printed)
    _, found, accuracy, auc = table["SGD, rate found"]
    _, stale, stale_accuracy, stale_auc = table["SGD, the same rate"]
    _, best, _, _ = table["SGD, best of 7 rates"]
    assert stale_accuracy < accuracy
    assert stale_auc < auc
    assert best <= min(stale, table["SGD, Keras' default"][1])
    assert found - best < 0.25 * (stale - best)


@pytest.mark.long
def test_the_demos_own_training_is_the_one_of_the_trainer(demo):
    """So the rows of the table differ in the rate only."""
    import other_rates

    _, outputs = run_summary.latest_outputs(demo.root / "taxi" / "metadata.sqlite")
    rate = demo.report().learning_rate
    first = other_rates.GRID[0]
    records = other_rates.train(outputs, "sgd", [first, rate], seed=0)
    assert records[rate] == pytest.approx(_training_record(demo), rel=1e-3)
    assert records[first]["loss"] > records[rate]["loss"]


@pytest.mark.long
def test_the_pushed_model_answers_raw_examples(taxi, make_taxi_trip):
    pushed = taxi.artifact("PushedModel").custom_properties["pushed_destination"]
    assert pushed.string_value in taxi.printed
    model = tf.saved_model.load(pushed.string_value)
    chances = []
    for payment in (b"Cash", b"Credit Card"):
        examples = tf.constant([make_taxi_trip(payment)])
        (chance,) = model.signatures["serving_default"](examples=examples).values()
        chances.append(chance.numpy().item())
    assert 0 <= chances[0] < chances[1] <= 1


@pytest.mark.long
def test_taxi_finds_about_the_same_rate_on_a_sample(taxi):
    """The last test that uses this run: from here on its newest result is another."""
    whole = taxi.report()
    sampled = _finish("taxi", taxi.root, "--sample-size", 4000).report()
    facts = sampled.environment
    assert facts["train_sample_of"] > 9000
    assert facts["train_sample_size"] == 4000
    assert "train_sample_size" not in whole.environment
    low, high = whole.learning_rate_range
    assert low / 4 <= sampled.learning_rate <= high * 4
    assert not list(taxi.root.glob("**/sample/**/*.gz"))


@pytest.mark.long
def test_a_second_run_reuses_the_first_and_reports_the_same(penguin):
    rate = penguin.report().learning_rate
    again = _finish("penguin", penguin.root)
    assert repr(rate) in again.printed
    assert "cached" in again.printed
    assert again.execution("LRFinder").last_known_state == mlmd_pb2.Execution.CACHED


def test_only_the_taxi_pipeline_has_another_optimizer(tmp_path):
    done = _run_local("--pipeline", "penguin", "--optimizer", "sgd", "--root", tmp_path)
    assert done.returncode == 2
    assert "--optimizer needs --pipeline taxi" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_root_that_cannot_be_written_ends_with_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    done = _run_local("--root", tmp_path / "file")
    assert done.returncode == 1
    assert done.stderr.startswith(f"Cannot write to {tmp_path / 'file' / 'taxi'}")
    assert done.stderr.count("\n") == 1


def test_a_python_without_tfx_ends_with_one_sentence(tmp_path):
    done = _run_local("--root", tmp_path, python_options=["-S"])
    assert done.returncode == 1
    assert done.stderr.startswith("TFX is not installed")
    assert done.stderr.count("\n") == 1


def test_a_tfx_that_lost_components_is_refused_by_their_names():
    whole = types.SimpleNamespace(Trainer=object, Evaluator=object)
    run_local.check_components(whole)
    broken = types.SimpleNamespace(Trainer=object, Evaluator=None, Pusher=None)
    with pytest.raises(ValueError, match="import its components Evaluator, Pusher:"):
        run_local.check_components(broken)


@pytest.mark.long
def test_a_failing_pipeline_names_the_cause_and_the_log(tmp_path):
    metadata = tmp_path / "penguin" / "metadata.sqlite"
    metadata.parent.mkdir()
    metadata.write_text("this is no database")
    done = _run_local("--pipeline", "penguin", "--root", tmp_path)
    assert done.returncode == 1
    assert "The pipeline failed." in done.stdout
    assert str(tmp_path / "penguin" / "run.log") in done.stdout
