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
from tfx_lr_finder.runtime.checkpoint import file as checkpoint_file
from tfx_lr_finder.runtime.checkpoint.file import MAGIC, CheckpointError, Saved
from tfx_lr_finder.runtime.checkpoint.journal import Event

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
    events = [Event(kind="sweep")]
    events += [Event(kind="train", learning_rate=0.1, values=[1.0, math.nan])] * 3
    return Saved(
        fingerprint={"config": "abc"}, events=tuple(events), state=(b"12", b"", b"x")
    )


def test_a_checkpoint_is_read_or_refused(count, measured):
    rng = random.Random(0)
    content = b"".join(checkpoint_file.encode(checkpoint()))
    measured.reader = "checkpoints"
    for i in range(count):
        hostile = _with_header(content, rng) if i % 2 else damaged(content, rng)
        for read in (checkpoint_file.decode, checkpoint_file.fingerprint_of):
            try:
                with measured.reading(i):
                    found = read(hostile)
            except CheckpointError:
                continue
            if read is checkpoint_file.decode:
                measured.num_sound += 1
                checkpoint_file.encode(found)


def _with_header(content, rng):
    """A checkpoint with another header, and a checksum that is right again."""
    import hashlib

    rest = content[len(MAGIC) + 32 :]
    length = int.from_bytes(rest[:8], "little")
    header = json.dumps(mutated(json.loads(rest[8 : 8 + length]), rng)).encode()
    if rng.random() < 0.1:
        header = b"[" * 100000
    told = rng.choice([len(header)] * 8 + [2**63, 0])
    rest = told.to_bytes(8, "little") + header + rest[8 + length :]
    return MAGIC + hashlib.sha256(rest).digest() + rest


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
