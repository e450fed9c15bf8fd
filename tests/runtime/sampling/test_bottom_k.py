import collections
import random

import numpy as np
import pytest
from scipy import stats

from tfx_lr_finder.runtime.sampling.bottom_k import (
    HIGHEST,
    Entry,
    Sketch,
    draw_copies,
    keep_rare,
    record_key,
    shuffled,
)


def _entry(number, label="a", copies=1, seed=0):
    record = b"record %d" % number
    return Entry(record_key(seed, 0, record), record, label, copies)


def _summary(sketch):
    return [(entry.payload, entry.num_copies) for entry in sketch.entries()]


def test_a_sketch_does_not_depend_on_the_order_and_counts_every_copy():
    numbers = [number for number in range(300) for _ in range(1 + number % 4)]
    wanted = sorted({_entry(number).key: number for number in numbers}.items())[:40]
    seen = set()
    for shuffle in range(5):
        random.Random(shuffle).shuffle(numbers)
        sketch = Sketch(40)
        for number in numbers:
            sketch.add(_entry(number))
        assert _summary(sketch) == [
            (b"record %d" % number, 1 + number % 4) for _, number in wanted
        ]
        seen.add(sketch.bound)
    assert len(seen) == 1
    assert seen != {HIGHEST}


def test_sketches_of_parts_make_the_sketch_of_the_whole():
    whole, merged = Sketch(25), Sketch(25)
    for part in range(4):
        sketch = Sketch(25)
        for number in range(part * 50, part * 50 + 80):  # they overlap
            sketch.add(_entry(number))
            whole.add(_entry(number))
        for entry in sketch.entries():
            merged.add(entry)
    assert _summary(merged) == _summary(whole)


def test_memory_is_bounded_by_the_size():
    sketch = Sketch(100)
    for number in range(20000):
        sketch.add(_entry(number))
        assert len(sketch._entries) <= 100 + 25 + 17


def test_every_record_is_as_likely_as_any_other():
    """400 seeds, 20 of 100 records each: 80 times each record, give or take."""
    chosen = collections.Counter()
    for seed in range(400):
        keys = {record_key(seed, 0, b"record %d" % n): n for n in range(100)}
        chosen.update(keys[key] for key in sorted(keys)[:20])
    # Draws without replacement vary less than the multinomial: divide by 1 - 20/100.
    square = sum((chosen[n] - 80) ** 2 / 80 for n in range(100)) / 0.8
    assert 1e-4 < stats.chi2.sf(square, 99) < 1 - 1e-4


def test_every_copy_is_as_likely_as_any_other():
    entries = [
        _entry(number, copies=copies) for number, copies in enumerate((1, 9, 90))
    ]
    totals = np.zeros(3)
    for seed in range(2000):
        copies = draw_copies(entries, 10, seed)
        assert sum(copies) == 10
        totals += copies
    assert totals / 2000 == pytest.approx([0.1, 0.9, 9.0], rel=0.2)


def test_no_record_is_drawn_more_often_than_it_occurs():
    entries = [_entry(number, copies=number) for number in range(1, 30)]
    for size in (1, 7, 200, 434):
        copies = draw_copies(entries, size, seed=3)
        assert sum(copies) == size
        assert all(
            n <= entry.num_copies for n, entry in zip(copies, entries, strict=True)
        )
    assert sum(draw_copies(entries, 1000, seed=3)) == 435


def test_billions_of_copies_are_no_trouble():
    entries = [_entry(0, copies=3 * 10**9), _entry(1, copies=10**9)]
    assert draw_copies(entries, 1000, seed=1) == [750, 250]


def test_copies_are_spread_over_the_sample():
    entries = [_entry(number) for number in range(100)]
    placed = [entry.payload for entry in shuffled(entries, [10] * 100)]
    assert collections.Counter(placed) == {entry.payload: 10 for entry in entries}
    repeats = sum(a == b for a, b in zip(placed, placed[1:], strict=False))
    assert repeats < 30  # 9 are expected by chance


def _stratified(numbers, least, size=100):
    everything = [
        _entry(number, label)
        for number, label in enumerate(
            label for label, n in numbers.items() for _ in range(n)
        )
    ]
    everything.sort(key=lambda entry: entry.key)
    chosen = {entry.key: (entry, 1) for entry in everything[:size]}
    by_label = {
        label: [entry for entry in everything if entry.label == label][:least]
        for label in numbers
    }
    kept = keep_rare(chosen, by_label, least, seed=0)
    return collections.Counter(entry.label for entry, _ in kept.values()), chosen, kept


def test_rare_labels_are_kept_and_the_size_stays():
    counts, _, _ = _stratified({"often": 5000, "rare": 50, "once": 1}, least=20)
    assert counts == {"often": 79, "rare": 20, "once": 1}


def test_without_rare_labels_the_sample_stays_as_it_is():
    _, chosen, kept = _stratified({"a": 500, "b": 500}, least=20)
    assert kept == chosen


def test_the_seed_and_the_split_decide_the_key():
    keys = {record_key(seed, split, b"x") for seed in range(3) for split in range(2)}
    assert len(keys) == 6
    assert record_key(5, 0, b"x") == record_key(5, 0, b"x")
