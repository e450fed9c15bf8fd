"""SIGTERM while the outputs are written."""

import json
import os
import pathlib
import signal

import pytest

from tests.executor.user_modules import write_module
from tfx_lr_finder.runtime import job

BODY = """
    def run_fn(fn_args):
        compiled().fit(data, epochs=30)
    """


def test_sigterm_while_outputs_are_written_ends_the_process_with_143(
    run_finder, penguin_examples, tmp_path, monkeypatch
):
    write_views = job.view_files.write_views

    def terminated(*args):
        os.kill(os.getpid(), signal.SIGTERM)
        write_views(*args)

    monkeypatch.setattr(job.view_files, "write_views", terminated)
    with pytest.raises(SystemExit) as raised:
        run_finder(
            {"examples": penguin_examples},
            module_file=write_module(tmp_path, BODY),
            on_inconclusive="fallback",
            default_learning_rate=0.25,
        )
    assert raised.value.code == 143
    root = pathlib.Path(run_finder.root)
    written = json.loads((root / "lr_finder_result" / "result.json").read_text())
    assert written["learning_rate"] == 0.25
    assert list((root / "state").glob("*.checkpoint"))
