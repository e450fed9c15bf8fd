import json
import pathlib

import pytest

from tfx_lr_finder import artifact
from tfx_lr_finder.lineage.previous import newest_usable, read_previous
from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.verdict import Verdict


def _newest_for_sgd(results):
    return newest_usable(read_previous(results), "SGD", "constant")


def _result_file(result):
    return pathlib.Path(result.uri) / "result.json"


def test_the_newest_ok_result_is_used_in_whatever_order_the_results_come(
    write_results, make_report
):
    reports = [make_report(learning_rate=rate) for rate in (0.1, 0.2, 0.3)]
    results = write_results(*reports)
    for given in (results, results[::-1]):
        found = _newest_for_sgd(given)
        assert found.report.learning_rate == 0.3
        assert "LRFinderResult 3 of 2023-11-14 22:13:20 UTC at " in found.name


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"verdict": Verdict.LOW_CONFIDENCE}, "its verdict is LOW_CONFIDENCE"),
        (
            {"verdict": Verdict.INCONCLUSIVE, "source": "last_good"},
            "its verdict is INCONCLUSIVE",
        ),
        ({"environment": {"optimizer": "Adam"}}, "its optimizer is Adam"),
        (
            {
                "learning_rates_by_schedule": {"cosine": 0.03},
                "config": RangeTestConfig(schedule="cosine"),
            },
            "no rate for the schedule 'constant'",
        ),
    ],
    ids=["in doubt", "itself reused", "another optimizer", "no rate"],
)
def test_a_result_that_may_not_be_used_is_skipped_and_the_log_says_why(
    changes, reason, write_results, make_report, caplog
):
    caplog.set_level("INFO", logger="absl")
    results = write_results(make_report(learning_rate=0.1), make_report(**changes))
    assert _newest_for_sgd(results).report.learning_rate == 0.1
    (line,) = caplog.messages
    assert line.startswith("LRFinder: skipping LRFinderResult 2 ")
    assert reason in line


def test_unreadable_results_are_skipped_with_a_warning_each(
    write_results, make_report, caplog
):
    results = write_results(
        make_report(learning_rate=0.1), make_report(), make_report()
    )
    _result_file(results[1]).write_text("{")
    _result_file(results[2]).unlink()
    (found,) = read_previous(results)
    assert found.report.learning_rate == 0.1
    warnings = [r.message for r in caplog.records if r.levelname == "WARNING"]
    assert [line.split(" of ")[0] for line in warnings] == [
        "LRFinder: skipping LRFinderResult 3",
        "LRFinder: skipping LRFinderResult 2",
    ]


@pytest.mark.parametrize("schema_version", [0, 10**6], ids=["older", "newer"])
def test_a_result_of_another_schema_is_skipped_with_a_warning(
    schema_version, write_results, make_report, caplog
):
    (result,) = write_results(make_report())
    payload = json.loads(_result_file(result).read_text())
    payload["schema_version"] = schema_version
    _result_file(result).write_text(json.dumps(payload))
    assert read_previous([result]) == ()
    assert "skipping LRFinderResult 1" in caplog.text
    assert "schema_version" in caplog.text


def test_the_file_and_not_the_property_says_that_a_result_is_ok(
    write_results, make_inconclusive
):
    (result,) = write_results(make_inconclusive())
    result.set_string_custom_property("verdict", "OK")
    assert _newest_for_sgd([result]) is None


def test_an_imported_result_without_properties_is_read_from_its_file(
    write_results, make_report
):
    (result,) = write_results(make_report(learning_rate=0.02))
    result.mlmd_artifact.custom_properties.clear()
    assert read_previous([result])[0].report.learning_rate == 0.02


def test_without_previous_results_none_is_usable():
    assert _newest_for_sgd([]) is None


def test_a_result_without_number_and_time_is_named_by_its_uri(make_report, make_result):
    result = make_result()
    artifact.write_result(result, make_report())
    (found,) = read_previous([result])
    assert found.name == f"LRFinderResult at {result.uri}"
    assert found.written == ""
