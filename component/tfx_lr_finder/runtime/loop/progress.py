"""Progress of a range test: a bar on a terminal, a line every 10 s elsewhere."""

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
SMOOTHING_WEIGHT = 0.7
"""Weight of the old smoothed loss at each chunk of steps."""


class Progress:
    """Shows how far a range test is.

    Args:
      max_steps: The most training steps it may take.
      stream: Gets the bar if it is a terminal; standard error if None.
      clock: Returns seconds.
    """

    def __init__(
        self,
        max_steps: int,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Starts the clock."""
        self._max_steps = max_steps
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._began = self._logged = clock()
        self._steps = 0
        self._smoothed = math.nan
        self._last_rate = math.inf
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> "Progress":
        """Draws an empty bar if the stream is a terminal."""
        if self._stream.isatty():
            self._bar = _bar(self._stream)
            self._task = self._bar.add_task("", total=self._max_steps, text="tracing")
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Removes the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def update(self, learning_rates: npt.ArrayLike, losses: npt.ArrayLike) -> None:
        """Shows a chunk of steps.

        Args:
          learning_rates: The rate of each step, at least one.
          losses: The loss of each step, as many as there are rates.
        """
        rates, values = np.atleast_1d(learning_rates), np.atleast_1d(losses)
        self._steps += len(values)
        self._smooth(float(rates[0]), float(np.mean(values)))
        self._last_rate = rate = float(rates[-1])
        seconds = max(self._clock() - self._began, 1e-9)
        speed = self._steps / seconds
        if self._bar is not None:
            text = f"learning rate {rate:.2e}  loss {self._smoothed:.4g}"
            text = f"{text}  {speed:.1f} steps/s"
            self._bar.update(self._task, completed=self._steps, text=text)
        elif self._clock() - self._logged >= LOG_SECONDS:
            self._logged = self._clock()
            logging.info(
                "LRFinder: %d steps, learning_rate=%.3g, loss=%.4g, %.1f steps/s, at "
                "most %.0f seconds left",
                self._steps,
                rate,
                self._smoothed,
                speed,
                max(0, self._max_steps - self._steps) / speed,
            )

    def _smooth(self, first_rate: float, loss: float) -> None:
        """Smooths the loss of a sweep, whose rates rise; the next sweep starts over."""
        if first_rate < self._last_rate or math.isnan(self._smoothed):
            self._smoothed = loss
        else:
            weight = SMOOTHING_WEIGHT
            self._smoothed = weight * self._smoothed + (1 - weight) * loss


def _bar(stream: TextIO) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("LRFinder"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed:.0f}/{task.total:.0f} steps  {task.fields[text]}"),
        TextColumn("at most"),
        TimeRemainingColumn(),
        console=Console(file=stream),
        transient=True,
    )
