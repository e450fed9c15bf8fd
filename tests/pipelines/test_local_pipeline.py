import json
import pathlib

import pytest
from ml_metadata import metadata_store
from run_summary import summary
from tfx.components.trainer.component import Trainer
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.types import standard_artifacts

from tfx_lr_finder import LRFinder, LRFinderTrainer, last_good_resolver, read_result

RATE = 3.2e-7
QUICK = {"min_lr": 1e-4, "num_rates": 40, "num_sweeps": 1, "confirm_steps": 0}
CONFIRMED = {**QUICK, "confirm_steps": 30}
NOTHING_TO_FIND = {**QUICK, "custom_config": {"constant_loss": True}}


MODULE = "tests.testdata.penguin.penguin_module"


@pytest.fixture(scope="module")
def run_pipeline(penguin_examples):
    """Runs Examples -> LRFinder -> both Trainers; returns the store.

    The module is named by its path in this image, unless there is a module file. TFX
    builds and installs a wheel of that for every node, which takes seconds.
    """

    def run(root, resolver=None, module_file=None, **arguments):
        module = {"module_file": module_file}
        if module_file is None:
            module = {"run_fn": f"{MODULE}.run_fn"}
            arguments["lr_finder_fn"] = f"{MODULE}.lr_finder_fn"
        else:
            arguments["module_file"] = module_file
        examples = Importer(
            source_uri=penguin_examples.uri,
            artifact_type=standard_artifacts.Examples,
            properties={"split_names": penguin_examples.split_names},
        ).with_id("Examples")
        if resolver is not None:
            arguments["previous"] = resolver.outputs["previous"]
        finder = LRFinder(
            examples=examples.outputs["result"],
            **arguments,
        )
        ours = LRFinderTrainer(
            examples=examples.outputs["result"],
            **module,
            lr_finder_result=finder.outputs["lr_finder_result"],
        )
        stock = Trainer(
            examples=examples.outputs["result"],
            **module,
            hyperparameters=finder.outputs["best_hyperparameters"],
        )
        config = metadata.sqlite_metadata_connection_config(str(root / "metadata.db"))
        nodes = [examples, resolver, finder, ours, stock]
        LocalDagRunner().run(
            pipeline.Pipeline(
                pipeline_name="penguins",
                pipeline_root=str(root),
                components=[node for node in nodes if node is not None],
                metadata_connection_config=config,
            )
        )
        return metadata_store.MetadataStore(config)

    return run


@pytest.fixture(scope="module")
def store(run_pipeline, penguin_module, tmp_path_factory):
    """The metadata store of a run whose rate is 3.2e-7."""
    root = tmp_path_factory.mktemp("fallback")
    policy = {"on_inconclusive": "fallback", "default_learning_rate": RATE}
    return run_pipeline(root, module_file=penguin_module, **NOTHING_TO_FIND, **policy)


def _result(store):
    (result,) = store.get_artifacts_by_type("tfx_lr_finder.LRFinderResult")
    return result


def test_the_rate_is_in_the_store_in_full(store):
    result = _result(store)
    stored = result.custom_properties["learning_rate"].string_value
    assert float(stored) == RATE
    assert read_result(result.uri).learning_rate == RATE


@pytest.mark.parametrize("model_run", range(2), ids=["first", "second"])
def test_both_trainers_train_with_exactly_this_rate(model_run, store):
    runs = store.get_artifacts_by_type("ModelRun")
    seen = json.loads((pathlib.Path(runs[model_run].uri) / "seen.json").read_text())
    assert seen["learning_rate"] == RATE


def test_the_rate_that_was_used_is_in_the_store_in_full(store):
    runs = store.get_artifacts_by_type("ModelRun")
    (stored,) = (
        run.custom_properties["learning_rate_used"].string_value
        for run in runs
        if "learning_rate_used" in run.custom_properties
    )
    assert float(stored) == RATE


def test_the_rate_that_was_used_is_a_property_of_the_execution(store):
    (execution,) = store.get_executions_by_type("tfx_lr_finder.trainer.LRFinderTrainer")
    properties = execution.custom_properties
    assert float(properties["learning_rate_used"].string_value) == RATE
    assert properties["set_rate_on"].string_value == "optimizer"
    (model,) = (
        event.artifact_id
        for event in store.get_events_by_execution_ids([execution.id])
        if event.path.steps[0].key == "model"
    )
    (kept,) = store.get_artifacts_by_id([model])
    assert (kept.state, bool(kept.uri)) == (kept.LIVE, True)


