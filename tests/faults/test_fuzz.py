"""Hostile files: every reader raises our own kind of error, or reads a sound file."""

import contextlib
import json
import math
import os
import random
import time
import tracemalloc

import pytest

from tfx_lr_finder import LRFinderReport
from tfx_lr_finder.artifact import merge_learning_rate
from tfx_lr_finder.runtime.checkpoint.journal import (
    CheckpointError,
    Event,
    Journal,
    checksum,
)

NASTY = (
    None,
    True,
    -1,
    0,
    10**30,
    -(10**400),
    1e308,
    math.nan,
    math.inf,
    "",
    "../../etc/passwd",
    "\0",
    "x" * 10000,
    [],
    {},
    [[[]]],
    {"a": {}},
    "cos\nsystem\n(S'touch /tmp/x'\ntR.",
)


def mutated(value, rng):
    """A JSON value with one or two places changed."""
    places = list(_places(value))
    for _ in range(rng.randint(1, 2)):
        container, key = rng.choice(places)
        action = rng.random()
        if action < 0.2 and isinstance(container, dict):
            container.pop(key, None)
        elif action < 0.4 and isinstance(container, list) and container:
            container.append(container[0])
        elif isinstance(container, dict) or key < len(container):
            container[key] = rng.choice(NASTY)
    return value


def _places(value):
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in list(items):
        yield value, key
        if isinstance(item, dict | list):
            yield from _places(item)


def damaged(content, rng):
    """Bytes cut, flipped, doubled, or with something put in."""
    at = rng.randrange(len(content) + 1)
    kind = rng.randrange(4)
    if kind == 0:
        return content[:at]
    if kind == 1:
        length = rng.randint(1, 8)
        return content[:at] + rng.randbytes(length) + content[at + length :]
    if kind == 2:
        return content[:at] + content[rng.randrange(len(content)) :]
    return (
        content[:at]
        + rng.choice([b"\0", b"[" * 100000, b"9" * 5000, b'"'])
        + (content[at:])
    )


@pytest.fixture
def count(full):
    return 20000 if full else 400


class Measured:
    """How many inputs a reader took for sound, and its peak memory."""

    def __init__(self):
        self.num_sound = 0
        self.peak = 0
        self.reader = ""

    @contextlib.contextmanager
    def reading(self, number):
        """Watches the memory of every 49th input: it takes thirty times as long."""
        if number % 49:
            yield
            return
        tracemalloc.start()
        try:
            yield
        finally:
            self.peak = max(self.peak, tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()


@pytest.fixture
def measured(figure, count):
    """Prints how many inputs a reader got, how many it read, and its peak memory."""
    began = time.monotonic()
    measured = Measured()
    yield measured
    seconds = time.monotonic() - began
    figure(
        f"fuzzed {measured.reader}: {count} inputs in {seconds:.0f} s, "
        f"{measured.num_sound} sound ones, the others refused; at most "
        f"{measured.peak / 1e6:.1f} MB"
    )
    assert measured.peak < 200e6


def test_result_json_is_read_or_refused(make_report, count, measured, tmp_path):
    rng = random.Random(0)
    text = make_report().to_json()
    before = sorted(os.listdir(tmp_path))
    measured.reader = "result.json"
    for i in range(count):
        if i % 2:
            hostile = json.dumps(mutated(json.loads(text), rng))
        else:
            hostile = damaged(text.encode(), rng).decode("utf-8", "replace")
        try:
            with measured.reading(i):
                report = LRFinderReport.from_json(hostile)
        except ValueError:
            continue
        measured.num_sound += 1
        rate = report.learning_rate
        assert rate is None or (math.isfinite(rate) and rate > 0)
        report.to_json()
    assert sorted(os.listdir(tmp_path)) == before


def checkpoint():
    train = Event(kind="train", learning_rate=0.1, losses=(1.0, math.nan))
    evaluate = Event(kind="evaluate", losses=(0.5,))
    events = (Event(kind="sweep"), train, train, Event(kind="candidate"), evaluate)
    return Journal(fingerprint={"config": "abc"}, events=events).to_json()


def test_a_checkpoint_is_read_or_refused(count, measured):
    rng = random.Random(0)
    text = checkpoint()
    measured.reader = "checkpoints"
    for i in range(count):
        hostile = _with_checksum(text, rng) if i % 2 else damaged(text.encode(), rng)
        try:
            with measured.reading(i):
                journal = Journal.from_json(hostile)
        except CheckpointError:
            continue
        measured.num_sound += 1
        assert repr(Journal.from_json(journal.to_json())) == repr(journal)
    assert measured.num_sound < count / 2


def _with_checksum(text, rng):
    """A checkpoint with other values, and with a checksum that fits them."""
    content = json.loads(text)
    del content["sha256"]
    content = mutated(content, rng)
    with contextlib.suppress(ValueError):  # a value that is not finite
        content["sha256"] = checksum(content)
    return json.dumps(content)


def test_hyperparameters_are_read_or_refused(count, measured):
    rng = random.Random(0)
    fixed = {"name": "units", "conditions": [], "value": 3}
    config = {
        "space": [{"class_name": "Fixed", "config": fixed}],
        "values": {"units": 3, "learning_rate": 0.1},
    }
    measured.reader = "hyperparameters"
    for i in range(count):
        hostile = mutated(json.loads(json.dumps(config)), rng)
        try:
            with measured.reading(i):
                merged = merge_learning_rate(hostile, 0.5)
        except ValueError:
            continue
        measured.num_sound += 1
        assert merged["values"]["learning_rate"] == 0.5


def test_no_reader_can_execute_anything():
    import pathlib

    import tfx_lr_finder

    folder = pathlib.Path(tfx_lr_finder.__file__).parent
    for path in folder.rglob("*.py"):
        code = path.read_text()
        for word in ("pickle.load", "import pickle", "np.load(", "eval(", "exec("):
            assert word not in code.replace("_eval(", ""), (path, word)
