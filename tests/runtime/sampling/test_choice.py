import collections
import random

import pytest
from scipy import stats

from tests.runtime.sampling.sampled_data import IN_MEMORY  # noqa: F401 - Beam loads first
from tfx_lr_finder.runtime.sampling.choice import (
    Entry,
    checksum,
    choose,
    record_keys,
)


def _entries(labels, seed=0):
    key_of = record_keys(seed, "file")
    return [
        Entry(key_of(place, b"%d" % place), b"%d" % place, 0, label)
        for place, label in enumerate(labels)
    ]


def _largest(entries, number):
    return sorted(entries, reverse=True)[:number]


def _by_label(entries, number):
    groups = collections.defaultdict(list)
    for entry in entries:
        groups[entry.label].append(entry)
    return {label: _largest(group, number) for label, group in groups.items()}


def _counts(sample):
    return collections.Counter(entry.label for entry in sample)


def test_every_example_is_equally_likely_over_seeds():
    counts = collections.Counter()
    for seed in range(600):
        sample = choose(_entries([None] * 40, seed), {}, 10, 0)
        assert len({entry.record for entry in sample}) == 10
        counts.update(entry.record for entry in sample)
    observed = [counts[b"%d" % place] for place in range(40)]
    assert 1e-4 < stats.chisquare(observed).pvalue < 1 - 1e-4


def test_copies_of_a_record_have_independent_keys():
    keys = [record_keys(0, "file")(place, b"same") for place in range(1000)]
    assert len(set(keys)) == 1000
    assert record_keys(0, "other file")(0, b"same") not in keys
    assert record_keys(1, "file")(0, b"same") not in keys


def test_the_order_of_a_sample_does_not_follow_the_keys_that_chose_it():
    sample = choose(_largest(_entries([None] * 5000), 500), {}, 500, 0)
    ranks = [int.from_bytes(entry.key[:8], "big") for entry in sample]
    assert stats.spearmanr(range(500), ranks).pvalue > 1e-4


def test_the_sample_does_not_depend_on_the_order_of_the_candidates():
    entries = _entries(["a"] * 50 + ["b"] * 5)
    mixed = list(entries)
    random.Random(0).shuffle(mixed)
    one, other = (choose(part, _by_label(part, 4), 20, 4) for part in (entries, mixed))
    assert checksum(one) == checksum(other) != checksum(one[::-1])


@pytest.mark.parametrize(
    ("least", "wanted"),
    [(3, {"frequent": 17, "rare": 3}), (100, {"frequent": 12, "rare": 8})],
)
def test_a_rare_label_keeps_its_minimum_and_the_size_does_not_change(least, wanted):
    entries = _entries(["frequent"] * 2000 + ["rare"] * 8)
    sample = choose(_largest(entries, 20), _by_label(entries, least), 20, least)
    assert _counts(sample) == wanted


def test_no_label_keeps_more_than_an_equal_part():
    entries = _entries(["a", "b", "c", "d"] * 100 + ["e"] * 3000)
    sample = choose(_largest(entries, 50), _by_label(entries, 50), 50, 50)
    assert _counts(sample) == dict.fromkeys("abcde", 10)


def test_with_more_labels_than_examples_the_sample_is_not_stratified():
    entries = _entries([str(number) for number in range(30)])
    candidates = _largest(entries, 10)
    sample = choose(candidates, _by_label(entries, 5), 10, 5)
    assert set(sample) == set(candidates)
