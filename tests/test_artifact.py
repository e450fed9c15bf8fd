import hashlib
import json
import pathlib
import re

import keras_tuner
import pytest
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2
from tfx.types import standard_artifacts

from tfx_lr_finder import (
    LRFinderPage,
    LRFinderResult,
    LRFinderScalars,
    artifact,
    read_result,
    result_file,
)
from tfx_lr_finder.range_test.verdict import Verdict

AWKWARD_RATES = (3.2e-7, 0.1 + 0.2, 1.2638e-6, 5e-324, 1 / 3)


@pytest.fixture
def store(tmp_path):
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(tmp_path / "metadata.sqlite")
    return metadata_store.MetadataStore(config)


def _through(store, result):
    """Puts an artifact into ML Metadata and takes it out again."""
    type_id = store.put_artifact_type(result.artifact_type)
    result.mlmd_artifact.type_id = type_id
    (artifact_id,) = store.put_artifacts([result.mlmd_artifact])
    (stored,) = store.get_artifacts_by_id([artifact_id])
    back = LRFinderResult()
    back.set_mlmd_artifact(stored)
    return back


@pytest.mark.parametrize("rate", AWKWARD_RATES)
def test_a_rate_keeps_full_precision_in_ml_metadata(
    rate, make_report, make_result, store
):
    result = make_result()
    artifact.write_result(result, make_report(learning_rate=rate))
    back = _through(store, result)
    assert float(back.get_string_custom_property("learning_rate")) == rate
    assert read_result(back).learning_rate == rate


def test_custom_properties_are_strings_and_ints_that_survive_the_store(
    make_report, make_result, store
):
    result = make_result()
    report = make_report(learning_rate=0.03, learning_rate_range=(0.006, 0.06))
    artifact.write_result(result, report)
    stored = _through(store, result).mlmd_artifact.custom_properties
    values = {
        name: getattr(value, value.WhichOneof("value"))
        for name, value in stored.items()
    }
    assert values == {
        "learning_rate": "0.03",
        "min_learning_rate": "0.006",
        "max_learning_rate": "0.06",
        "verdict": "OK",
        "reasons": "",
        "source": "confirmed",
        "stop_reason": "DIVERGED",
        "rule": "valley",
        "steps_spent": report.steps_spent,
        "num_rates": 100,
        "optimizer": "SGD",
        "keras": "3.12.4",
        "schema_version": 2,
        "result_sha256": hashlib.sha256(
            (pathlib.Path(result.uri) / "result.json").read_bytes()
        ).hexdigest(),
    }
    assert {type(value) for value in values.values()} == {str, int}


@pytest.mark.parametrize("has_folder", [True, False])
def test_the_page_is_in_the_folder_of_the_uri_if_the_runner_made_one(
    has_folder, tmp_path
):
    page = LRFinderPage()
    page.uri = str(tmp_path / "lr_finder_page")
    if has_folder:
        (tmp_path / "lr_finder_page").mkdir()
    expected = f"{page.uri}/report.html" if has_folder else page.uri
    assert artifact.page_file(page) == expected


def test_the_scalars_leave_out_a_rate_that_there_is_not(make_inconclusive, make_report):
    with_rate, without = LRFinderScalars(), LRFinderScalars()
    artifact.write_scalars(with_rate, make_report(learning_rate=0.001))
    artifact.write_scalars(without, make_inconclusive())
    assert with_rate.get_float_custom_property("log10_learning_rate") == -3.0
    assert not without.has_custom_property("learning_rate")
    assert not without.has_custom_property("log10_learning_rate")
    assert without.get_string_custom_property("verdict") == "INCONCLUSIVE"


def test_a_report_without_a_rate_has_empty_strings(make_inconclusive, make_result):
    result = make_result()
    artifact.write_result(result, make_inconclusive())
    assert result.get_string_custom_property("learning_rate") == ""
    assert result.has_custom_property("learning_rate")
    assert read_result(result).verdict is Verdict.INCONCLUSIVE


def test_source_verdict_and_reasons_are_custom_properties(
    make_inconclusive, make_result, store
):
    result = make_result()
    report = make_inconclusive(
        learning_rate=0.25, source="last_good", reasons=("No fall.", "From before.")
    )
    artifact.write_result(result, report)
    back = _through(store, result)
    assert back.get_string_custom_property("verdict") == "INCONCLUSIVE"
    assert back.get_string_custom_property("source") == "last_good"
    assert back.get_string_custom_property("reasons") == "No fall. From before."


def test_read_result_takes_an_artifact_or_a_uri(make_report, make_result):
    result = make_result()
    report = make_report()
    artifact.write_result(result, report)
    assert repr(read_result(result)) == repr(report)
    assert repr(read_result(result.uri)) == repr(report)


