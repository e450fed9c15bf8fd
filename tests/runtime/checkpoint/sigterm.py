"""SIGTERM at a chosen moment."""

from tfx_lr_finder.runtime.checkpoint.preemption import Watch


class SigtermAfter(Watch):
    """SIGTERM arrives during the n-th call of the real training loop."""

    def __init__(self, num_calls=10**9):
        super().__init__()
        self.num_calls = 0
        self._last_call = num_calls

    @property
    def received(self):
        self.num_calls += 1
        return self.num_calls >= self._last_call

    @received.setter
    def received(self, value):
        pass
