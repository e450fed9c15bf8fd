"""A schedule, a helper, a scope and a second fit, in one module and one pipeline."""

import json
import pathlib

import pytest
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.proto import trainer_pb2
from tfx.types import standard_artifacts

from tfx_lr_finder import LRFinder, LRFinderTrainer, read_result

MODULE = pathlib.Path(__file__).parent / "two_fits" / "two_fits_module.py"

pytestmark = pytest.mark.long


@pytest.fixture(scope="module", params=["keras", "tf_keras"])
def finished(request, penguin_examples, tmp_path_factory):
    """The report, what the module saw, and what was written down."""
    root = tmp_path_factory.mktemp(request.param)
    examples = Importer(
        source_uri=penguin_examples.uri,
        artifact_type=standard_artifacts.Examples,
        properties={"split_names": penguin_examples.split_names},
    ).with_id("Examples")
    shared = {
        "examples": examples.outputs["result"],
        "module_file": str(MODULE),
        "train_args": trainer_pb2.TrainArgs(num_steps=100),
        "custom_config": {"keras": request.param},
    }
    finder = LRFinder(
        **shared, on_inconclusive="fallback", default_learning_rate=0.0123
    )
    trainer = LRFinderTrainer(
        **shared,
        lr_finder_result=finder.outputs["lr_finder_result"],
        on_unused="fail",
    )
    database = str(root / "metadata.sqlite")
    LocalDagRunner().run(
        pipeline.Pipeline(
            pipeline_name="two_fits",
            pipeline_root=str(root),
            components=[examples, finder, trainer],
            metadata_connection_config=metadata.sqlite_metadata_connection_config(
                database
            ),
        )
    )
    (result,) = root.glob("LRFinder/lr_finder_result/*")
    (model_run,) = root.glob("LRFinderTrainer/model_run/*")
    names = ("seen.json", "learning_rate_used.json")
    seen, used = (json.loads((model_run / name).read_text()) for name in names)
    return read_result(str(result)), seen, used


def test_the_schedule_of_the_first_fit_peaks_at_the_rate_found(finished):
    report, seen, used = finished
    found = report.learning_rates_by_schedule.get("cosine", report.learning_rate)
    assert seen["schedule"] == "CosineDecay"
    assert seen["at step 10"] == pytest.approx(found)
    assert seen["steps"] == 100
    assert used["learning_rate_used"] == found
    assert used["schedule"] == "cosine"
    assert used["replaced"] == "CosineDecay with the peak 7"


def test_the_second_fit_has_the_rate_that_the_module_wrote(finished):
    _, seen, used = finished
    assert seen["second"] == pytest.approx(1e-5)
    assert used["num_fits"] == 2


def test_the_finder_tests_the_model_of_the_first_fit(finished):
    report, _, _ = finished
    assert report.environment["num_parameters"] == 4 * 8 + 8 + 8 * 3 + 3
    assert report.environment["replaced_learning_rate"] == "CosineDecay"
    assert report.config.train_steps == 100
