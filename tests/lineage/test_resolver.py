import dataclasses
import pathlib

import pytest

from tfx_lr_finder import LRFinderResult, artifact, last_good_resolver
from tfx_lr_finder.lineage import resolver
from tfx_lr_finder.range_test.verdict import Verdict


@pytest.fixture
def earlier(make_report, make_result):
    """Makes earlier results, the later ones newer, and returns them oldest first."""

    def make(*reports):
        results = []
        for number, report in enumerate(reports, start=1):
            result = make_result(f"result_{number}")
            result.id = number
            result.mlmd_artifact.create_time_since_epoch = 1_700_000_000_000 + number
            artifact.write_result(result, report)
            results.append(result)
        return results

    return make


def test_the_newest_good_result_is_taken_whatever_the_order(
    earlier, make_report, make_inconclusive
):
    results = earlier(*(make_report(learning_rate=rate) for rate in (0.1, 0.2, 0.3)))
    for given in (results, results[::-1]):
        found = resolver.find_last_good(given, make_inconclusive())
        assert found.report.learning_rate == 0.3
        assert "LRFinderResult 3 of 2023-11-14 22:13:20 UTC at " in found.name


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": Verdict.LOW_CONFIDENCE},
        {"verdict": Verdict.INCONCLUSIVE, "source": "last_good"},
        {"environment": {"optimizer": "Adam"}},
        {"learning_rates_by_schedule": {}},
    ],
    ids=["in doubt", "itself reused", "another optimizer", "no rate"],
)
def test_a_newer_result_that_may_not_stand_in_is_passed_over(
    changes, earlier, make_report, make_inconclusive, caplog
):
    caplog.set_level("INFO", logger="absl")
    results = earlier(make_report(learning_rate=0.1), make_report(**changes))
    found = resolver.find_last_good(results, make_inconclusive())
    assert found.report.learning_rate == 0.1
    assert any("passing over LRFinderResult 2 " in line for line in caplog.messages)


def test_a_file_that_cannot_be_read_is_passed_over_and_named(
    earlier, make_report, make_inconclusive, caplog
):
    results = earlier(make_report(learning_rate=0.1), make_report(), make_report())
    (pathlib.Path(results[1].uri) / "result.json").write_text("{")
    (pathlib.Path(results[2].uri) / "result.json").unlink()
    found = resolver.find_last_good(results, make_inconclusive())
    assert found.report.learning_rate == 0.1
    assert sum("passing over" in line for line in caplog.messages) == 2


def test_the_file_and_not_the_property_says_that_a_result_is_ok(
    earlier, make_inconclusive
):
    (result,) = earlier(make_inconclusive())
    result.set_string_custom_property("verdict", "OK")
    assert resolver.find_last_good([result], make_inconclusive()) is None


def test_no_results_give_nothing(make_inconclusive):
    assert resolver.find_last_good([], make_inconclusive()) is None


def test_the_strategy_gives_ok_results_newest_first_and_few(
    earlier, make_report, make_inconclusive
):
    good = earlier(make_report(), make_inconclusive(), make_report(), make_report())
    strategy = resolver.LatestOkStrategy(num_results=2)
    resolved = strategy.resolve_artifacts(None, {"previous": good})
    assert [result.id for result in resolved["previous"]] == [4, 3]


def test_the_strategy_does_not_fail_the_first_run():
    strategy = resolver.LatestOkStrategy()
    assert strategy.resolve_artifacts(None, {"previous": []}) == {"previous": []}


def test_the_resolver_is_named_after_the_finder_it_looks_for():
    node = last_good_resolver("LRFinder.wide", num_results=3)
    assert node.id == "LastGood.LRFinder.wide"
    assert node.outputs["previous"].type is LRFinderResult
    (channel,) = node.raw_inputs.values()
    assert channel.producer_component_id == "LRFinder.wide"


def test_a_result_without_a_time_is_still_named(make_report, make_result):
    result = make_result()
    artifact.write_result(result, dataclasses.replace(make_report()))
    found = resolver.find_last_good([result], make_report())
    assert found.name == f"LRFinderResult at {result.uri}"
