import dataclasses
import pathlib

import pytest

from tfx_lr_finder import LRFinder, LRFinderReport, artifact
from tfx_lr_finder.lineage import drift
from tfx_lr_finder.range_test.ladder import rates_by_schedule
from tfx_lr_finder.range_test.verdict import Verdict


@pytest.fixture
def at_rate(make_report):
    """Makes a report of a rate for constant training."""

    def make(rate, **changes):
        by_schedule = rates_by_schedule(rate)
        return make_report(
            learning_rate=rate, learning_rates_by_schedule=by_schedule, **changes
        )

    return make


@pytest.fixture
def earlier(make_result):
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


@pytest.mark.parametrize(("before", "now"), [(0.001, 0.05), (0.05, 0.001)])
def test_a_jump_is_a_doubt_that_names_both_rates(before, now, at_rate, earlier):
    report = drift.with_earlier(at_rate(now), earlier(at_rate(before)), 1.0)
    assert report.verdict is Verdict.LOW_CONFIDENCE
    for said in (repr(before), repr(now), "1.70 decades", "LRFinderResult 1 of 2023"):
        assert said in report.reasons[0]
    assert report.learning_rate == now


@pytest.mark.parametrize("max_drift_decades", [1.0, 0.31])
def test_a_small_move_is_no_doubt(max_drift_decades, at_rate, earlier):
    report = drift.with_earlier(
        at_rate(0.02), earlier(at_rate(0.01)), max_drift_decades
    )
    assert (report.verdict, report.reasons) == (Verdict.OK, ())


def test_max_change_is_where_the_doubt_begins(at_rate, earlier):
    report = drift.with_earlier(at_rate(0.02), earlier(at_rate(0.01)), 0.3)
    assert report.verdict is Verdict.LOW_CONFIDENCE


def test_a_jump_comes_before_other_reasons_and_leaves_the_worse_verdict(
    at_rate, earlier
):
    doubted = at_rate(0.5, verdict=Verdict.LOW_CONFIDENCE, reasons=("Noise.",))
    report = drift.with_earlier(doubted, earlier(at_rate(0.001)), 1.0)
    assert report.verdict is Verdict.LOW_CONFIDENCE
    assert report.reasons[0].startswith("The learning rate moved by")
    assert report.reasons[1:] == ("Noise.",)


def test_it_is_the_newest_good_result_that_counts(at_rate, earlier):
    doubted = at_rate(9.0, verdict=Verdict.LOW_CONFIDENCE)
    results = earlier(at_rate(1e-5), at_rate(0.02), doubted)
    assert drift.with_earlier(at_rate(0.03), results, 1.0).verdict is Verdict.OK


def test_another_optimizer_is_another_story(at_rate, earlier):
    (result,) = earlier(at_rate(1e-5, environment={"optimizer": "Adam"}))
    report = drift.with_earlier(at_rate(0.03), [result], 1.0)
    assert report.verdict is Verdict.OK
    assert [item.learning_rate for item in report.earlier] == [1e-5]


def test_the_rates_of_a_schedule_are_compared_with_each_other(at_rate, earlier):
    config = dataclasses.replace(at_rate(0.01).config, schedule="one_cycle")
    now = at_rate(0.01, config=config)
    now = dataclasses.replace(now, learning_rate=0.03)
    assert drift.with_earlier(now, earlier(at_rate(0.01)), 0.1).verdict is Verdict.OK


def test_an_inconclusive_report_keeps_its_verdict_and_shows_the_rates(
    at_rate, earlier, make_inconclusive
):
    report = drift.with_earlier(make_inconclusive(), earlier(at_rate(1e-5)), 1.0)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert [item.learning_rate for item in report.earlier] == [1e-5]


def test_earlier_rates_are_kept_in_the_file_oldest_first(at_rate, earlier):
    results = earlier(at_rate(0.01), at_rate(0.02), at_rate(3.2e-7))
    report = drift.with_earlier(at_rate(0.03), results[::-1], 1.0)
    back = LRFinderReport.from_json(report.to_json())
    assert repr(back) == repr(report)
    assert [item.learning_rate for item in back.earlier] == [0.01, 0.02, 3.2e-7]
    assert back.earlier[0].when == "2023-11-14T22:13:20+00:00"


def test_an_imported_result_without_properties_is_read_from_its_file(at_rate, earlier):
    (result,) = earlier(at_rate(0.02))
    for name in list(result.mlmd_artifact.custom_properties):
        del result.mlmd_artifact.custom_properties[name]
    report = drift.with_earlier(at_rate(0.03), [result], 1.0)
    assert [item.learning_rate for item in report.earlier] == [0.02]


@pytest.mark.parametrize("stored", ["nonsense", "nan", "-1"])
def test_nonsense_in_the_store_fails_nothing(stored, at_rate, earlier):
    (result,) = earlier(at_rate(0.02))
    result.set_string_custom_property("learning_rate", stored)
    (pathlib.Path(result.uri) / "result.json").unlink()
    report = drift.with_earlier(at_rate(0.03), [result], 1.0)
    assert [item.learning_rate for item in report.earlier] == [None]
    assert report.verdict is Verdict.OK


def test_without_earlier_results_nothing_is_compared(at_rate):
    report = at_rate(0.03)
    assert drift.with_earlier(report, [], 1.0) == report


@pytest.mark.parametrize("max_drift_decades", [0, -1, float("nan"), "1"])
def test_a_senseless_max_change_is_refused_when_the_pipeline_is_written(
    max_drift_decades, penguin_examples
):
    from tfx import types

    channel = types.Channel(type=type(penguin_examples))
    with pytest.raises(ValueError, match="max_drift_decades must be"):
        LRFinder(examples=channel, run_fn="a.b", max_drift_decades=max_drift_decades)
