import dataclasses
import json
import os

import keras
import numpy as np
import pytest

from tests.keras_models import mlp
from tests.runtime.checkpoint.sigterm import SigtermAfter
from tfx_lr_finder.runtime.checkpoint.journal import Event, Journal
from tfx_lr_finder.runtime.checkpoint.plan import CheckpointPlan
from tfx_lr_finder.runtime.checkpoint.preemption import EXIT_CODE
from tfx_lr_finder.runtime.find import find_learning_rate

OPTIONS = {"num_rates": 20, "num_sweeps": 2, "max_steps": 260, "min_lr": 1e-4}


def find(k, dataset, plan=None, layers=(), **options):
    """A test as in a new process, on rows whose order changes in each pass."""
    k.utils.set_random_seed(0)
    model = mlp(k, k.optimizers.Adam(1e-3), layers=[layer(k) for layer in layers])
    shuffled = dataset.unbatch().shuffle(160).batch(16)
    return find_learning_rate(
        model, shuffled, dataset.take(4), checkpoint=plan, **{**OPTIONS, **options}
    )


def result(report):
    """All of a report except for the time and the number of attempts that it took."""
    environment = {
        name: fact
        for name, fact in report.environment.items()
        if name not in ("num_steps_run", "num_steps_resumed")
    }
    return dataclasses.replace(report, seconds={}, environment=environment)


def kill(k, dataset, folder, num_calls, inputs="", **options):
    watch = SigtermAfter(num_calls)
    with pytest.raises(SystemExit) as exited:
        find(
            k,
            dataset,
            CheckpointPlan(folder=folder, inputs=inputs, watch=watch),
            **options,
        )
    assert exited.value.code == EXIT_CODE == 143


def test_a_killed_test_resumes_to_the_result_of_an_undisturbed_one(
    k, dataset, tmp_path
):
    options = {"layers": [lambda k: k.layers.Dropout(0.3)]}
    folder = str(tmp_path / "undisturbed")
    plan = CheckpointPlan(folder=folder, watch=SigtermAfter())
    undisturbed = find(k, dataset, plan, **options)
    plan.remove()
    assert os.listdir(folder) == []
    num_calls = plan.watch.num_calls
    assert num_calls > 30
    folder = str(tmp_path / "killed")
    for num_calls_alive in (3, num_calls // 2):  # in the second sweep, in a candidate
        kill(k, dataset, folder, num_calls_alive, **options)
    resumed = find(k, dataset, CheckpointPlan(folder=folder), **options)
    assert result(resumed) == result(undisturbed)
    num_run, num_resumed = (
        resumed.environment[name] for name in ("num_steps_run", "num_steps_resumed")
    )
    assert num_resumed > 40
    assert num_run + num_resumed == resumed.steps_spent


def test_a_killed_writer_of_outputs_resumes_without_a_training_step(dataset, tmp_path):
    plans = [CheckpointPlan(folder=str(tmp_path)) for _ in range(2)]
    first, second = (find(keras, dataset, plan) for plan in plans)
    assert second.environment["num_steps_run"] == 0
    assert result(second) == result(first)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"seed": 1}, "config"),
        ({"num_rates": 21}, "config"),
        ({"layers": [lambda k: k.layers.Activation("relu")]}, "step"),
        ({"layers": [lambda k: k.layers.Dense(3)]}, "model"),
        ({"batch": 8}, "data"),
        ({"inputs": "of/another/run"}, "inputs"),
    ],
    ids=["seed", "parameter", "code", "weights", "data", "inputs"],
)
def test_a_checkpoint_of_another_test_is_ignored_with_a_warning(
    change, part, dataset, tmp_path, caplog
):
    folder = str(tmp_path)
    kill(keras, dataset, folder, 6)
    (old,) = os.listdir(folder)
    options = {name: change[name] for name in change if name != "batch"}
    if "batch" in change:
        dataset = dataset.unbatch().batch(change["batch"])
    kill(keras, dataset, folder, 6, **options)
    (line,) = [r.getMessage() for r in caplog.records if "ignoring" in r.getMessage()]
    assert old in line
    assert part in line.partition("differs in ")[2]
    assert old in os.listdir(folder)
    assert len(os.listdir(folder)) == 2


@pytest.mark.parametrize("num_equal_batches", [0, 3])
def test_results_from_two_orders_of_the_data_are_never_mixed(
    num_equal_batches, dataset, tmp_path, caplog
):
    """A process reads the rows in another order than the killed one before it."""

    def find_in_order(seed, plan=None):
        keras.utils.set_random_seed(0)
        num_equal = 16 * num_equal_batches
        rows = dataset.unbatch()
        shuffled = rows.skip(num_equal).shuffle(160, seed=seed)
        train = rows.take(num_equal).concatenate(shuffled).batch(16)
        model = mlp(keras, keras.optimizers.Adam(1e-3))
        held_out = dataset.take(4)
        return find_learning_rate(model, train, held_out, checkpoint=plan, **OPTIONS)

    with pytest.raises(SystemExit, match=f"^{EXIT_CODE}$"):
        find_in_order(1, CheckpointPlan(folder=str(tmp_path), watch=SigtermAfter(12)))
    resumed = find_in_order(2, CheckpointPlan(folder=str(tmp_path)))
    assert "differs in data" in caplog.text
    assert resumed.environment["num_steps_resumed"] == 0
    assert resumed.environment["num_steps_run"] == resumed.steps_spent


@pytest.mark.parametrize(
    "damage", ["cut", "flipped", "empty", "huge", "folder", "version"]
)
def test_a_damaged_checkpoint_is_ignored_and_the_test_starts_over(
    damage, dataset, tmp_path, caplog
):
    kill(keras, dataset, str(tmp_path), 6)
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    if damage == "folder":
        file.unlink()
        file.mkdir()
    elif damage == "huge":
        with file.open("ab") as grown:
            grown.truncate(10**10)
    else:
        at = content.rindex(b".") + 1  # a digit of the last loss
        digit = b"1" if content[at : at + 1] != b"1" else b"2"
        bad = {
            "cut": content[: len(content) // 2],
            "flipped": content[:at] + digit + content[at + 1 :],
            "empty": b"",
            "version": content.replace(b'"schema_version": 1', b'"schema_version": 2'),
        }
        assert bad[damage] != content
        file.write_bytes(bad[damage])
    kill(keras, dataset, str(tmp_path), 1)
    assert "ignoring the checkpoint" in caplog.text
    assert "starting over" in caplog.text


def test_a_journal_keeps_every_float_and_is_strict_json():
    losses = (0.1, 1 / 3, 5e-324, 1.7976931348623157e308, np.nan, np.inf, -np.inf, -0.0)
    event = Event(kind="train", learning_rate=3.2e-7, losses=losses)
    journal = Journal(fingerprint={"config": "abc"}, events=(event,))
    text = journal.to_json()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert repr(Journal.from_json(text)) == repr(journal)


def test_a_folder_that_cannot_be_written_does_not_stop_the_test(
    dataset, tmp_path, caplog
):
    (tmp_path / "file").write_text("not a folder")
    plan = CheckpointPlan(folder=str(tmp_path / "file" / "below"))
    with_plan = find(keras, dataset, plan)
    assert result(with_plan) == result(find(keras, dataset))
    assert "the test continues without it" in caplog.text
    plan.remove()
