"""How far a range test is: a bar on a terminal, a line every few seconds elsewhere."""

import math
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt
from absl import logging

LOG_SECONDS = 10.0
KEPT = 0.7
"""Weight that the smoothed loss keeps at each chunk of steps."""


class Progress:
    """Tells how far a range test is.

    Args:
      num_steps: The most training steps it may take.
      stream: Where a bar is drawn if it is a terminal; standard error if None.
      clock: Returns seconds.
    """

    def __init__(
        self,
        num_steps: int,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Starts the clock."""
        self._most = num_steps
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._began = self._logged = clock()
        self._steps = 0
        self._smoothed = math.nan
        self._last_rate = math.inf
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> "Progress":
        """Draws an empty bar if there is a terminal to draw it on."""
        if self._stream.isatty():
            self._bar = _bar(self._stream)
            self._task = self._bar.add_task("", total=self._most, said="tracing")
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def update(self, learning_rates: npt.ArrayLike, losses: npt.ArrayLike) -> None:
        """Tells of a chunk of steps.

        Args:
          learning_rates: The rate of each step, at least one.
          losses: The loss of each step, as many.
        """
        rates, values = np.atleast_1d(learning_rates), np.atleast_1d(losses)
        self._steps += len(values)
        self._smooth(float(rates[0]), float(np.mean(values)))
        self._last_rate = rate = float(rates[-1])
        seconds = max(self._clock() - self._began, 1e-9)
        speed = self._steps / seconds
        if self._bar is not None:
            said = f"learning rate {rate:.2e}  loss {self._smoothed:.4g}"
            said = f"{said}  {speed:.1f} steps/s"
            self._bar.update(self._task, completed=self._steps, said=said)
        elif self._clock() - self._logged >= LOG_SECONDS:
            self._logged = self._clock()
            logging.info(
                "LRFinder: %d steps, learning_rate=%.3g, loss=%.4g, %.1f steps a "
                "second, at most %.0f seconds left",
                self._steps,
                rate,
                self._smoothed,
                speed,
                max(0, self._most - self._steps) / speed,
            )

    def _smooth(self, first_rate: float, loss: float) -> None:
        """Averages within a sweep, whose rates rise, and starts anew with the next."""
        if first_rate < self._last_rate or math.isnan(self._smoothed):
            self._smoothed = loss
        else:
            self._smoothed = KEPT * self._smoothed + (1 - KEPT) * loss


def _bar(stream: TextIO) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("LRFinder"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed:.0f}/{task.total:.0f} steps  {task.fields[said]}"),
        TextColumn("at most"),
        TimeRemainingColumn(),
        console=Console(file=stream),
        transient=True,
    )
