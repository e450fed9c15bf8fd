"""Kills and journals on a training loop with a closed form, without Keras."""

import dataclasses
import itertools

import numpy as np
import pytest

from tests.range_test.quadratic import QuadraticLoop
from tests.runtime.checkpoint.sigterm import SigtermAfter
from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.finder import run_range_test
from tfx_lr_finder.runtime.checkpoint.journal import Event, Journal
from tfx_lr_finder.runtime.checkpoint.plan import CheckpointPlan
from tfx_lr_finder.runtime.checkpoint.resume import Checkpoint

CONFIG = RangeTestConfig(num_rates=40, max_steps=400)


class LoopOfBatches(QuadraticLoop):
    """Each batch has a loss of its own; no two sweeps share one."""

    def __init__(self):
        super().__init__(curvature=3.0)
        self._fresh_batches = itertools.count()

    def begin_sweep(self):
        super().begin_sweep()
        self._batches = self._fresh_batches

    def begin_candidate(self):
        super().begin_candidate()
        self._batches = itertools.count()

    def train(self, learning_rates, stop_above=np.inf):
        losses = super().train(learning_rates, stop_above)
        return losses + [0.01 * np.sin(next(self._batches)) for _ in losses]

    def skip(self, num_batches):
        for _ in range(num_batches):
            next(self._batches)


def run(folder, num_calls=10**9, loop=None):
    """Runs a test; returns the report without times, the loop, and the checkpoint."""
    watch = SigtermAfter(num_calls)
    plan = CheckpointPlan(folder=str(folder), watch=watch)
    checkpoint = Checkpoint(plan, {"test": "quadratic"})
    loop = loop or LoopOfBatches()
    report = checkpoint.run(
        lambda loop: run_range_test(loop, CONFIG, clock=lambda: 0.0), loop
    )
    return report, loop, checkpoint, watch.num_calls


def journal_in(folder):
    (file,) = folder.iterdir()
    return file, Journal.from_json(file.read_bytes())


def test_a_kill_costs_at_most_one_phase_and_changes_no_result(tmp_path):
    expected, whole, _, num_calls = run(tmp_path / "undisturbed")
    assert num_calls > 60
    phases = (*expected.sweeps, *expected.probes, *expected.candidates)
    longest = max(phase.num_steps for phase in phases)
    for call in range(1, num_calls + 1, 5):
        folder = tmp_path / str(call)
        killed = LoopOfBatches()
        with pytest.raises(SystemExit):
            run(folder, call, killed)
        resumed, loop, checkpoint, _ = run(folder)
        assert resumed == expected
        assert killed.num_steps - checkpoint.num_steps_resumed <= longest
        assert loop.num_steps + checkpoint.num_steps_resumed == whole.num_steps


CHANGES = {
    "another call": lambda events: [events[0], Event(kind="evaluate"), *events[2:]],
    "another rate": lambda events: [
        events[0],
        dataclasses.replace(events[1], learning_rate=0.5),
        *events[2:],
    ],
    "too many losses": lambda events: [
        events[0],
        dataclasses.replace(events[1], losses=(1.0,) * 100),
        *events[2:],
    ],
    "an end within a phase": lambda events: events[:2],
    "more phases": lambda events: [*events, Event(kind="sweep")],
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_journal_with_other_calls_is_ignored(change, tmp_path, caplog):
    expected, whole, _, _ = run(tmp_path)
    file, journal = journal_in(tmp_path)
    events = tuple(CHANGES[change](list(journal.events)))
    file.write_text(dataclasses.replace(journal, events=events).to_json())
    report, loop, checkpoint, _ = run(tmp_path)
    assert "JournalMismatchError" in caplog.text
    assert checkpoint.num_steps_resumed == 0
    assert loop.num_steps == whole.num_steps
    assert report == expected


@pytest.mark.parametrize(
    "damage", ["cut", "flipped", "empty", "huge", "folder", "version"]
)
def test_a_damaged_checkpoint_is_ignored_and_the_test_starts_over(
    damage, tmp_path, caplog
):
    with pytest.raises(SystemExit):
        run(tmp_path, 30)
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    if damage == "folder":
        file.unlink()
        file.mkdir()
    elif damage == "huge":
        with file.open("ab") as grown:
            grown.truncate(10**10)
    else:
        at = content.rindex(b".") + 1  # a digit of the last loss
        digit = b"1" if content[at : at + 1] != b"1" else b"2"
        bad = {
            "cut": content[: len(content) // 2],
            "flipped": content[:at] + digit + content[at + 1 :],
            "empty": b"",
            "version": content.replace(b'"schema_version": 1', b'"schema_version": 2'),
        }
        assert bad[damage] != content
        file.write_bytes(bad[damage])
    report, loop, checkpoint, _ = run(tmp_path)
    assert "ignoring the checkpoint" in caplog.text
    assert "starting over" in caplog.text
    assert checkpoint.num_steps_resumed == 0
    assert report == run(tmp_path / "undisturbed")[0]


def test_two_tests_on_one_folder_both_end_with_their_result(tmp_path):
    """The second one begins, and replaces the checkpoint, within the first one."""
    expected, _, _, _ = run(tmp_path / "alone")
    folder = tmp_path / "shared"
    inner = []

    class Interrupted(LoopOfBatches):
        def begin_candidate(self):
            super().begin_candidate()
            if not inner:
                inner.append(run(folder)[0])

    checkpoint = Checkpoint(CheckpointPlan(folder=str(folder)), {"test": "quadratic"})
    outer = checkpoint.run(
        lambda loop: run_range_test(loop, CONFIG, clock=lambda: 0.0), Interrupted()
    )
    assert [outer, *inner] == [expected, expected]
