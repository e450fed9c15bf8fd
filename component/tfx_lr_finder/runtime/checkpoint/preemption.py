"""SIGTERM: Kubernetes sends it to a pod that must stop, and kills it 30 s later.

The process exits with 143, 128 + SIGTERM, like any process that SIGTERM ends.
Kubernetes, Kubeflow's training operator (`ExitCode`) and Argo (`retryStrategy`) can
retry on that code.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

from absl import logging

EXIT_CODE = 128 + signal.SIGTERM


class Watch:
    """Knows whether SIGTERM has arrived, and whether the process may exit at once.

    Attributes:
      received: Whether SIGTERM has arrived.
    """

    def __init__(self) -> None:
        """Has received nothing yet."""
        self.received = False
        self._num_holds = 0

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Defers the exit until `exit_if_received` is called or the block ends."""
        self._num_holds += 1
        try:
            yield
        finally:
            self._num_holds -= 1

    def exit_if_received(self) -> None:
        """Exits with 143 if SIGTERM has arrived.

        Raises:
          SystemExit: Not an `Exception`, so that no handler of user code stops it.
        """
        if self.received:
            logging.warning("LRFinder: received SIGTERM; exiting with %d.", EXIT_CODE)
            raise SystemExit(EXIT_CODE)

    def on_signal(self, number: int, frame: Any) -> None:
        """Handles SIGTERM: exits, or remembers it while the exit is deferred."""
        del number, frame
        self.received = True
        if not self._num_holds:
            raise SystemExit(EXIT_CODE)  # no log line: it may interrupt one


@contextlib.contextmanager
def watched() -> Iterator[Watch]:
    """Handles SIGTERM within the block and restores the previous handler after it.

    Python handles signals in the main thread only; in another thread this does nothing.

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
