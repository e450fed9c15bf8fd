"""What the pod of the component does."""

import json
import os
import pathlib
import random
import signal
import threading

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner

from tests.executor.conftest import QUICK as TFX_QUICK
from tests.kfp_native.conftest import QUICK
from tfx_lr_finder import find_learning_rate, read_result
from tfx_lr_finder.cli.main import main as cli
from tfx_lr_finder.fn_args import FinderFnArgs
from tfx_lr_finder.range_test.verdict import Verdict
from tfx_lr_finder.views.metrics import metrics

PENGUINS = "penguin_steps.lr_finder_fn"

SMALL = """
import keras
import numpy as np
import tensorflow as tf
from tfx_lr_finder import LRFinderFnResult

def data(seed):
    x = np.random.default_rng(seed).normal(size=(160, 4)).astype("float32")
    y = x.sum(axis=1, keepdims=True)
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(16)

def model(loss="mse"):
    model = keras.Sequential([keras.Input([4]), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), loss)
    return model
"""
LINEAR = f"""{SMALL}
def lr_finder_fn(fn_args):
    return LRFinderFnResult(model(), data(0), data(1))
"""
FLAT = f"""{SMALL}
class Flat(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return 0.0 * keras.ops.mean(y_pred, axis=-1) + 1.0

def lr_finder_fn(fn_args):
    return LRFinderFnResult(model(Flat()), data(0), data(1))
"""


def _refused(run_pod, capsys, *args, **kwargs):
    """Returns the sentence with which the pod refuses its inputs."""
    with pytest.raises(SystemExit) as ended:
        run_pod(*args, **kwargs)
    assert ended.value.code == 2
    return capsys.readouterr().err


@pytest.fixture
def linear(write_module):
    return {"module_file": write_module(LINEAR)}


@pytest.fixture
def flat(write_module):
    return {"module_file": write_module(FLAT)}


@pytest.fixture
def write_result(tmp_path, make_report):
    """Writes the result of an earlier run as the component does."""

    def write(**changes):
        path = tmp_path / "previous"
        path.write_text(make_report(**changes).to_json())
        return path

    return write


def test_every_output_has_the_rate_of_the_result(run_pod, linear):
    outputs = run_pod(linear)
    report = read_result(str(outputs.folder / "result"))
    rate = report.learning_rate
    assert float(outputs.text("learning_rate")) == rate
    assert outputs.text("verdict") == report.verdict.name
    assert outputs.json("hyperparameters")["values"] == {"learning_rate": rate}
    assert outputs.json("metrics") == outputs.metadata("metrics") == metrics(report)
    assert outputs.metadata("metrics")["learning_rate"] == rate
    assert outputs.metadata("result")["learning_rate"] == repr(rate)
    page = outputs.text("report")
    assert outputs.metadata("report") == outputs.metadata("hyperparameters") == {}
    assert page.startswith("<!doctype html>")
    assert repr(rate) in page


def test_the_same_module_and_seed_give_the_same_rate_everywhere(
    run_pod, run_finder, penguin_folders, make_examples, tmp_path
):
    parameters = {"train_steps": 500, "seed": 3}
    outputs = run_pod(penguin_folders, quick={}, lr_finder_fn=PENGUINS, **parameters)
    pod = float(outputs.text("learning_rate"))

    folder = penguin_folders["train_data"].parent
    defaults = {name: None for name in TFX_QUICK}
    outputs = run_finder(
        {"examples": make_examples(folder)},
        lr_finder_fn=PENGUINS,
        **{**defaults, **parameters},
    )
    tfx = read_result(outputs["lr_finder_result"]).learning_rate

    options = [f"--{k.replace('_', '-')}={v}" for k, v in parameters.items()]
    done = CliRunner().invoke(
        cli, ["run", PENGUINS, f"--examples={folder}", "--json", *options]
    )
    command = json.loads(done.stdout)["learning_rate"]

    import penguin_steps

    for seed in (random.seed, np.random.seed, tf.random.set_seed):
        seed(3)
    fn_args = FinderFnArgs(
        train_files=[str(penguin_folders["train_data"] / "*")],
        eval_files=[str(penguin_folders["eval_data"] / "*")],
        custom_config=None,
        train_steps=None,
        working_dir=str(tmp_path),
    )
    found = penguin_steps.lr_finder_fn(fn_args)
    plain = find_learning_rate(
        found.model, found.train_dataset, found.eval_dataset, **parameters
    ).learning_rate
    print("the rate:", pod, tfx, command, plain)
    assert pod == tfx == command == plain


