"""What LRFinderTrainer does with each thing that a fault may leave behind."""

import json
import pathlib
import shutil

import pytest
from tfx import types
from tfx.types import standard_artifacts

from tests.faults.pods import Pod
from tfx_lr_finder import LRFinderResult, LRFinderTrainer, artifact
from tfx_lr_finder.trainer import Executor

OLD_RATE = 9.0
RATE = 0.03125


@pytest.fixture
def train(tmp_path, penguin_examples, penguin_module):
    """Trains with what lies in a folder; returns the rate that the model got."""

    def run(folder):
        result = LRFinderResult()
        result.uri = str(folder)
        # What ML Metadata says of it, and what the module was trained with so far.
        result.set_string_custom_property("learning_rate", str(OLD_RATE))
        trainer = LRFinderTrainer(
            examples=types.Channel(type=standard_artifacts.Examples),
            module_file=penguin_module,
            custom_config={"learning_rate": OLD_RATE},
        )
        model, model_run = standard_artifacts.Model(), standard_artifacts.ModelRun()
        model.uri, model_run.uri = str(tmp_path / "model"), str(tmp_path / "model_run")
        Executor(Executor.Context(tmp_dir=str(tmp_path), unique_id="1")).Do(
            {"examples": [penguin_examples], "lr_finder_result": [result]},
            {"model": [model], "model_run": [model_run]},
            dict(trainer.exec_properties),
        )
        seen = json.loads((tmp_path / "model_run" / "seen.json").read_text())
        return seen["optimizer_learning_rate"]

    return run


@pytest.fixture
def folder(tmp_path, make_report):
    """The folder of a good result."""
    result = LRFinderResult()
    result.uri = str(tmp_path / "lr_finder_result")
    artifact.write_result(result, make_report(learning_rate=RATE))
    return pathlib.Path(result.uri)


def cut(path):
    path.write_text(path.read_text()[:-2])


def emptied(path):
    path.write_text("")


def filled_with_zeros(path):
    path.write_bytes(bytes(len(path.read_bytes())))


def still_being_written(path):
    path.rename(f"{path}.0123456789abcdef.part")


def deleted(path):
    path.unlink()


def deleted_with_its_folder(path):
    shutil.rmtree(path.parent)


def a_folder(path):
    path.unlink()
    path.mkdir()


def edited_to_no_rate(path):
    path.write_text(path.read_text().replace(f": {RATE},", ": null,"))


def edited_to_text(path):
    path.write_text(path.read_text().replace(f": {RATE},", f': "{RATE}",'))


def edited_to_a_negative_rate(path):
    path.write_text(path.read_text().replace(f": {RATE},", f": -{RATE},"))


def of_a_newer_version(path):
    text = path.read_text()
    path.write_text(text.replace('"schema_version": 2', '"schema_version": 7'))


FAULTS = {
    cut: "cut short",
    emptied: "cut short",
    filled_with_zeros: "is not JSON",
    still_being_written: "There is no result.json",
    deleted: "There is no result.json",
    deleted_with_its_folder: "There is no result.json",
    a_folder: "cannot be read: IsADirectoryError",
    edited_to_no_rate: "is damaged",
    edited_to_text: "is damaged",
    edited_to_a_negative_rate: "expected a positive",
    of_a_newer_version: "schema_version 7",
}


def test_the_trainer_trains_with_the_rate_of_a_whole_result(train, folder):
    assert train(folder) == RATE


@pytest.mark.parametrize("fault", FAULTS)
def test_the_trainer_reports_a_damaged_result_and_does_not_train(
    fault, train, folder, tmp_path
):
    fault(folder / "result.json")
    with pytest.raises(ValueError, match=FAULTS[fault]):
        train(folder)
    assert not (tmp_path / "model_run").exists()


@pytest.mark.long
def test_the_trainer_refuses_the_outputs_of_a_node_that_could_not_write(
    train, processes, tmp_path
):
    pod = Pod(processes, tmp_path / "pod", inject="failing_outputs", seconds=0)
    assert pod.ended() == 1
    assert (pod.root / "lr_finder_result").is_dir()
    with pytest.raises(ValueError, match=r"There is no result\.json"):
        train(pod.root / "lr_finder_result")
