import dataclasses
import os
import time

import keras
import numpy as np
import pytest

from tests.keras_models import mlp
from tfx_lr_finder import storage
from tfx_lr_finder.runtime.checkpoint import file as checkpoint_file
from tfx_lr_finder.runtime.checkpoint import resume
from tfx_lr_finder.runtime.checkpoint.journal import Event
from tfx_lr_finder.runtime.checkpoint.plan import CheckpointPlan
from tfx_lr_finder.runtime.checkpoint.preemption import EXIT_CODE, Watch
from tfx_lr_finder.runtime.find import find_learning_rate

KNOBS = {"num_rates": 20, "num_sweeps": 2, "max_steps": 260, "min_lr": 1e-4}


class ToldAfter(Watch):
    """SIGTERM during the n-th call of the training loop."""

    def __init__(self, num_calls=10**9):
        super().__init__()
        self.calls_left = num_calls

    @property
    def told(self):
        self.calls_left -= 1
        return self.calls_left < 0

    @told.setter
    def told(self, value):
        pass


def find(k, dataset, plan=None, layers=(), **knobs):
    """A test as in a new process; another order in each pass over the data."""
    k.utils.set_random_seed(0)
    made = [layer(k) for layer in layers]
    model = mlp(k, k.optimizers.Adam(1e-3), layers=made)
    shuffled = dataset.unbatch().shuffle(160).batch(16)
    return find_learning_rate(
        model, shuffled, dataset.take(4), checkpoint=plan, **{**KNOBS, **knobs}
    )


def result(report):
    """All of a report but how long it took, and in how many attempts."""
    environment = {
        name: fact
        for name, fact in report.environment.items()
        if name not in ("num_steps_run", "num_steps_resumed")
    }
    return dataclasses.replace(report, seconds={}, environment=environment)


def killed(k, dataset, folder, num_calls, **options):
    with pytest.raises(SystemExit) as ended:
        find(
            k,
            dataset,
            CheckpointPlan(folder=folder, watch=ToldAfter(num_calls)),
            **options,
        )
    assert ended.value.code == EXIT_CODE == 143


