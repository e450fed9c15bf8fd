import numpy as np
import pytest

from tfx_lr_finder.range_test.held_out import compare_rows, period, to_units

BATCH = 16


def hashes(*shape, seed=0):
    return np.random.default_rng(seed).integers(-(2**62), 2**62, shape)


def few_valued(num_rows, num_values, seed=0):
    return np.random.default_rng(seed).integers(0, num_values, num_rows)


@pytest.mark.parametrize(
    ("sequence", "expected"),
    [
        ([], 0),
        ([7], 1),
        ([7, 7, 7], 1),
        ([1, 2, 3, 1, 2, 3, 1], 3),
        ([1, 2, 3, 4, 1], 5),  # one equal row at both ends is chance
        ([1, 2, 3, 4, 5, 6, 1, 2, 3, 4], 6),
        ([1, 2, 3, 4, 5], 5),
    ],
)
def test_a_sequence_repeats_after_its_period(sequence, expected):
    assert period(np.array(sequence, np.int64)) == expected


def test_different_rows_all_count():
    facts = compare_rows(hashes(200), hashes(800, seed=1), BATCH)
    assert facts.kept.all()
    assert facts.overlap_fraction == facts.duplicate_fraction == 0.0
    assert not facts.all_trained_on


def test_a_repeated_dataset_is_cut_to_one_pass():
    facts = compare_rows(np.resize(hashes(40), 256), hashes(800, seed=1), BATCH)
    assert facts.kept.sum() == 40
    assert facts.duplicate_fraction == 0.0


def test_shuffled_copies_count_once_together():
    rows = np.random.default_rng(3).permutation(np.repeat(hashes(40), 6))
    facts = compare_rows(rows, hashes(800, seed=1), BATCH)
    assert len(rows) * (1.0 - facts.duplicate_fraction) == pytest.approx(40.0)


@pytest.mark.parametrize("passes", [1, 3])
@pytest.mark.parametrize("order", ["same", "offset by one", "shuffled"])
def test_training_rows_are_recognised_in_any_order(order, passes):
    train = np.concatenate([hashes(128)] * passes)
    held_out = {
        "same": hashes(128),
        "offset by one": np.roll(hashes(128), 1),
        "shuffled": np.random.default_rng(4).permutation(hashes(128)),
    }[order]
    facts = compare_rows(held_out, train, BATCH)
    assert facts.overlap_fraction == 1.0
    assert facts.all_trained_on


def test_rows_that_are_trained_on_are_left_out():
    held_out = np.concatenate([hashes(30), hashes(70, seed=1)])
    facts = compare_rows(held_out, hashes(500), BATCH)
    fresh = ~np.isin(held_out, hashes(500))
    np.testing.assert_array_equal(facts.kept, fresh)
    assert facts.overlap_fraction == pytest.approx(0.3)


@pytest.mark.parametrize("num_values", [2, 16, 300, 5000])
def test_few_valued_rows_repeat_by_nature(num_values):
    train, held_out = few_valued(2000, num_values), few_valued(500, num_values, 1)
    facts = compare_rows(held_out, train, BATCH)
    assert facts.kept.mean() > 0.9
    assert facts.overlap_fraction < 0.05
    assert facts.duplicate_fraction < 0.1


def test_one_row_over_and_over_is_one_row():
    facts = compare_rows(np.zeros(64, np.int64), hashes(800), BATCH)
    assert facts.kept.sum() == 1


@pytest.mark.parametrize(("num_rows", "num_units"), [(5, 5), (100, 16), (257, 256)])
def test_units_keep_the_mean_of_the_rows(num_rows, num_units):
    rows = np.random.default_rng(0).normal(size=num_rows)
    units = to_units(rows, num_units)
    assert len(units) == num_units
    assert np.mean(units) == pytest.approx(np.mean(rows))
    if num_rows == num_units:
        np.testing.assert_allclose(units, rows)
