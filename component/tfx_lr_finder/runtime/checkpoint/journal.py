"""A journal of what a training loop returned, and a loop that plays it back.

A range test is a function of what the loop's `train` and `evaluate` return: played
back, it takes the same way up to where the journal ends, without a training step.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tfx_lr_finder.range_test.sweep import TrainingLoop

FloatArray = npt.NDArray[np.float64]

SWEEP, CANDIDATE, TRAIN, EVALUATE = "sweep", "candidate", "train", "evaluate"
KINDS = (SWEEP, CANDIDATE, TRAIN, EVALUATE)
BEGINNINGS = (SWEEP, CANDIDATE)


class JournalMismatchError(Exception):
    """The journal is not of this range test: the two ask for different things."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Event:
    """One call of a training loop.

    Attributes:
      kind: One of `KINDS`.
      learning_rate: The first rate that `train` was asked for; NaN for the others.
      values: What it returned, float64 `[n]`; empty for beginnings.
    """

    kind: str
    learning_rate: float = math.nan
    values: FloatArray = dataclasses.field(default_factory=lambda: np.empty(0))


class ResumableLoop(TrainingLoop, Protocol):
    """A training loop that can be brought to where another one stopped."""

    def skip(self, num_batches: int) -> None:
        """Passes over the next batches of the sweep or candidate that has begun."""

    def set_state(self, state: list[bytes]) -> None:
        """Sets weights, optimizer and the like to what was saved."""


class JournaledLoop:
    """Plays a journal back, then goes on with the real loop where it ends.

    Sweeps and candidates all begin from the same start, so that whole ones need
    nothing but their losses; one in the middle needs its state as well. Implements
    `TrainingLoop`.

    Args:
      loop: The real loop, at its start.
      events: What was done before.
      state: The state after the last event; None where that ended a sweep or candidate.
      after_call: Called after each real `train` and `evaluate`.

    Attributes:
      events: All that was done, before and now.
      num_steps_replayed: Training steps that need not be done again.
    """

    def __init__(
        self,
        loop: ResumableLoop,
        events: Iterable[Event] = (),
        state: list[bytes] | None = None,
        after_call: Callable[[], None] = lambda: None,
    ) -> None:
        """Touches nothing yet."""
        self._loop = loop
        self.events = list(events)
        self._state = state
        self._after_call = after_call
        self._position = 0
        self._in_step = not self.events
        self._sweep_batches = _sweep_steps(self.events)
        self.num_steps_replayed = _steps(self.events)

    def begin_sweep(self) -> None:
        """Goes back to the start; see `TrainingLoop`."""
        if self._played(SWEEP) is None:
            self._begin_real_sweep()
            self.events.append(Event(kind=SWEEP))

    def begin_candidate(self) -> None:
        """Goes back to the start; see `TrainingLoop`."""
        if self._played(CANDIDATE) is None:
            self._loop.begin_candidate()
            self._in_step = True
            self.events.append(Event(kind=CANDIDATE))

    def train(
        self, learning_rates: FloatArray, look_above: float = math.inf
    ) -> FloatArray:
        """Returns losses, played back or trained; see `TrainingLoop`."""
        rate = float(learning_rates[0])
        losses = self._played(TRAIN, rate, len(learning_rates))
        if losses is None:
            self._catch_up()
            losses = self._loop.train(learning_rates, look_above)
            self._record(Event(kind=TRAIN, learning_rate=rate, values=losses))
        return losses

    def evaluate(self) -> FloatArray:
        """Returns losses, played back or measured; see `TrainingLoop`."""
        losses = self._played(EVALUATE)
        if losses is None:
            self._catch_up()
            losses = self._loop.evaluate()
            self._record(Event(kind=EVALUATE, values=losses))
        return losses

    def _played(
        self, kind: str, learning_rate: float = math.nan, most: int = 0
    ) -> FloatArray | None:
        """Returns what the journal has for a call, None past its end."""
        if self._in_step or self._position == len(self.events):
            return None
        event = self.events[self._position]
        same_rate = event.learning_rate == learning_rate or kind != TRAIN
        right_length = kind != TRAIN or 1 <= len(event.values) <= most
        if event.kind != kind or not same_rate or not right_length:
            raise JournalMismatchError(
                f"event {self._position} is {event.kind} at {event.learning_rate} with "
                f"{len(event.values)} values; the test asks for {kind} at "
                f"{learning_rate} with at most {most}"
            )
        self._position += 1
        return event.values.copy()

    def _catch_up(self) -> None:
        """Brings the real loop to where the journal ends, inside a sweep or candidate.

        Raises:
          JournalMismatchError: There is no state of that place.
        """
        if self._in_step:
            return
        if self._state is None:
            raise JournalMismatchError(
                "it ends too early, without a state to go on from"
            )
        begun = self.events[len(whole(self.events)) :]
        if begun[0].kind == SWEEP:
            self._begin_real_sweep()
        else:
            self._loop.begin_candidate()
            self._loop.skip(_steps(begun))
        self._loop.set_state(self._state)
        self._in_step = True

    def _begin_real_sweep(self) -> None:
        self._loop.begin_sweep()
        if self._sweep_batches:
            self._loop.skip(self._sweep_batches)
            self._sweep_batches = 0
        self._in_step = True

    def _record(self, event: Event) -> None:
        self.events.append(event)
        self._after_call()


def whole(events: Sequence[Event]) -> list[Event]:
    """Returns the events without the last sweep or candidate, which may go on."""
    begun = [i for i, event in enumerate(events) if event.kind in BEGINNINGS]
    return list(events[: begun[-1]]) if begun else []


def _steps(events: Iterable[Event]) -> int:
    return sum(len(event.values) for event in events if event.kind == TRAIN)


def _sweep_steps(events: Iterable[Event]) -> int:
    """Returns the training steps of all sweeps: batches that no other may have."""
    steps, in_sweep = 0, False
    for event in events:
        if event.kind in BEGINNINGS:
            in_sweep = event.kind == SWEEP
        elif event.kind == TRAIN and in_sweep:
            steps += len(event.values)
    return steps
