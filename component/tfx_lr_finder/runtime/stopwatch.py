"""The seconds of a node by part."""

import time
from collections.abc import Callable


class Stopwatch:
    """Divides the time since it was made into named parts.

    Args:
      clock: Returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Starts the first part."""
        self._clock = clock
        self._last = clock()
        self.seconds: dict[str, float] = {}

    def end(self, part: str) -> float:
        """Ends a part, and starts the next one. Returns the seconds of the part."""
        now = self._clock()
        seconds = now - self._last
        self._last = now
        self.seconds[part] = self.seconds.get(part, 0.0) + seconds
        return seconds

    def __str__(self) -> str:
        """Returns the total and the parts: "9.1 seconds (imports 2.0, search 7.1)"."""
        parts = ", ".join(f"{part} {self.seconds[part]:.1f}" for part in self.seconds)
        return f"{sum(self.seconds.values()):.1f} seconds ({parts})"
