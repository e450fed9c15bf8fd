import json
import pathlib

import pytest
from ml_metadata import metadata_store
from tfx.components.trainer.component import Trainer
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.types import standard_artifacts

from tfx_lr_finder import LRFinder, LRFinderTrainer, read_result

RATE = 3.2e-7
NOTHING_TO_FIND = {
    "min_lr": 1e-12,
    "max_lr": 1e-11,
    "num_steps": 10,
    "num_sweeps": 1,
    "confirm_steps": 0,
}


@pytest.fixture(scope="module")
def run_pipeline(tmp_path_factory, penguin_examples, penguin_module):
    """Runs Examples -> LRFinder -> both Trainers; returns the store and the root."""

    def run(**policy):
        root = tmp_path_factory.mktemp("pipeline")
        examples = Importer(
            source_uri=penguin_examples.uri,
            artifact_type=standard_artifacts.Examples,
            properties={"split_names": penguin_examples.split_names},
        ).with_id("Examples")
        finder = LRFinder(
            examples=examples.outputs["result"],
            module_file=penguin_module,
            **NOTHING_TO_FIND,
            **policy,
        )
        ours = LRFinderTrainer(
            examples=examples.outputs["result"],
            module_file=penguin_module,
            lr_finder_result=finder.outputs["lr_finder_result"],
        )
        stock = Trainer(
            examples=examples.outputs["result"],
            module_file=penguin_module,
            hyperparameters=finder.outputs["best_hyperparameters"],
        )
        config = metadata.sqlite_metadata_connection_config(str(root / "metadata.db"))
        run.root = root
        LocalDagRunner().run(
            pipeline.Pipeline(
                pipeline_name="penguins",
                pipeline_root=str(root),
                components=[examples, finder, ours, stock],
                metadata_connection_config=config,
            )
        )
        return metadata_store.MetadataStore(config)

    return run


@pytest.fixture(scope="module")
def store(run_pipeline):
    """The metadata store of a run whose rate is 3.2e-7."""
    return run_pipeline(on_inconclusive="fallback", default_learning_rate=RATE)


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


def test_the_evidence_of_a_failed_search_outlives_its_outputs(run_pipeline):
    with pytest.raises(Exception, match="no learning rate it can vouch for"):
        run_pipeline(on_inconclusive="fail")
    system = run_pipeline.root / "LRFinder" / ".system" / "stateful_working_dir"
    (evidence,) = system.glob("*/lr_finder_result/result.json")
    assert read_result(str(evidence.parent)).verdict.name == "INCONCLUSIVE"
    assert not list(run_pipeline.root.glob("LRFinder/lr_finder_result/*/*"))
