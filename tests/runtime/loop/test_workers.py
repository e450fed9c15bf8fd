"""A test that one of several processes would run is refused before any work."""

import json
import os
import pathlib
import subprocess
import sys

import pytest
import tensorflow as tf

from tfx_lr_finder.runtime.loop import workers

ROOT = pathlib.Path(__file__).parents[3]


def _tf_config(index=0, **tasks):
    cluster = {name: [f"localhost:{p}" for p in ports] for name, ports in tasks.items()}
    config = {"cluster": cluster, "task": {"type": next(iter(tasks)), "index": index}}
    return {"TF_CONFIG": json.dumps(config)}


@pytest.mark.parametrize(
    ("tasks", "counts"),
    [
        ({"worker": [1, 2]}, "2 (2 worker)"),
        ({"chief": [1], "worker": [2, 3]}, "3 (1 chief, 2 worker)"),
        ({"worker": [1], "ps": [2]}, "2 (1 worker, 1 ps)"),
    ],
    ids=str,
)
def test_a_process_of_a_cluster_is_refused(tasks, counts):
    expected = f"LRFinder trains in one process, and TF_CONFIG names {counts}"
    with pytest.raises(ValueError, match="one machine") as refused:
        workers.refuse_cluster(_tf_config(**tasks))
    assert str(refused.value).startswith(expected)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"TF_CONFIG": ""},
        {"TF_CONFIG": "{}"},
        _tf_config(chief=[1]),
        _tf_config(worker=[1], evaluator=[2]),
    ],
    ids=str,
)
def test_a_process_alone_passes(environment):
    workers.refuse_cluster(environment)


def test_strategies_of_one_process_pass(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    workers.refuse_several_workers(tf.distribute.get_strategy())
    workers.refuse_several_workers(tf.distribute.MirroredStrategy(["CPU:0"]))


TWO_WORKERS = """
import tensorflow as tf

strategy = tf.distribute.MultiWorkerMirroredStrategy()

import keras
import numpy as np
from tfx_lr_finder import find_learning_rate

with strategy.scope():
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
x = np.ones((64, 2), "float32")
data = tf.data.Dataset.from_tensor_slices((x, x[:, :1])).batch(8)
try:
    find_learning_rate(model, data, data)
except ValueError as error:
    print("refused:", error, flush=True)
"""


def _start(code, index):
    environment = {
        **os.environ,
        **_tf_config(index, worker=[29841, 29842]),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _finish(processes):
    try:
        return [process.communicate(timeout=240) for process in processes]
    finally:
        for process in processes:
            process.kill()


@pytest.mark.long
def test_a_model_of_two_workers_is_refused_in_both_processes():
    printed = _finish([_start(TWO_WORKERS, index) for index in (0, 1)])
    expected = "the model's MultiWorkerMirroredStrategy has 2 (2 worker)"
    for out, errors in printed:
        assert expected in out, errors[-3000:]


@pytest.mark.long
def test_the_executor_refuses_each_of_two_workers_before_it_reads_data(tmp_path):
    code = "from tests.faults.run_executor import run; run({folder!r})"
    folders = [tmp_path / str(index) for index in (0, 1)]
    processes = [
        _start(code.format(folder=str(folder)), index)
        for index, folder in enumerate(folders)
    ]
    for folder, (_, errors) in zip(folders, _finish(processes), strict=True):
        assert "ValueError: LRFinder trains in one process, and TF_CONFIG" in errors
        assert "starting with" not in errors
        assert not (folder / "lr_finder_result").exists()