@pytest.mark.parametrize("with_state", [True, False])
def test_a_killed_test_ends_with_the_result_of_an_undisturbed_one(
    k, dataset, with_state, tmp_path, monkeypatch
):
    if not with_state:
        monkeypatch.setattr(resume, "GRACE_SECONDS", -1.0)
    options = {"layers": [lambda k: k.layers.Dropout(0.3)]}
    folder = str(tmp_path / "undisturbed")
    watch = ToldAfter()
    plan = CheckpointPlan(folder=folder, seconds=0.0, watch=watch)
    undisturbed = find(k, dataset, plan, **options)
    plan.remove()
    assert os.listdir(folder) == []
    num_calls = 10**9 - watch.calls_left
    assert num_calls > 30
    folder = str(tmp_path / "killed")
    for at in (2, num_calls // 2):  # in a sweep, in a candidate
        killed(k, dataset, folder, at, **options)
    resumed = find(k, dataset, CheckpointPlan(folder=folder), **options)
    assert result(resumed) == result(undisturbed)
    taken, saved = (
        resumed.environment[name] for name in ("num_steps_run", "num_steps_resumed")
    )
    assert saved > 40
    assert taken + saved == resumed.steps_spent


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"seed": 1}, "config"),
        ({"num_rates": 21}, "config"),
        ({"layers": [lambda k: k.layers.Activation("relu")]}, "step"),
        ({"layers": [lambda k: k.layers.Dense(3)]}, "model"),
        ({"batch": 8}, "data"),
        ({"inputs": "of/another/run"}, "inputs"),
    ],
    ids=["seed", "knob", "code", "weights", "data", "inputs"],
)
def test_a_checkpoint_of_another_test_is_set_aside_with_a_line_in_the_log(
    change, part, dataset, tmp_path, caplog
):
    folder = str(tmp_path)
    killed(keras, dataset, folder, 6)
    (old,) = os.listdir(folder)
    caplog.set_level("INFO", logger="absl")
    inputs = change.get("inputs", "")
    knobs = {name: change[name] for name in change if name not in ("batch", "inputs")}
    if "batch" in change:
        dataset = dataset.unbatch().batch(change["batch"])
    watch = ToldAfter(1)
    with pytest.raises(SystemExit):
        find(
            keras,
            dataset,
            CheckpointPlan(folder=folder, inputs=inputs, watch=watch),
            **knobs,
        )
    (line,) = [r.getMessage() for r in caplog.records if "set aside" in r.getMessage()]
    assert old in line
    assert part in line.partition("differs in ")[2]
    assert old in os.listdir(folder)
    assert len(os.listdir(folder)) == 2


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "huge", "folder"])
def test_a_damaged_checkpoint_is_set_aside_and_the_test_begins_anew(
    damage, dataset, tmp_path, caplog
):
    folder = str(tmp_path)
    killed(keras, dataset, folder, 6)
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    if damage == "folder":
        file.unlink()
        file.mkdir()
    elif damage == "huge":
        with file.open("ab") as grown:
            grown.truncate(10**10)
    else:
        flipped = content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]
        bad = {"cut": content[: len(content) // 2], "flipped": flipped, "empty": b""}
        file.write_bytes(bad[damage])
    with pytest.raises(SystemExit):
        find(keras, dataset, CheckpointPlan(folder=folder, watch=ToldAfter(1)))
    assert "set aside, and the test begins anew" in caplog.text


def test_a_journal_that_does_not_fit_is_set_aside(dataset, tmp_path, caplog):
    killed(keras, dataset, str(tmp_path), 6)
    (file,) = tmp_path.iterdir()
    saved = checkpoint_file.decode(file.read_bytes())
    wrong = Event(kind="evaluate", values=np.ones(4))
    events = [saved.events[0], wrong, *saved.events[2:]]
    changed = dataclasses.replace(saved, events=tuple(events))
    file.write_bytes(b"".join(checkpoint_file.encode(changed)))
    plan = CheckpointPlan(folder=str(tmp_path), watch=ToldAfter(1))
    with pytest.raises(SystemExit):
        find(keras, dataset, plan)
    assert "JournalMismatchError" in caplog.text


def test_a_folder_that_cannot_be_written_stops_nothing(dataset, tmp_path, caplog):
    (tmp_path / "file").write_text("not a folder")
    folder = str(tmp_path / "file" / "below")
    plan = CheckpointPlan(folder=folder, seconds=0.0)
    with_plan = find(keras, dataset, plan)
    assert result(with_plan) == result(find(keras, dataset))
    assert "the test goes on without" in caplog.text
    plan.remove()


def test_the_next_checkpoint_waits_until_it_is_cheap(dataset, tmp_path, monkeypatch):
    seconds, times = [0.0], []

    def slow(path, content):
        times.append(seconds[0])
        seconds[0] += 7.0

    def tick():
        seconds[0] += 1.0
        return seconds[0]

    monkeypatch.setattr(storage, "write_whole", slow)
    made = resume.Checkpoint.__init__

    def with_clock(self, plan, fingerprint):
        made(self, plan, fingerprint, tick)

    monkeypatch.setattr(resume.Checkpoint, "__init__", with_clock)
    find(keras, dataset, CheckpointPlan(folder=str(tmp_path), seconds=5.0))
    assert times
    assert all(np.diff(times) > 7.0 / resume.MOST_SHARE)


def test_a_clock_that_goes_back_changes_nothing(dataset, tmp_path, monkeypatch):
    expected = result(find(keras, dataset))
    now = [1e9]

    def back():
        now[0] -= 1000.0
        return now[0]

    monkeypatch.setattr(time, "time", back)
    plan = CheckpointPlan(folder=str(tmp_path), seconds=0.0)
    assert result(find(keras, dataset, plan)) == expected
