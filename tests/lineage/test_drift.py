import dataclasses

import pytest
from tfx import types

from tfx_lr_finder import LRFinder, LRFinderReport
from tfx_lr_finder.lineage import drift
from tfx_lr_finder.lineage.previous import read_previous
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
def compare(write_results):
    """Compares a report with previous reports, given from the oldest to the newest."""

    def compare(report, *previous, max_drift_decades=1.0):
        results = read_previous(write_results(*previous))
        return drift.compare(report, results, max_drift_decades)

    return compare


@pytest.mark.parametrize(("before", "now"), [(0.001, 0.05), (0.05, 0.001)])
def test_a_jump_lowers_the_verdict_and_its_reason_names_both_rates(
    before, now, at_rate, compare
):
    report = compare(at_rate(now), at_rate(before))
    assert report.verdict is Verdict.LOW_CONFIDENCE
    for part in (repr(before), repr(now), "1.70 decades", "LRFinderResult 1 of 2023"):
        assert part in report.reasons[0]
    assert report.learning_rate == now


@pytest.mark.parametrize("max_drift_decades", [1.0, 0.31])
def test_a_change_within_max_drift_decades_keeps_the_verdict(
    max_drift_decades, at_rate, compare
):
    report = compare(at_rate(0.02), at_rate(0.01), max_drift_decades=max_drift_decades)
    assert (report.verdict, report.reasons) == (Verdict.OK, ())


def test_a_change_just_beyond_max_drift_decades_lowers_the_verdict(at_rate, compare):
    report = compare(at_rate(0.02), at_rate(0.01), max_drift_decades=0.3)
    assert report.verdict is Verdict.LOW_CONFIDENCE


def test_a_jump_is_the_first_reason_and_keeps_a_lower_verdict(at_rate, compare):
    doubted = at_rate(0.5, verdict=Verdict.LOW_CONFIDENCE, reasons=("Noise.",))
    report = compare(doubted, at_rate(0.001))
    assert report.verdict is Verdict.LOW_CONFIDENCE
    assert report.reasons[0].startswith("The learning rate moved by")
    assert report.reasons[1:] == ("Noise.",)


def test_the_rate_is_compared_with_the_newest_ok_result(at_rate, compare):
    doubted = at_rate(9.0, verdict=Verdict.LOW_CONFIDENCE)
    report = compare(at_rate(0.03), at_rate(1e-5), at_rate(0.02), doubted)
    assert report.verdict is Verdict.OK


def test_the_rate_is_not_compared_with_that_of_another_optimizer(at_rate, compare):
    report = compare(at_rate(0.03), at_rate(1e-5, environment={"optimizer": "Adam"}))
    assert report.verdict is Verdict.OK
    assert [item.learning_rate for item in report.previous] == [1e-5]


def test_rates_are_compared_for_the_same_schedule(at_rate, compare):
    config = dataclasses.replace(at_rate(0.01).config, schedule="one_cycle")
    now = at_rate(0.01, config=config)
    now = dataclasses.replace(now, learning_rate=0.03)
    report = compare(now, at_rate(0.01), max_drift_decades=0.1)
    assert report.verdict is Verdict.OK


def test_an_inconclusive_report_keeps_its_verdict_and_lists_the_previous_rates(
    at_rate, compare, make_inconclusive
):
    report = compare(make_inconclusive(), at_rate(1e-5))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert [item.learning_rate for item in report.previous] == [1e-5]


def test_the_file_lists_the_previous_rates_oldest_first(at_rate, compare):
    report = compare(at_rate(0.03), at_rate(0.01), at_rate(0.02), at_rate(3.2e-7))
    back = LRFinderReport.from_json(report.to_json())
    assert repr(back) == repr(report)
    assert [item.learning_rate for item in back.previous] == [0.01, 0.02, 3.2e-7]
    assert back.previous[0].when == "2023-11-14T22:13:20+00:00"


@pytest.mark.parametrize("max_drift_decades", [0, -1, float("nan"), "1"])
def test_max_drift_decades_must_be_a_positive_number(
    max_drift_decades, penguin_examples
):
    channel = types.Channel(type=type(penguin_examples))
    with pytest.raises(ValueError, match="max_drift_decades must be"):
        LRFinder(examples=channel, run_fn="a.b", max_drift_decades=max_drift_decades)
