"""Where the report of a failed test is found, from its error alone."""

import pathlib

import pytest

from tfx_lr_finder import read_result
from tfx_lr_finder.runtime import evidence


@pytest.fixture
def report(make_inconclusive):
    return make_inconclusive()


def _keep(report, evidence_dir=None, default_folder=None):
    folders = {"evidence_dir": evidence_dir, "default_folder": default_folder}
    folders = {name: value and str(value) for name, value in folders.items()}
    return evidence.keep(report, {}, **folders)


def test_each_failure_gets_its_own_folder_in_evidence_dir(report, tmp_path):
    default = tmp_path / "default"
    sentences = [_keep(report, tmp_path / "kept", default) for _ in range(2)]
    named = {pathlib.Path(text.rpartition(" are in ")[2]) for text in sentences}
    assert named == set((tmp_path / "kept").iterdir())
    assert len(named) == 2
    assert {read_result(str(folder)).verdict for folder in named} == {report.verdict}
    assert not default.exists()


def test_without_any_folder_the_sentence_names_the_log_and_evidence_dir(report, caplog):
    sentence = _keep(report)
    assert sentence.startswith("Only the log of this node has the report")
    assert "Set evidence_dir" in sentence
    assert report.to_json() in caplog.text


def test_a_folder_that_cannot_be_written_leaves_the_log_and_says_why(report, tmp_path):
    (tmp_path / "file").write_text("")
    sentence = _keep(report, default_folder=tmp_path / "file")
    assert sentence.startswith("Only the log of this node has the report")
    assert f"{tmp_path / 'file'} cannot be written: FileExistsError" in sentence
