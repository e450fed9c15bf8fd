"""What a search that ends well leaves."""

import json
import pathlib
import re

import keras_tuner
import pytest
from tfx.dsl.components.base import base_beam_executor

from tests.executor.conftest import QUICK
from tests.executor.user_modules import write_module
from tfx_lr_finder import read_result
from tfx_lr_finder.executor import Executor


def test_the_executor_takes_beam_options_as_every_tfx_beam_executor_does():
    assert Executor.__bases__ == (base_beam_executor.BaseBeamExecutor,)


def test_both_outputs_hold_the_same_rate_and_the_documented_files(penguins):
    report = read_result(penguins["lr_finder_result"])
    folder = pathlib.Path(penguins["lr_finder_result"].uri)
    files = sorted(path.name for path in folder.iterdir())
    assert files == [
        "learning_rate_curve.png",
        "report.html",
        "result.json",
        "tensorboard",
    ]
    (file,) = pathlib.Path(penguins["best_hyperparameters"].uri).iterdir()
    config = json.loads(file.read_text())
    chosen = keras_tuner.HyperParameters.from_config(config)
    assert chosen.get("learning_rate") == report.learning_rate
    stored = penguins["lr_finder_result"].get_string_custom_property("learning_rate")
    assert float(stored) == report.learning_rate


def test_the_page_of_the_console_is_one_file_at_the_uri_itself(penguins):
    page = pathlib.Path(penguins["lr_finder_page"].uri)
    report = pathlib.Path(penguins["lr_finder_result"].uri, "report.html")
    assert page.read_bytes() == report.read_bytes()


def test_the_scalars_are_the_rate_and_the_verdict(penguins):
    report = read_result(penguins["lr_finder_result"])
    scalars = penguins["lr_finder_scalars"]
    rate = scalars.get_float_custom_property("learning_rate")
    assert rate == report.learning_rate
    assert scalars.get_string_custom_property("verdict") == report.verdict.name


def test_the_report_holds_the_parameters_of_the_execution(penguins):
    config = read_result(penguins["lr_finder_result"]).config
    assert {name: getattr(config, name) for name in QUICK} == QUICK


def test_two_executions_with_one_seed_have_the_same_losses(
    penguins, run_finder, penguin_examples, penguin_module
):
    again = run_finder({"examples": penguin_examples}, module_file=penguin_module)
    first, second = (
        read_result(outputs["lr_finder_result"]) for outputs in (penguins, again)
    )
    assert first.sweeps == second.sweeps
    assert first.learning_rate == second.learning_rate


@pytest.mark.parametrize("raw", [True, False], ids=["raw", "transformed"])
def test_the_executor_sweeps_raw_and_transformed_examples(
    raw, run_finder, request, taxi_graph, taxi_module
):
    name = "raw_taxi_examples" if raw else "transformed_taxi_examples"
    outputs = run_finder(
        {"examples": request.getfixturevalue(name), "transform_graph": taxi_graph},
        module_file=taxi_module,
        custom_config={"raw": raw},
        on_inconclusive="fallback",
        default_learning_rate=0.01,
    )
    (sweep,) = read_result(outputs["lr_finder_result"]).sweeps
    assert len(sweep.losses) >= 5
    assert all(0 < loss < 1e3 for loss in sweep.losses[:5])


def test_a_failing_report_page_does_not_fail_the_search(
    run_finder, penguin_examples, penguin_module, monkeypatch, caplog
):
    def fail(*_, **__):
        raise RuntimeError("the font is gone")

    monkeypatch.setattr("tfx_lr_finder.views.html.page.render", fail)
    outputs = run_finder({"examples": penguin_examples}, module_file=penguin_module)
    assert read_result(outputs["lr_finder_result"]).learning_rate is not None
    assert any("the font is gone" in line for line in caplog.messages)


def test_the_executor_logs_one_line_at_the_start_and_one_at_the_end(
    run_finder, penguin_examples, penguin_module, caplog
):
    with caplog.at_level("INFO", logger="absl"):
        run_finder({"examples": penguin_examples}, module_file=penguin_module)
    lines = [line for line in caplog.messages if line.startswith("LRFinder: ")]
    assert (
        sum("starting with RangeTestConfig(min_lr=0.0001" in line for line in lines)
        == 1
    )
    (end,) = (line for line in lines if "ended after" in line)
    assert re.search(
        r"learning_rate=\d.* \(rule\), .*verdict LOW_CONFIDENCE \(A sweep of 40 .*"
        r"12 training batches.*\), in \d",
        end,
    )


def test_the_hook_may_return_a_function_that_builds_the_model(
    run_finder, penguin_examples, tmp_path
):
    body = "def lr_finder_fn(fn_args):\n    return LRFinderFnResult(compiled, data)\n"
    outputs = run_finder(
        {"examples": penguin_examples},
        module_file=write_module(tmp_path, body),
        on_inconclusive="fallback",
        default_learning_rate=0.1,
    )
    assert read_result(outputs["lr_finder_result"]).sweeps


def test_the_log_divides_the_seconds_of_the_node(
    run_finder, penguin_examples, penguin_module, caplog
):
    with caplog.at_level("INFO", logger="absl"):
        run_finder({"examples": penguin_examples}, module_file=penguin_module)
    (line,) = re.findall(r"the node took ([\d.]+) seconds \((.*)\)", caplog.text)
    parts = dict(part.rsplit(" ", 1) for part in line[1].split(", "))
    assert list(parts) == ["imports", "user module and data", "range test", "outputs"]
    total = sum(map(float, parts.values()))
    assert total == pytest.approx(float(line[0]), abs=0.2)  # rounded to 0.1
    assert "installed and imported the user's code in" in caplog.text