def test_the_trainers_execution_has_the_result_as_its_input(store):
    events = store.get_events_by_artifact_ids([_result(store).id])
    executions = store.get_executions_by_id([event.execution_id for event in events])
    types = {
        store.get_execution_types_by_id([execution.type_id])[0].name
        for execution in executions
    }
    assert types == {
        "tfx_lr_finder.component.LRFinder",
        "tfx_lr_finder.trainer.LRFinderTrainer",
    }


def test_the_summary_shows_the_rate_and_the_picture(store):
    """The example modules write `training.json`; the module of this test does not."""
    for run in store.get_artifacts_by_type("ModelRun"):
        record = json.dumps({"learning_rate": RATE, "loss": 0.5})
        pathlib.Path(run.uri, "training.json").write_text(record)
    folder = pathlib.Path(_result(store).uri)
    lines = summary(folder.parents[2] / "metadata.db", "penguins").splitlines()
    rows = dict(line.split(maxsplit=1) for line in lines if line.startswith("picture"))
    assert pathlib.Path(rows["picture"]).read_bytes().startswith(b"\x89PNG")
    (rate,) = (line for line in lines if line.startswith("learning rate found"))
    assert rate.split()[-1] == repr(RATE)


def test_the_summary_ends_with_the_trainings_that_it_is_given(store):
    records = {
        "by hand": {"learning_rate": 1e-3, "auc": 0.75},
        "found": {"learning_rate": RATE, "auc": 0.875},
    }
    database = pathlib.Path(_result(store).uri).parents[2] / "metadata.db"
    text = summary(database, "penguins", lambda outputs: records)
    assert text.splitlines()[-3:] == [
        f"{'trained, held-out data':<26}{'learning_rate':>15}{'auc':>15}",
        f"{'  by hand':<26}{'0.001':>15}{'0.75':>15}",
        f"{'  found':<26}{'3.2e-07':>15}{'0.875':>15}",
    ]


def test_the_evidence_of_a_failed_search_outlives_its_outputs(run_pipeline, tmp_path):
    with pytest.raises(Exception, match="no learning rate it can vouch for"):
        run_pipeline(tmp_path, on_inconclusive="fail", **NOTHING_TO_FIND)
    system = tmp_path / "LRFinder" / ".system" / "stateful_working_dir"
    (evidence,) = system.glob("*/lr_finder_result/result.json")
    assert read_result(str(evidence.parent)).verdict.name == "INCONCLUSIVE"
    assert not list(tmp_path.glob("LRFinder/lr_finder_result/*/*"))
    assert not list(tmp_path.glob("LRFinderTrainer/model_run/*"))


@pytest.fixture(scope="module")
def reused(run_pipeline, tmp_path_factory):
    """The store of a pipeline's good first run and inconclusive second and third."""
    root = tmp_path_factory.mktemp("last_good")
    policy = {"on_inconclusive": "last_good"}
    run_pipeline(root, last_good_resolver(), **CONFIRMED, **policy)
    run_pipeline(root, last_good_resolver(), **NOTHING_TO_FIND, **policy)
    return run_pipeline(root, last_good_resolver(), **NOTHING_TO_FIND, **policy)


def test_inconclusive_runs_train_with_the_rate_of_the_last_good_one(reused):
    results = reused.get_artifacts_by_type("tfx_lr_finder.LRFinderResult")
    first, second, third = (read_result(result.uri) for result in results)
    assert (first.verdict.name, first.source) == ("OK", "confirmed")
    for report in (second, third):
        assert (report.verdict.name, report.source) == ("INCONCLUSIVE", "last_good")
        assert report.learning_rate == first.learning_rate
        assert f"LRFinderResult {results[0].id} of " in report.reasons[-1]
    seen = [
        json.loads((pathlib.Path(model_run.uri) / "seen.json").read_text())
        for model_run in reused.get_artifacts_by_type("ModelRun")
    ]
    assert [entry["learning_rate"] for entry in seen] == [first.learning_rate] * 6


def test_the_first_run_fails_for_want_of_a_good_one(run_pipeline, tmp_path):
    with pytest.raises(Exception, match="`previous` holds no OK result"):
        run_pipeline(
            tmp_path,
            last_good_resolver(),
            on_inconclusive="last_good",
            **NOTHING_TO_FIND,
        )


def test_the_good_result_is_an_input_of_the_runs_that_reuse_it(reused):
    first, *_ = reused.get_artifacts_by_type("tfx_lr_finder.LRFinderResult")
    events = reused.get_events_by_artifact_ids([first.id])
    executions = reused.get_executions_by_id([event.execution_id for event in events])
    kinds = [
        reused.get_execution_types_by_id([execution.type_id])[0].name
        for execution in executions
    ]
    finders = kinds.count("tfx_lr_finder.component.LRFinder")
    assert finders == 3  # it made the result, and then reused it twice
