"""The retraining benchmark's scores, tables, data and figure."""

import dataclasses
import json

import numpy as np
import pytest

from benchmarks.regret import REGRET_CAP
from benchmarks.retraining import data, figure, report, score
from benchmarks.retraining.score import CONTESTANTS, Choice, Measured, excess


def _measured(number, *, losses=None, broken=False, verdict="OK", seconds=1.5):
    """A span whose best rate is 0.01 with the loss 0.2; nothing learned costs 1."""
    losses = {name: (0.2, 0.2) for name in CONTESTANTS} | (losses or {})
    choices = [
        Choice(
            contestant=name,
            learning_rate=0.01,
            losses=both,
            steps=100,
            seconds=seconds,
            verdict=verdict if "LRFinder" in name else "",
        )
        for name, both in losses.items()
    ]
    return Measured(
        family="taxi",
        span=number,
        change="new trips",
        broken=broken,
        optimizer="Adam",
        batch_size=64,
        train_steps=400,
        rates=(0.001, 0.01, 1.0),
        losses=((0.5, 0.5), (0.1, 0.3), (np.nan, 0.0)),
        untrained=3.0,
        prior=1.0,
        choices=tuple(choices),
    )


def test_excess_is_0_for_the_best_1_for_no_training_and_capped_where_it_diverges():
    found = excess([0.2, 1.0, np.nan, 50.0, 0.1], best=0.2, reference=1.0)
    np.testing.assert_allclose(found, [0.0, 1.0, REGRET_CAP, REGRET_CAP, -0.125])


def test_a_rate_that_diverges_from_one_seed_is_not_the_best():
    assert _measured(1).best() == pytest.approx((0.01, 0.2))


def test_a_contestant_that_beats_every_rate_of_the_truth_is_the_best():
    span = _measured(1, losses={score.SEARCH: (0.1, 0.2)})
    assert span.best()[1] == pytest.approx(0.15)
    assert np.mean(span.excess(score.SEARCH)) == pytest.approx(0.0)


def test_the_reference_is_the_better_of_the_untrained_model_and_the_prior():
    assert _measured(1).reference == 1.0


def test_only_trainings_that_lose_over_a_quarter_of_the_gain_are_bad():
    spans = [_measured(1, losses={score.FIXED: (0.39, 0.41)}), _measured(2)]
    found = score.total(spans, score.FIXED)
    assert (found.bad, found.trainings) == (1, 4)
    assert found.worst == pytest.approx(0.25)


def test_wins_ties_and_losses_add_up_to_the_spans():
    spans = [
        _measured(1, losses={score.FIXED: (0.6, 0.6)}),
        _measured(2),
        _measured(3, losses={score.LAST_GOOD: (0.6, 0.6)}),
    ]
    assert score.wins(spans, score.LAST_GOOD, score.FIXED, 0.02) == (1, 1, 1)


def test_a_span_that_no_rate_can_learn_is_not_learnable():
    hopeless = dataclasses.replace(_measured(1), prior=0.205)
    assert _measured(1).learnable
    assert not hopeless.learnable


def test_broken_spans_count_in_their_own_table_only():
    spans = [_measured(1), _measured(2, broken=True, verdict="INCONCLUSIVE")]
    text = report.document(spans, "a command")
    assert "0 of 1" in text.split("## By family")[0]
    assert "1 learnable spans" in text
    others = text.split("## Spans that cannot be learned")[1].split("## Each")[0]
    assert "INCONCLUSIVE |       stops" in others


def test_two_runs_differ_in_their_seconds_only():
    slow, fast = (
        report.document([_measured(1, seconds=s)], "a command").split("## Seconds")
        for s in (10.0, 20.0)
    )
    assert slow[0] == fast[0]
    assert slow[1] != fast[1]


def test_the_numbers_are_strict_json_and_come_back():
    spans = [_measured(1), _measured(2, losses={score.FIXED: (np.nan, 0.4)})]
    found = report.as_json(spans, "a command")
    text = json.dumps(found, allow_nan=False)
    assert "seconds" not in json.dumps(found["spans"])
    again = report.from_json(json.loads(text))
    assert report.as_json(again, "a command") == found
    assert np.isnan(again[1].of(score.FIXED).losses[0])


@pytest.mark.parametrize("mode", figure.MODES)
def test_the_figure_is_a_picture(mode, tmp_path):
    path = tmp_path / "figure.png"
    figure.write([_measured(1), _measured(2, broken=True)], path, mode)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_span_of_trips_is_the_same_twice_and_differs_from_the_next():
    first, again, following = data.taxi(1), data.taxi(1), data.taxi(2)
    np.testing.assert_array_equal(first.train.features, again.train.features)
    assert (first.train.features != following.train.features).any()
    np.testing.assert_array_equal(first.test.features, following.test.features)


def test_units_change_only_the_numbers_they_name():
    metric = data.taxi(1, factors=(1.0, 1609.0, 1.0)).test.features
    before = data.taxi(1, factors=(1.0, 1.0, 1.0)).test.features
    np.testing.assert_allclose(metric[:, 1], 1609.0 * before[:, 1], rtol=1e-6)
    np.testing.assert_array_equal(np.delete(metric, 1, 1), np.delete(before, 1, 1))


def test_the_share_of_positives_and_of_inverted_labels_is_what_was_asked_for():
    thin = data.taxi(1, positives=0.05)
    assert np.mean(thin.test.labels) == pytest.approx(0.05, abs=0.002)
    noisy, clean = data.taxi(1, flipped=0.2), data.taxi(1)
    changed = np.mean(noisy.train.labels != clean.train.labels)
    assert changed == pytest.approx(0.2, abs=0.02)


def test_the_prior_of_shuffled_labels_is_their_entropy():
    shuffled = data.taxi(1, shuffled=True)
    share = np.mean(shuffled.test.labels)
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    assert data.prior_loss(shuffled) == pytest.approx(entropy, abs=0.002)
    assert data.prior_loss(data.digits(1)) == pytest.approx(np.log(10), abs=0.05)
