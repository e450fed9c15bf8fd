"""Saves a range test after each phase and resumes it after preemption."""

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping

from absl import logging

from tfx_lr_finder import storage
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.runtime.checkpoint.journal import CheckpointError, Event, Journal
from tfx_lr_finder.runtime.checkpoint.plan import NAME, CheckpointPlan
from tfx_lr_finder.runtime.checkpoint.resuming_loop import (
    JournalMismatchError,
    ResumingLoop,
    SkippingLoop,
)

MAX_BYTES = 64 * 1024**2
"""More than the journal of any range test takes."""

MAX_OTHERS = 5
"""How many checkpoints of other tests are compared with this test."""


class Checkpoint:
    """The checkpoint of one range test.

    It is replaced after each phase, so that a killed test loses at most one phase. A
    failed write is logged and does not stop the test.

    Args:
      plan: The folder, and the watch for SIGTERM.
      fingerprint: Digests of everything the test depends on, by name.

    Attributes:
      num_steps_resumed: Training steps replayed instead of run.
    """

    def __init__(self, plan: CheckpointPlan, fingerprint: Mapping[str, str]) -> None:
        """Reads and writes nothing yet."""
        self._plan = plan
        self._fingerprint = dict(fingerprint)
        key = repr(sorted(fingerprint.items())).encode()
        name = f"lr_finder-{hashlib.sha256(key).hexdigest()[:16]}.checkpoint"
        self._path = os.path.join(plan.folder, name)
        self.num_steps_resumed = 0
        plan.path = self._path

    def run(
        self, test: Callable[[ResumingLoop], LRFinderReport], loop: SkippingLoop
    ) -> LRFinderReport:
        """Returns the report of a range test, resumed from the checkpoint if any.

        Args:
          test: The range test of a loop.
          loop: The real loop, at its start.

        Raises:
          SystemExit: SIGTERM arrived; raised after the current chunk of steps.
        """
        with self._plan.watch.held():
            events = self._read()
            if events:
                try:
                    return self._run(test, loop, events)
                except JournalMismatchError as error:
                    self._warn_ignored(error)
            return self._run(test, loop, ())

    def _run(
        self,
        test: Callable[[ResumingLoop], LRFinderReport],
        loop: SkippingLoop,
        events: tuple[Event, ...],
    ) -> LRFinderReport:
        if events:
            logging.info("LRFinder: resuming from the checkpoint %s.", self._path)
        resuming = ResumingLoop(
            loop, events, self._plan.watch.exit_if_received, self._write
        )
        report = test(resuming)
        resuming.finish()
        self.num_steps_resumed = resuming.num_steps_replayed
        return report

    def _read(self) -> tuple[Event, ...]:
        """Returns the finished phases of this very test; empty if none can be read."""
        try:
            journal = Journal.from_json(storage.read_bytes(self._path, MAX_BYTES))
            if dict(journal.fingerprint) != self._fingerprint:
                raise CheckpointError("it belongs to another test")
            return journal.events
        except FileNotFoundError:
            self._warn_of_others()
        except Exception as error:  # noqa: BLE001 - a file system may raise anything
            self._warn_ignored(error)
        return ()

    def _warn_ignored(self, error: Exception) -> None:
        logging.warning(
            "LRFinder: ignoring the checkpoint %s and starting over: %s: %s.",
            self._path,
            type(error).__name__,
            error,
        )

    def _warn_of_others(self) -> None:
        """Logs how the tests of other checkpoints in the folder differ from this."""
        try:
            names = storage.list_folder(self._plan.folder)
            others = [name for name in names if NAME.fullmatch(name)]
            for name in others[:MAX_OTHERS]:
                path = os.path.join(self._plan.folder, name)
                journal = Journal.from_json(storage.read_bytes(path, MAX_BYTES))
                differing = [
                    part
                    for part, digest in sorted(self._fingerprint.items())
                    if journal.fingerprint.get(part) != digest
                ]
                logging.warning(
                    "LRFinder: ignoring the checkpoint %s: it belongs to a test that "
                    "differs in %s.",
                    path,
                    ", ".join(differing),
                )
        except Exception as error:  # noqa: BLE001 - a file system may raise anything
            logging.info("LRFinder: other checkpoints cannot be read: %s", error)

    def _write(self, events: Iterable[Event]) -> None:
        """Writes the checkpoint, or logs why it cannot be written."""
        journal = Journal(fingerprint=self._fingerprint, events=tuple(events))
        try:
            storage.write_whole(self._path, journal.to_json().encode())
        except Exception as error:  # noqa: BLE001 - a file system may raise anything
            logging.warning(
                "LRFinder: cannot write the checkpoint %s; the test continues without "
                "it: %s: %s.",
                self._path,
                type(error).__name__,
                error,
            )
