"""Saving a range test as it goes, and going on from what was saved."""

import hashlib
import os
import re
import time
from collections.abc import Callable, Mapping

from absl import logging

from tfx_lr_finder import storage
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.runtime.checkpoint import file as checkpoint_file
from tfx_lr_finder.runtime.checkpoint.file import CheckpointError, Saved
from tfx_lr_finder.runtime.checkpoint.journal import (
    Event,
    JournaledLoop,
    JournalMismatchError,
    whole,
)
from tfx_lr_finder.runtime.checkpoint.plan import CheckpointPlan
from tfx_lr_finder.runtime.loop.trainer_loop import TrainerLoop

MOST_SHARE = 0.02
"""Of the time between two checkpoints that the writing may take."""

BYTES_PER_SECOND = 100e6
"""Writing speed that is assumed until it has been measured."""

GRACE_SECONDS = 15.0
"""Longest writing that is begun after SIGTERM; Kubernetes kills after 30."""

_JOURNAL_BYTES = 64 * 1024**2
"""More than the journal of any test."""

_NAME = re.compile(r"lr_finder-[0-9a-f]{16}\.checkpoint")
_MOST_LOOKED_AT = 5


class Checkpoint:
    """The checkpoint of one range test.

    Writing never stops a test: where it fails, the log says so. Its cost is bounded:
    the next one waits until it takes less than 2 % of the time since the last, and
    weights that would take longer are left out, which costs the sweep or candidate
    that was under way.

    Args:
      plan: Where and how often.
      fingerprint: What the test depends on, a digest of each part by name.
      clock: Returns seconds; only differences are used.

    Attributes:
      seconds_spent: Seconds that went into checkpoints so far.
    """

    def __init__(
        self,
        plan: CheckpointPlan,
        fingerprint: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Reads and writes nothing yet."""
        self._plan = plan
        self._fingerprint = dict(fingerprint)
        key = repr(sorted(fingerprint.items())).encode()
        name = f"lr_finder-{hashlib.sha256(key).hexdigest()[:16]}.checkpoint"
        self._path = os.path.join(plan.folder, name)
        self._clock = clock
        self._saved_at = clock()
        self._num_saved = 0
        self._speed = BYTES_PER_SECOND
        self._last_cost = 0.0
        self.seconds_spent = 0.0
        self._loop: TrainerLoop
        self._journaled: JournaledLoop
        plan.path = self._path

    def run(
        self, test: Callable[[JournaledLoop], LRFinderReport], loop: TrainerLoop
    ) -> LRFinderReport:
        """Returns the report of a test that goes on where the checkpoint stands.

        Args:
          test: The range test of a loop.
          loop: The real loop, at its start.

        Raises:
          SystemExit: After SIGTERM, at the end of a chunk, which was saved.
        """
        self._loop = loop
        with self._plan.watch.held():
            saved = self._read(loop.start.num_bytes + _JOURNAL_BYTES)
            if saved is not None:
                try:
                    return test(self._resumed(saved))
                except JournalMismatchError as error:
                    self._set_aside(error)
            self._num_saved = 0
            self._journaled = JournaledLoop(loop, after_call=self._after_call)
            return test(self._journaled)

    def _resumed(self, saved: Saved) -> JournaledLoop:
        """Returns the loop that goes on from what was saved."""
        self._num_saved = len(saved.events)
        state = None if saved.state is None else list(saved.state)
        self._journaled = JournaledLoop(
            self._loop, saved.events, state, self._after_call
        )
        logging.info(
            "LRFinder: goes on from %s, after %d steps.",
            self._path,
            self._journaled.num_steps_replayed,
        )
        return self._journaled

    @property
    def num_steps_resumed(self) -> int:
        """Training steps that a checkpoint saved."""
        return self._journaled.num_steps_replayed

    def _set_aside(self, error: Exception) -> None:
        logging.warning(
            "LRFinder: the checkpoint %s is set aside, and the test begins anew: "
            "%s: %s.",
            self._path,
            type(error).__name__,
            error,
        )

    def _read(self, most: int) -> Saved | None:
        """Returns the checkpoint of this very test, if there is one."""
        try:
            content = storage.read_bytes(self._path, most)
            saved = checkpoint_file.decode(content)
            if dict(saved.fingerprint) != self._fingerprint:
                raise CheckpointError("it is of another test")
            return saved
        except FileNotFoundError:
            self._tell_of_others()
        except Exception as error:  # noqa: BLE001 - whatever a file system may raise
            self._set_aside(error)
        return None

    def _tell_of_others(self) -> None:
        """Logs in what the checkpoints of other tests differ from this one."""
        try:
            names = storage.list_folder(self._plan.folder)
            others = [name for name in names if _NAME.fullmatch(name)]
            for name in others[:_MOST_LOOKED_AT]:
                path = os.path.join(self._plan.folder, name)
                start = storage.read_start(path, checkpoint_file.MOST_HEADER_BYTES)
                told = checkpoint_file.fingerprint_of(start)
                differs = [
                    part
                    for part, digest in sorted(self._fingerprint.items())
                    if told.get(part) != digest
                ]
                logging.info(
                    "LRFinder: the checkpoint %s is set aside: it belongs to a test "
                    "that differs in %s.",
                    path,
                    ", ".join(differs),
                )
        except Exception as error:  # noqa: BLE001 - the test does not need it
            logging.info("LRFinder: other checkpoints cannot be read: %s", error)

    def _after_call(self) -> None:
        """Saves if it is time, or if this process was told to go; then it goes."""
        if self._plan.watch.told:
            self._save(0.0)
            self._save(GRACE_SECONDS)
            self._plan.watch.leave()
        passed = self._clock() - self._saved_at
        if passed >= max(self._plan.seconds, self._last_cost / MOST_SHARE):
            self._save(MOST_SHARE * passed)

    def _save(self, most_seconds: float) -> None:
        """Writes a checkpoint; without the state if that would take longer."""
        began = self._clock()
        state = None
        if self._loop.start.num_bytes / self._speed <= most_seconds:
            state = self._loop.state()
        events = self._journaled.events
        kept = whole(events) if state is None else events
        if len(kept) > self._num_saved:
            self._write(kept, state)
        seconds = max(self._clock() - began, 1e-9)
        if state is not None:
            self._speed = max(1.0, self._loop.start.num_bytes / seconds)
        self._saved_at = self._clock()
        self._last_cost = seconds
        self.seconds_spent += seconds

    def _write(self, events: list[Event], state: list[bytes] | None) -> None:
        """Writes a checkpoint, or a line in the log that it could not be written."""
        saved = Saved(
            fingerprint=self._fingerprint,
            events=tuple(events),
            state=None if state is None else tuple(state),
        )
        try:
            storage.write_whole(self._path, checkpoint_file.encode(saved))
            self._num_saved = len(events)
        except Exception as error:  # noqa: BLE001 - whatever a file system may raise
            logging.warning(
                "LRFinder: no checkpoint, the test goes on without: %s: %s.",
                type(error).__name__,
                error,
            )
