"""A retraining on broken data, as the report and the history show it."""

import pathlib

import pytest

from tests.pipelines.retrainings import NAME, retrain
from tfx_lr_finder import read_result
from tfx_lr_finder.lineage import history, metadata


@pytest.fixture(scope="module")
def entries(tmp_path_factory):
    """The history of a good training and of one on mixed-up tips."""
    root = tmp_path_factory.mktemp("retrainings")
    database = retrain(root, number=2, broken=2, max_drift_decades=0.3)
    return history.read_history(metadata.connect(str(database)), NAME)


@pytest.mark.long
def test_the_history_has_the_span_and_the_data_of_every_run(entries):
    assert [entry.span for entry in entries] == ["1", "2"]
    assert len({entry.data for entry in entries} - {""}) == 2


@pytest.mark.long
def test_a_rate_that_moved_too_far_is_doubted_with_both_numbers(entries):
    before, now = entries
    assert (before.verdict, now.verdict) == ("OK", "LOW_CONFIDENCE")
    assert abs(now.change) > 0.3
    reason = read_result(now.uri).reasons[0]
    assert repr(before.learning_rate) in reason
    assert repr(now.learning_rate) in reason


@pytest.mark.long
def test_the_report_of_the_second_run_shows_the_first(entries):
    page = (pathlib.Path(entries[1].uri) / "report.html").read_text()
    assert "Learning rate of each run" in page
    assert f"LRFinderResult {entries[0].number} of " in page
    assert f"<dt>pipeline</dt><dd>{NAME}</dd>" in page