EDITS = {
    "rate": ('"learning_rate": 0.03', '"learning_rate": 50', "learning_rate is 50.0"),
    "huge rate": ('"learning_rate": 0.03', '"learning_rate": 1e300', "is 1e.300"),
    "schedule": ('"constant": 0.03', '"constant": 0.5', "'constant'. is 0.5"),
    "range": ("0.006", "0.05", "outside of learning_rate_range"),
    "verdict": ('"verdict": "OK"', '"verdict": "INCONCLUSIVE"', "INCONCLUSIVE, but"),
    "source": ('"source": "confirmed"', '"source": "none"', "source is 'none'"),
    "steps": ('"sweeps": 249', '"sweeps": 248', "steps"),
}


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("is_imported", [True, False])
def test_a_result_that_contradicts_itself_is_refused(
    name, is_imported, make_report, make_result
):
    old, new, complaint = EDITS[name]
    result = make_result()
    report = make_report(learning_rate=0.03, learning_rate_range=(0.006, 0.06))
    artifact.write_result(result, report)
    path = pathlib.Path(result.uri) / "result.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ValueError, match=complaint):
        read_result(result.uri if is_imported else result)


def test_a_consistent_edit_is_found_by_the_digest(make_report, make_result, caplog):
    caplog.set_level("INFO", logger="absl")
    result = make_result()
    artifact.write_result(result, make_report(learning_rate=0.03))
    assert read_result(result).learning_rate == 0.03
    assert "no digest" not in caplog.text
    result_file.write_report(result.uri, make_report(learning_rate=0.5))
    with pytest.raises(ValueError, match="changed after LRFinder wrote it"):
        read_result(result)
    imported = make_result()
    assert read_result(imported).learning_rate == 0.5
    assert f"no digest to check {imported.uri}" in caplog.text


def test_a_huge_file_is_refused_before_it_is_read(make_report, make_result):
    result = make_result()
    artifact.write_result(result, make_report())
    with open(pathlib.Path(result.uri) / "result.json", "ab") as file:
        file.truncate(3 * 2**30)  # sparse
    with pytest.raises(ValueError, match="larger than 67108864 bytes"):
        read_result(result)


def test_the_error_of_a_missing_result_file_names_the_folder(tmp_path):
    with pytest.raises(ValueError, match=f"no result.json at '{tmp_path}'"):
        read_result(str(tmp_path))


def test_an_artifact_without_a_uri_is_rejected():
    with pytest.raises(ValueError, match="Pass an LRFinderResult"):
        read_result(LRFinderResult())


def _with_cosine(text, value):
    """The file with another peak rate of the cosine schedule."""
    edited, count = re.subn(r'"cosine": [\d.]+', f'"cosine": {value}', text)
    assert count == 1
    return edited


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        (lambda text: text[: len(text) // 2], "cut short"),
        (lambda text: "", "cut short"),
        (
            lambda text: text.replace('"schema_version": 2', '"schema_version": 999'),
            "Upgrade tfx-lr-finder",
        ),
        (lambda text: text.replace('"verdict"', '"verdikt"'), "damaged"),
        (
            lambda text: text.replace(
                '"learning_rate": 0.03', '"learning_rate": -1', 1
            ),
            "learning_rate is -1, expected a positive",
        ),
        (lambda text: _with_cosine(text, "-0.09"), "'cosine'"),
        (lambda text: _with_cosine(text, '"9"'), "is '9', expected"),
        (lambda text: _with_cosine(text, "NaN"), "edited"),
        (lambda text: text.replace("0.006", "6.0"), "expected the lower rate first"),
        (
            lambda text: text.replace('"learning_rate": 0.03', '"learning_rate": true'),
            "learning_rate is True, expected a positive",
        ),
    ],
    ids=[
        "truncated",
        "empty",
        "newer",
        "damaged",
        "edited",
        "another rate",
        "a string",
        "no number",
        "range",
        "a bool",
    ],
)
def test_the_error_of_a_damaged_result_file_names_the_file(
    edit, complaint, make_report, make_result
):
    result = make_result()
    report = make_report(learning_rate=0.03, learning_rate_range=(0.006, 0.06))
    artifact.write_result(result, report)
    path = pathlib.Path(result.uri) / "result.json"
    path.write_text(edit(path.read_text()))
    with pytest.raises(ValueError, match=complaint) as raised:
        read_result(result)
    assert str(path) in str(raised.value)


def _written(base_config, tmp_path, **kwargs):
    """The hyperparameters as keras_tuner reads the only file of the artifact."""
    output = standard_artifacts.HyperParameters()
    output.uri = str(tmp_path / "best_hyperparameters")
    artifact.write_hyperparameters(output, 3.2e-7, base_config, **kwargs)
    (path,) = pathlib.Path(output.uri).iterdir()
    assert path.name == "best_hyperparameters.txt"
    return keras_tuner.HyperParameters.from_config(json.loads(path.read_text()))


def test_hyperparameters_with_the_rate_alone_are_valid(tmp_path):
    assert _written(None, tmp_path).get("learning_rate") == 3.2e-7


def test_only_the_rate_among_the_hyperparameters_is_replaced(tuner_config, tmp_path):
    written = _written(tuner_config, tmp_path)
    assert written.values == {"learning_rate": 3.2e-7, "num_layers": 3}
    assert [type(entry).__name__ for entry in written.space] == ["Int", "Fixed"]


def test_the_written_rate_wins_over_a_choice_in_the_users_code(tuner_config, tmp_path):
    written = _written(tuner_config, tmp_path)
    assert written.Choice("learning_rate", [1e-2, 1e-3]) == 3.2e-7


def test_the_rate_has_the_given_name(tuner_config, tmp_path):
    written = _written(tuner_config, tmp_path, name="lr")
    assert written.get("lr") == 3.2e-7
    assert written.get("learning_rate") == 1e-2
