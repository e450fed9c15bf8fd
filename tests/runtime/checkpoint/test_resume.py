import dataclasses
import json
import os
import shutil

import keras
import numpy as np
import pytest

from tests.keras_models import linear_dataset, mlp
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


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """The folder of a killed test, to be copied."""
    folder = tmp_path_factory.mktemp("killed")
    kill(keras, linear_dataset(), str(folder), 6)
    return folder


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
    kill(k, dataset, folder, num_calls // 2, **options)  # in a candidate
    resumed = find(k, dataset, CheckpointPlan(folder=folder), **options)
    assert result(resumed) == result(undisturbed)
    num_run, num_resumed = (
        resumed.environment[name] for name in ("num_steps_run", "num_steps_resumed")
    )
    assert num_resumed > 40
    assert num_run + num_resumed == resumed.steps_spent


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The report of a test that was not disturbed, and the folder of its checkpoint."""
    folder = tmp_path_factory.mktemp("finished")
    return find(keras, linear_dataset(), CheckpointPlan(folder=str(folder))), folder


def test_a_killed_writer_of_outputs_resumes_without_a_training_step(dataset, finished):
    first, folder = finished
    second = find(keras, dataset, CheckpointPlan(folder=str(folder)))
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
    change, part, killed, dataset, tmp_path, caplog
):
    folder = str(tmp_path / "copy")
    shutil.copytree(killed, folder)
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


def test_a_journal_keeps_every_float_and_is_strict_json():
    losses = (0.1, 1 / 3, 5e-324, 1.7976931348623157e308, np.nan, np.inf, -np.inf, -0.0)
    event = Event(kind="train", learning_rate=3.2e-7, losses=losses)
    journal = Journal(fingerprint={"config": "abc"}, events=(event,))
    text = journal.to_json()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert repr(Journal.from_json(text)) == repr(journal)


def test_a_folder_that_cannot_be_written_does_not_stop_the_test(
    dataset, finished, tmp_path, caplog
):
    (tmp_path / "file").write_text("not a folder")
    plan = CheckpointPlan(folder=str(tmp_path / "file" / "below"))
    with_plan = find(keras, dataset, plan)
    assert result(with_plan) == result(finished[0])
    assert "the test continues without it" in caplog.text
    plan.remove()
