"""Three runs in a row, one on noise, as a user runs them."""

import pathlib
import subprocess
import sys

import pytest
import tensorflow as tf

SCRIPT = pathlib.Path(__file__).parents[2] / "pipelines" / "run_spans.py"

pytestmark = [pytest.mark.long, pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The table's rows as lists of words, and the folder."""
    root = tmp_path_factory.mktemp("spans")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--root", str(root)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    table = done.stdout.split("pushed\n")[1].splitlines()
    return [row.replace("coin tosses", "noise").split() for row in table], root


def _pushed(row):
    """How many models there are, and the newest."""
    return row[-4], row[-1]


def test_only_the_verdict_on_noise_is_not_ok(finished):
    rows, _ = finished
    verdicts = [next(w for w in row if w.isupper() and w != "AUC") for row in rows]
    assert [verdict == "OK" for verdict in verdicts] == [True, False, True]


def test_the_model_of_the_noise_is_not_pushed_and_the_others_are(finished):
    rows, root = finished
    pushed = [_pushed(row) for row in rows]
    assert [count for count, _ in pushed] == ["1", "1", "2"]
    assert pushed[0] == pushed[1]
    newest = max((root / "spans" / "pushed").iterdir())
    assert newest.name == pushed[-1][1]
    assert tf.saved_model.load(str(newest)).signatures["serving_default"]
