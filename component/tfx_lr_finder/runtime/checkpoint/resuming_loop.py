"""A training loop that replays the finished phases of an earlier attempt.

A range test depends only on what `train` and `evaluate` return. A replay therefore
takes the test to the end of the journal without a training step.
"""

import collections
import math
from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tfx_lr_finder.range_test.sweep import TrainingLoop
from tfx_lr_finder.runtime.checkpoint.journal import CANDIDATE, SWEEP, Call, Phase

FloatArray = npt.NDArray[np.float64]


class JournalMismatchError(Exception):
    """The journal belongs to another range test: its calls are not those made now."""


class SkippingLoop(TrainingLoop, Protocol):
    """A training loop that can skip batches that an earlier attempt has used."""

    def skip(self, num_batches: int) -> None:
        """Skips the next batches of the current sweep or candidate."""


def _do_nothing() -> None:
    pass


class ResumingLoop:
    """Replays finished phases, then runs the real loop. Implements `TrainingLoop`.

    Every sweep and every candidate starts from the same weights, so a phase that is
    not in the journal can run without those before it. Only the batches that earlier
    sweeps used have to be skipped, because no two sweeps share a batch.

    Args:
      loop: The real loop, at its start.
      phases: The finished phases of an earlier attempt.
      after_call: Called after each `train` and `evaluate` of the real loop.
      after_phase: Called after each phase that the real loop has finished.

    Attributes:
      phases: All finished phases, replayed or run.
      num_steps_replayed: Training steps that the journal saves.
    """

    def __init__(
        self,
        loop: SkippingLoop,
        phases: Iterable[Phase] = (),
        after_call: Callable[[], None] = _do_nothing,
        after_phase: Callable[[], None] = _do_nothing,
    ) -> None:
        """Runs nothing yet."""
        self._loop = loop
        self.phases = list(phases)
        self._after_call = after_call
        self._after_phase = after_phase
        self._to_replay = collections.deque(self.phases)
        self._recorded_calls: collections.deque[Call] = collections.deque()
        self._running: str | None = None
        self._calls: list[Call] = []
        self._num_batches_to_skip = sum(
            phase.num_steps for phase in self.phases if phase.kind == SWEEP
        )
        self.num_steps_replayed = sum(phase.num_steps for phase in self.phases)

    def begin_sweep(self) -> None:
        """Goes back to the start; see `TrainingLoop`."""
        if self._must_run(SWEEP):
            self._loop.begin_sweep()
            self._loop.skip(self._num_batches_to_skip)
            self._num_batches_to_skip = 0

    def begin_candidate(self) -> None:
        """Goes back to the start; see `TrainingLoop`."""
        if self._must_run(CANDIDATE):
            self._loop.begin_candidate()

    def train(
        self, learning_rates: FloatArray, stop_above: float = math.inf
    ) -> FloatArray:
        """Returns losses, replayed or trained; see `TrainingLoop`."""
        rate = float(learning_rates[0])
        if self._running is None:
            return self._replay_call(rate, len(learning_rates))
        losses = self._loop.train(learning_rates, stop_above)
        self._record_call(rate, losses)
        return losses

    def evaluate(self) -> FloatArray:
        """Returns held-out losses, replayed or measured; see `TrainingLoop`."""
        if self._running is None:
            return self._replay_call(None, None)
        losses = self._loop.evaluate()
        self._record_call(None, losses)
        return losses

    def finish(self) -> None:
        """Ends the last phase.

        Raises:
          JournalMismatchError: The journal has more phases than the test.
        """
        self._end_phase()
        if self._to_replay:
            raise JournalMismatchError(f"{len(self._to_replay)} phases are left over")

    def _must_run(self, kind: str) -> bool:
        """Ends the current phase; returns whether the real loop must run the next."""
        self._end_phase()
        if not self._to_replay:
            self._running, self._calls = kind, []
            return True
        phase = self._to_replay.popleft()
        if phase.kind != kind:
            raise JournalMismatchError(
                f"the next phase is a {phase.kind}, the test begins a {kind}"
            )
        self._recorded_calls.extend(phase.calls)
        return False

    def _end_phase(self) -> None:
        if self._recorded_calls:
            raise JournalMismatchError(
                f"{len(self._recorded_calls)} calls of a phase are left over"
            )
        if self._running is not None:
            self.phases.append(Phase(kind=self._running, calls=tuple(self._calls)))
            self._running = None
            self._after_phase()

    def _replay_call(self, rate: float | None, max_losses: int | None) -> FloatArray:
        if not self._recorded_calls:
            raise JournalMismatchError("the test makes more calls in a phase")
        call = self._recorded_calls.popleft()
        too_many = max_losses is not None and len(call.losses) > max_losses
        if call.learning_rate != rate or too_many:
            raise JournalMismatchError(
                f"the next call is at learning rate {call.learning_rate} and returned "
                f"{len(call.losses)} losses, the test asks for at most {max_losses} "
                f"at {rate}"
            )
        return np.array(call.losses, np.float64)

    def _record_call(self, rate: float | None, losses: FloatArray) -> None:
        self._calls.append(Call(learning_rate=rate, losses=tuple(losses.tolist())))
        self._after_call()
