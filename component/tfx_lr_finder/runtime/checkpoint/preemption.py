"""SIGTERM, by which Kubernetes says that a pod has to go; 30 seconds later it kills.

The exit code is 143, 128 + SIGTERM, as of any process that SIGTERM ended. Kubernetes,
Kubeflow's training operator (`ExitCode`) and Argo (`retryStrategy`) may retry on it.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

from absl import logging

EXIT_CODE = 128 + signal.SIGTERM


class Watch:
    """Whether this process was told to go, and whether it may go at once.

    Attributes:
      told: Whether SIGTERM came.
    """

    def __init__(self) -> None:
        """Nothing came yet."""
        self.told = False
        self._held = 0

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Lets the process live on until `leave`, or the end of the block."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    def leave(self) -> None:
        """Ends the process with the code that means retry.

        Raises:
          SystemExit: Always; no `except Exception` holds it up.
        """
        logging.warning("LRFinder: SIGTERM; ends with the exit code %d.", EXIT_CODE)
        raise SystemExit(EXIT_CODE)

    def on_signal(self, number: int, frame: Any) -> None:
        """Ends the process, or remembers to; the handler of SIGTERM."""
        del number, frame
        self.told = True
        if not self._held:
            raise SystemExit(EXIT_CODE)  # and no log: a handler may interrupt one


@contextlib.contextmanager
def watched() -> Iterator[Watch]:
    """Handles SIGTERM, and puts the handler of before back.

    In a thread other than the main one, where Python handles no signals, nothing is
    watched.

    Yields:
      The watch.
    """
    watch = Watch()
    if threading.current_thread() is not threading.main_thread():
        yield watch
        return
    before = signal.signal(signal.SIGTERM, watch.on_signal)
    try:
        yield watch
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)