def test_the_function_gets_files_the_dict_and_nothing_of_tfx(run_pod, write_module):
    module = write_module(
        f"""{SMALL}
import json, pathlib

def lr_finder_fn(fn_args):
    seen = [fn_args.train_files, fn_args.eval_files, fn_args.custom_config]
    pathlib.Path(fn_args.custom_config["to"]).write_text(json.dumps(seen))
    fn_args.data_accessor
"""
    )
    data = module.parent / "data"
    data.mkdir()
    for name in ("b", "a", "_SUCCESS", ".hidden", "empty"):
        (data / name).write_text("" if name == "empty" else "x")
    to = module.parent / "seen.json"
    config = {"to": str(to), "layers": [32.0, 1.5], "deep": {"n": 2.0}}
    with pytest.raises(AttributeError, match="no 'data_accessor' in a Kubeflow"):
        run_pod({"module_file": module, "train_data": data}, custom_config=config)
    files, none, seen = json.loads(to.read_text())
    assert (files, none) == ([str(data / "a"), str(data / "b")], [])
    assert repr(seen["layers"]) == "[32, 1.5]"
    assert repr(seen["deep"]) == "{'n': 2}"


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"min_lr": 2.0, "max_lr": 1.0}, "min_lr must be below max_lr, got min_lr=2.0"),
        ({"num_rates": 12.5}, "num_rates must be a whole number, got 12.5"),
        ({"rule": "best"}, "rule must be one of valley"),
        ({"on_inconclusive": "fallback"}, "needs default_learning_rate, got None"),
        ({"requested_gpus": -1.0}, "requested_gpus must be at least 0, got -1"),
        ({"max_drift_decades": 0.0}, "max_drift_decades must be a positive number"),
        ({"custom_config": ["no"]}, "custom_config must be a dict"),
        ({"lr_finder_fn": "m.f"}, "Exactly one of module_file, lr_finder_fn"),
    ],
)
def test_a_parameter_out_of_range_is_refused(
    run_pod, linear, capsys, parameters, sentence
):
    assert sentence in _refused(run_pod, capsys, linear, **parameters)


def test_a_pod_without_the_users_function_is_refused(run_pod, capsys):
    assert "Exactly one of module_file" in _refused(run_pod, capsys)
    assert "got module_file=None, lr_finder_fn=None" in _refused(
        run_pod, capsys, lr_finder_fn=""
    )


@pytest.mark.parametrize("make", [pathlib.Path.touch, pathlib.Path.mkdir])
@pytest.mark.parametrize("name", ["train_data", "eval_data", "module_file"])
def test_an_empty_artifact_is_refused(run_pod, linear, capsys, tmp_path, name, make):
    make(tmp_path / "empty")
    said = _refused(run_pod, capsys, {**linear, name: tmp_path / "empty"})
    assert f"{name} is empty: {tmp_path / 'empty'} has no file with content" in said


@pytest.mark.parametrize("text", ["{{$}}", "[]", '{"inputs": {}}'])
def test_an_executor_input_of_another_kind_is_refused(text, capsys):
    from tfx_lr_finder import kfp_main

    with pytest.raises(SystemExit, match="2"):
        kfp_main.main(["--executor_input", text])
    assert (
        "is not the executor input of Kubeflow Pipelines 2" in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("no_such_module.lr_finder_fn", "there is no module 'no_such_module' in this"),
        ("penguin_steps.no_such", "penguin_steps defines no function no_such"),
        ("penguin_steps.BATCH_SIZE", "penguin_steps defines no function BATCH_SIZE"),
        ("lr_finder_fn", "must be a dotted path such as my_module.lr_finder_fn"),
    ],
)
def test_a_path_that_names_no_function_is_an_error(run_pod, path, sentence):
    with pytest.raises(ValueError, match=sentence):
        run_pod(lr_finder_fn=path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("def lr_finder_fn(:", "module_file is not a Python file .SyntaxError"),
        ("x = 1", "defines no function lr_finder_fn"),
        ("def lr_finder_fn(fn_args): return 0.1", "got builtins.float. For example"),
    ],
)
def test_a_file_without_the_right_function_is_an_error(
    run_pod, write_module, text, sentence
):
    with pytest.raises(ValueError, match=sentence) as raised:
        run_pod({"module_file": write_module(text)})
    assert "data_accessor" not in str(raised.value)


