import pytest
from tfx.types import standard_artifacts

from tfx_lr_finder import (
    LastGoodKeeper,
    LRFinderResult,
    artifact,
    last_good_importer,
    read_result,
)
from tfx_lr_finder.lineage.keeper import Executor
from tfx_lr_finder.lineage.previous import read_previous


def _blessing(is_blessed):
    blessing = standard_artifacts.ModelBlessing()
    blessing.set_int_custom_property("blessed", int(is_blessed))
    return blessing


@pytest.fixture
def keep(make_result, tmp_path):
    """Runs the executor on a report; returns the folder that it keeps results in."""
    destination = tmp_path / "good"

    def run(report, *blessings):
        result = make_result()
        artifact.write_result(result, report)
        inputs = {"lr_finder_result": [result], "model_blessing": list(blessings)}
        Executor().Do(inputs, {}, {"destination": str(destination)})
        return destination

    return run


def test_a_good_result_of_a_blessed_model_is_kept(keep, make_report):
    report = make_report()
    assert repr(read_result(str(keep(report, _blessing(True))))) == repr(report)


def test_a_newer_good_result_replaces_the_kept_one_without_a_trace(keep, make_report):
    keep(make_report())
    newer = make_report(learning_rate=0.02)
    folder = keep(newer)
    assert repr(read_result(str(folder))) == repr(newer)
    assert [path.name for path in folder.iterdir()] == ["result.json"]


def test_a_result_whose_model_was_not_blessed_is_not_kept(keep, make_report):
    first = make_report()
    keep(first, _blessing(True))
    folder = keep(make_report(learning_rate=0.02), _blessing(False))
    assert repr(read_result(str(folder))) == repr(first)


def test_an_inconclusive_result_is_not_kept(keep, make_inconclusive):
    assert not keep(make_inconclusive(), _blessing(True)).exists()


def test_an_imported_folder_that_is_still_empty_is_no_previous_result(tmp_path):
    imported = LRFinderResult()
    imported.uri = str(tmp_path / "never written")
    assert read_previous([imported]) == ()


def test_the_importer_has_one_output_previous():
    node = last_good_importer("gs://bucket/good")
    assert list(node.outputs) == ["previous"]
    assert node.id == "LastGood"


def test_a_keeper_without_a_destination_is_rejected():
    results = last_good_importer("gs://bucket/good").outputs["previous"]
    with pytest.raises(ValueError, match="needs a destination"):
        LastGoodKeeper(lr_finder_result=results, destination="")
