import io

import pytest

from tfx_lr_finder.runtime.loop.progress import LOG_SECONDS, Progress


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock():
    return Clock()


def test_a_terminal_shows_a_bar_with_rate_loss_speed_and_time_left(clock):
    terminal = Terminal()
    with Progress(100, terminal, clock) as progress:
        clock.now = 5.0
        progress.update([1e-4] * 50, [0.25] * 50)
        progress._bar.refresh()
    for text in ("50/100 steps", "1.00e-04", "loss 0.25", "10.0 steps/s", "at most"):
        assert text in terminal.getvalue()


def test_a_stream_that_is_not_a_terminal_gets_no_bar_and_a_log_line_every_ten_seconds(
    clock, caplog
):
    caplog.set_level("INFO", logger="absl")
    stream = io.StringIO()
    with Progress(1000, stream, clock) as progress:
        for _ in range(30):
            clock.now += LOG_SECONDS / 10
            progress.update([1e-3] * 10, [0.5] * 10)
    assert stream.getvalue() == ""
    lines = [line for line in caplog.messages if "steps/s" in line]
    assert lines == [
        f"LRFinder: {steps} steps, learning_rate=0.001, loss=0.5, 10.0 steps/s, "
        f"at most {(1000 - steps) / 10:.0f} seconds left"
        for steps in (100, 200, 300)
    ]


def test_the_smoothed_loss_starts_over_with_each_sweep(clock):
    progress = Progress(100, io.StringIO(), clock)
    progress.update([1e-4], [1.0])
    progress.update([1e-3], [2.0])
    assert progress._smoothed == pytest.approx(1.3)
    progress.update([1e-4], [5.0])
    assert progress._smoothed == 5.0


def test_the_bar_is_removed_when_the_test_fails(clock):
    terminal = Terminal()

    def fail():
        with Progress(100, terminal, clock) as progress:
            progress.update([1.0], [float("nan")])
            raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        fail()
    shows_the_cursor_again = "\x1b[?25h"
    assert shows_the_cursor_again in terminal.getvalue()