def test_data_of_another_format_are_an_error_that_names_them(run_pod, tmp_path):
    (tmp_path / "text").write_text("not a TFRecord")
    data = {"train_data": tmp_path / "text", "eval_data": tmp_path / "text"}
    with pytest.raises(ValueError, match="Check that they have the format") as raised:
        run_pod(data, lr_finder_fn=PENGUINS)
    assert str(tmp_path / "text") in str(raised.value)


def test_a_missing_gpu_fails_if_it_must(run_pod, linear):
    with pytest.raises(ValueError, match="1 GPU requested, 0 found"):
        run_pod(linear, requested_gpus=1, on_no_gpu="fail")


def test_an_inconclusive_test_fails_the_node_and_keeps_its_evidence(
    run_pod, flat, tmp_path, capsys
):
    with pytest.raises(SystemExit, match="4"):
        run_pod(flat, checkpoint_dir=str(tmp_path / "kept"))
    assert "no learning rate it can vouch for" in capsys.readouterr().err
    outputs = run_pod.outputs()
    assert not (outputs.folder / "learning_rate").exists()
    for place in (tmp_path / "kept" / "lr_finder_result", outputs.folder / "result"):
        assert read_result(str(place)).verdict is Verdict.INCONCLUSIVE
    assert "No learning rate found" in outputs.text("report")
    assert outputs.metadata("result")["verdict"] == "INCONCLUSIVE"


def test_the_declared_rate_is_the_float_of_an_inconclusive_test(run_pod, flat):
    policy = {"on_inconclusive": "fallback", "default_learning_rate": 3.2e-7}
    outputs = run_pod(flat, **policy)
    assert outputs.text("learning_rate") == "3.2e-07"
    assert outputs.text("verdict") == "INCONCLUSIVE"


def test_the_rate_of_an_earlier_result_is_the_float_of_an_inconclusive_test(
    run_pod, flat, write_result, make_report
):
    previous = write_result(environment={"optimizer": "SGD"})
    outputs = run_pod({**flat, "previous": previous}, on_inconclusive="last_good")
    rates = make_report().learning_rates_by_schedule
    assert float(outputs.text("learning_rate")) == rates["constant"]
    report = read_result(str(outputs.folder / "result"))
    assert (report.source, len(report.previous)) == ("last_good", 1)


@pytest.mark.parametrize("kind", ["another optimizer", "empty", "another format"])
def test_an_earlier_result_that_cannot_be_used_is_skipped(
    run_pod, flat, write_result, capsys, kind
):
    previous = write_result(environment={"optimizer": "Adam"})
    if kind != "another optimizer":
        previous.write_text("" if kind == "empty" else '{"a": 1}')
    with pytest.raises(SystemExit, match="4"):
        run_pod({**flat, "previous": previous}, on_inconclusive="last_good")
    assert "holds no OK result of the same optimizer" in capsys.readouterr().err


def test_a_jump_since_the_earlier_result_is_reported(run_pod, linear, write_result):
    previous = write_result(environment={"optimizer": "SGD"})
    outputs = run_pod({**linear, "previous": previous}, max_drift_decades=1e-6)
    assert outputs.text("verdict") == "LOW_CONFIDENCE"
    assert "The learning rate moved by" in outputs.metadata("result")["reasons"]


def _terminate_at_the_first_checkpoint(folder, ended):
    """Sends SIGTERM to this process once a checkpoint is there, unless it has ended."""
    while not ended.wait(0.002):
        if list(folder.glob("*.checkpoint")):
            os.kill(os.getpid(), signal.SIGTERM)
            return


def test_a_stopped_pod_resumes_and_finds_the_same_rate(run_pod, linear, tmp_path):
    kept = tmp_path / "kept"
    arguments = {"checkpoint_dir": str(kept), "num_sweeps": 2}
    whole = run_pod(linear, "whole", **arguments)
    assert os.listdir(kept) == []
    before = signal.getsignal(signal.SIGTERM)
    ended = threading.Event()
    kubelet = threading.Thread(
        target=_terminate_at_the_first_checkpoint, args=(kept, ended)
    )
    kubelet.start()
    try:
        with pytest.raises(SystemExit, match="143"):
            run_pod(linear, "pod", **arguments)
    finally:
        ended.set()
        kubelet.join()
    assert signal.getsignal(signal.SIGTERM) == before
    assert not (tmp_path / "pod" / "learning_rate").exists()
    assert len(os.listdir(kept)) == 1
    again = run_pod(linear, "pod", **arguments)
    assert again.text("learning_rate") == whole.text("learning_rate")
    facts = read_result(str(again.folder / "result")).environment
    assert facts["num_steps_resumed"] >= QUICK["num_rates"]
    assert os.listdir(kept) == []
