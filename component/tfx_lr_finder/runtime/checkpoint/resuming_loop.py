"""A training loop that replays the finished phases of a killed attempt.

A phase is one sweep or one short training: a probe, a candidate or the final check. A
range test depends only on what `train` and `evaluate` return, so a replay takes it to
the end of the journal without a training step.
"""

import math
from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np

from tfx_lr_finder.range_test.sweep import TrainingLoop
from tfx_lr_finder.range_test.values import FloatArray
from tfx_lr_finder.runtime.checkpoint.journal import (
    CANDIDATE,
    EVALUATE,
    SWEEP,
    TRAIN,
    Event,
)


class JournalMismatchError(Exception):
    """The journal belongs to another range test: its calls are not those made now."""


class SkippingLoop(TrainingLoop, Protocol):
    """A training loop that can skip batches that an earlier attempt has used."""

    @property
    def num_scores(self) -> int:
        """The number of scores that `evaluate` returns for each unit."""

    def skip(self, num_steps: int) -> None:
        """Skips the batches that a sweep of `num_steps` steps reads."""


class ResumingLoop:
    """Replays finished phases, then runs the real loop. Implements `TrainingLoop`.

    Each phase starts from the same weights, so that a phase can run without those
    before it. Only the batches of earlier sweeps are skipped, because no two sweeps
    share a batch.

    Args:
      loop: The real loop, at its start.
      events: The finished phases of an earlier attempt.
      after_call: Called after each `train` and `evaluate` of the real loop.
      save: Gets all finished phases whenever the real loop has finished one.

    Attributes:
      num_steps_replayed: Training steps replayed so far.
    """

    def __init__(
        self,
        loop: SkippingLoop,
        events: Iterable[Event],
        after_call: Callable[[], None],
        save: Callable[[Iterable[Event]], None],
    ) -> None:
        """Runs nothing yet."""
        self._loop = loop
        self._events = list(events)
        self._after_call = after_call
        self._save = save
        self._num_recorded = self._num_saved = len(self._events)
        self._num_replayed = 0
        self._sweeps_to_skip: list[int] = []
        self._in_sweep = False
        self.num_steps_replayed = 0

    def begin_sweep(self) -> None:
        """Goes back to the start; see `TrainingLoop`."""
        self._in_sweep = True
        if self._replay(SWEEP) is None:
            self._begin(SWEEP, self._loop.begin_sweep)
            for num_steps in self._sweeps_to_skip:
                self._loop.skip(num_steps)
            self._sweeps_to_skip = []
        else:
            self._sweeps_to_skip.append(0)

    def begin_candidate(self) -> None:
        """Goes back to the start; see `TrainingLoop`."""
        self._in_sweep = False
        if self._replay(CANDIDATE) is None:
            self._begin(CANDIDATE, self._loop.begin_candidate)

    def train(
        self, learning_rates: FloatArray, stop_above: float = math.inf
    ) -> FloatArray:
        """Returns losses, replayed or trained; see `TrainingLoop`."""
        rate = float(learning_rates[0])
        losses = self._replay(TRAIN, rate, len(learning_rates))
        if losses is None:
            losses = self._loop.train(learning_rates, stop_above)
            self._record(TRAIN, rate, losses)
        else:
            self.num_steps_replayed += len(losses)
            if self._in_sweep:
                self._sweeps_to_skip[-1] += len(losses)
        return losses

    def evaluate(self) -> FloatArray:
        """Returns held-out losses, replayed or measured; see `TrainingLoop`."""
        losses = self._replay(EVALUATE)
        if losses is None:
            losses = self._loop.evaluate().ravel()
            self._record(EVALUATE, None, losses)
        return losses.reshape(self._loop.num_scores, -1)

    def finish(self) -> None:
        """Ends the last phase.

        Raises:
          JournalMismatchError: The journal has more calls than the test.
        """
        if self._num_replayed < self._num_recorded:
            raise JournalMismatchError("it has more calls than the test")
        self._end_phase()

    def _replay(
        self, kind: str, rate: float | None = None, max_losses: float = math.inf
    ) -> FloatArray | None:
        """Returns what the journal has for a call; None if the real loop must run."""
        if self._num_replayed == self._num_recorded:
            if self._num_recorded == len(self._events) and kind in (TRAIN, EVALUATE):
                raise JournalMismatchError("it ends within a sweep or candidate")
            return None
        event = self._events[self._num_replayed]
        if (event.kind, event.learning_rate) != (kind, rate) or (
            len(event.losses) > max_losses
        ):
            raise JournalMismatchError(
                f"event {self._num_replayed} is {event.kind} at {event.learning_rate} "
                f"with {len(event.losses)} losses; the test asks for {kind} at {rate} "
                f"with at most {max_losses}"
            )
        self._num_replayed += 1
        return np.array(event.losses, np.float64)

    def _begin(self, kind: str, begin: Callable[[], None]) -> None:
        self._end_phase()
        begin()
        self._events.append(Event(kind=kind))

    def _end_phase(self) -> None:
        if len(self._events) > self._num_saved:
            self._save(self._events)
            self._num_saved = len(self._events)

    def _record(self, kind: str, rate: float | None, losses: FloatArray) -> None:
        event = Event(kind=kind, learning_rate=rate, losses=tuple(losses.tolist()))
        self._events.append(event)
        self._after_call()
