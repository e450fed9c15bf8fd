import dataclasses
import json
import pathlib

import numpy as np
import pytest
from tfx import types
from tfx.components.trainer import executor as trainer_executor
from tfx.components.trainer.component import Trainer
from tfx.types import standard_artifacts, standard_component_specs

from tfx_lr_finder import LRFinderResult, LRFinderTrainer, artifact
from tfx_lr_finder.range_test.verdict import Verdict
from tfx_lr_finder.settings.hyperparameters import merge_learning_rate
from tfx_lr_finder.trainer import Executor, LRFinderTrainerSpec


@pytest.fixture
def run_trainer(tmp_path, penguin_examples, penguin_module):
    """Runs a Trainer's executor; returns what `run_fn` saw."""

    def run(component, inputs, executor_class):
        model, model_run = standard_artifacts.Model(), standard_artifacts.ModelRun()
        model.uri, model_run.uri = str(tmp_path / "model"), str(tmp_path / "model_run")
        context = executor_class.Context(tmp_dir=str(tmp_path), unique_id="1")
        executor_class(context).Do(
            {"examples": [penguin_examples], **inputs},
            {"model": [model], "model_run": [model_run]},
            dict(component.exec_properties),
        )
        return json.loads((tmp_path / "model_run" / "seen.json").read_text())

    return run


def _trainer(module_file=None, **kwargs):
    if not kwargs.get("run_fn"):
        kwargs["module_file"] = module_file or "module.py"
    return LRFinderTrainer(
        examples=types.Channel(type=standard_artifacts.Examples), **kwargs
    )


@pytest.fixture
def train_with(run_trainer, penguin_module):
    """Trains with the given LRFinderResult artifacts on the channel."""

    def train(
        *results, custom_config=None, set_rate_on="optimizer", name=None, **inputs
    ):
        component = _trainer(
            penguin_module,
            custom_config=custom_config,
            set_rate_on=set_rate_on,
            on_unused="fail",
            **({"hyperparameter_name": name} if name else {}),
        )
        given = {"lr_finder_result": list(results), **inputs}
        return run_trainer(component, given, Executor)

    return train


@pytest.fixture
def make_written(make_report, make_result):
    """Makes an LRFinderResult that holds a report."""

    def make(report, name="lr_finder_result"):
        result = make_result(name)
        artifact.write_result(result, report)
        return result

    return make


def test_the_rate_of_the_file_reaches_the_optimizer(
    train_with, make_written, make_report
):
    seen = train_with(make_written(make_report(learning_rate=3.2e-7)))
    assert seen["learning_rate"] == 3.2e-7
    assert seen["hyperparameters"] is None
    assert np.float32(seen["optimizer_learning_rate"]) == np.float32(3.2e-7)


def test_the_rate_that_was_used_is_beside_the_model_run(
    train_with, make_written, make_report, tmp_path
):
    train_with(make_written(make_report(learning_rate=3.2e-7)))
    used = json.loads((tmp_path / "model_run" / "learning_rate_used.json").read_text())
    assert used["learning_rate_found"] == used["learning_rate_used"] == 3.2e-7
    assert used["how"] == "run_fn had set it already"


def test_set_rate_on_hyperparameters_passes_a_set_with_only_the_rate(
    train_with, make_written, make_report
):
    report = make_report(learning_rate=3.2e-7)
    seen = train_with(make_written(report), set_rate_on="hyperparameters")
    assert seen["hyperparameters"]["values"] == {"learning_rate": 3.2e-7}
    assert np.float32(seen["optimizer_learning_rate"]) == np.float32(3.2e-7)


@pytest.mark.parametrize("name", ["set_rate_on", "on_unused"])
def test_an_unknown_value_of_an_option_is_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be one of .*, got 'never'"):
        _trainer(**{name: "never"})


def test_the_rate_comes_from_the_file_and_not_from_the_custom_property(
    train_with, make_written, make_report
):
    result = make_written(make_report(learning_rate=0.0123))
    result.set_string_custom_property("learning_rate", "9.0")
    assert train_with(result)["learning_rate"] == 0.0123


def test_the_users_custom_config_is_kept_and_its_rate_replaced(
    train_with, make_written, make_report
):
    seen = train_with(
        make_written(make_report(learning_rate=0.5)),
        custom_config={"learning_rate": 7.0, "dropout": 0.1},
    )
    assert seen["custom_config"] == {"learning_rate": 0.5, "dropout": 0.1}


def test_a_tuners_hyperparameters_are_kept_and_the_rate_replaced(
    train_with, make_written, make_report, tmp_path
):
    tuned = standard_artifacts.HyperParameters()
    tuned.uri = str(tmp_path / "tuned")
    artifact.write_hyperparameters(
        tuned, 9.0, merge_learning_rate(None, 2.0, "momentum")
    )
    result = make_written(make_report(learning_rate=0.5))
    seen = train_with(result, hyperparameters=[tuned])
    assert seen["hyperparameters"]["values"] == {"momentum": 2.0, "learning_rate": 0.5}


def test_the_name_of_the_rate_among_the_hyperparameters_can_be_chosen(
    train_with, make_written, make_report, tmp_path
):
    tuned = standard_artifacts.HyperParameters()
    tuned.uri = str(tmp_path / "tuned")
    artifact.write_hyperparameters(tuned, 9.0, name="lr")
    result = make_written(make_report(learning_rate=0.5))
    seen = train_with(result, hyperparameters=[tuned], name="lr")
    assert seen["hyperparameters"]["values"] == {"lr": 0.5}
    assert seen["learning_rate"] == 0.5


def test_the_trainer_uses_a_fallback_rate(train_with, make_written, make_inconclusive):
    report = make_inconclusive(learning_rate=0.25, source="default_learning_rate")
    assert train_with(make_written(report))["learning_rate"] == 0.25


def test_an_inconclusive_result_is_refused(train_with, make_written, make_inconclusive):
    with pytest.raises(ValueError, match="INCONCLUSIVE and no learning rate") as raised:
        train_with(make_written(make_inconclusive()))
    assert "the loss did not fall at any learning rate" in str(raised.value)


def _lines(caplog):
    lines = [r for r in caplog.records if r.message.startswith("LRFinderTrainer: ")]
    return [(record.levelname, record.message) for record in lines]


def test_an_ok_rate_is_one_line_of_the_log(
    train_with, make_written, make_report, caplog
):
    caplog.set_level("INFO", logger="absl")
    train_with(make_written(make_report(learning_rate=3.2e-7)))
    line = "training with learning_rate=3.2e-07 (source confirmed, verdict OK)"
    assert _lines(caplog) == [("INFO", f"LRFinderTrainer: {line}")]


@pytest.mark.parametrize(
    ("source", "verdict"),
    [
        ("confirmed", Verdict.LOW_CONFIDENCE),
        ("default_learning_rate", Verdict.INCONCLUSIVE),
        ("last_good", Verdict.INCONCLUSIVE),
    ],
)
def test_a_rate_that_is_not_ok_is_used_with_a_warning(
    source, verdict, train_with, make_written, make_report, caplog
):
    reasons = ("The sweeps disagree.", "It is an old rate.")
    report = make_report(
        learning_rate=0.25, source=source, verdict=verdict, reasons=reasons
    )
    assert train_with(make_written(report))["learning_rate"] == 0.25
    ((level, line),) = _lines(caplog)
    assert level == "WARNING"
    assert f"source {source}, verdict {verdict.name}" in line
    assert line.endswith("The sweeps disagree. It is an old rate.")


def test_an_inconclusive_rate_that_is_no_declared_fallback_is_refused(
    train_with, make_written, make_report
):
    report = dataclasses.replace(make_report(), verdict=Verdict.INCONCLUSIVE)
    with pytest.raises(ValueError, match="INCONCLUSIVE, but learning_rate is 0.03"):
        train_with(make_written(report))


@pytest.mark.parametrize("rate", ["0.0", "-0.1", "1e999"])
def test_a_rate_that_is_not_positive_and_finite_is_refused(
    rate, train_with, make_written, make_report
):
    result = make_written(make_report(learning_rate=0.03125))
    path = pathlib.Path(result.uri) / "result.json"
    path.write_text(path.read_text().replace("0.03125", rate))
    with pytest.raises(ValueError, match="positive"):
        train_with(result)


BAD_FILES = {
    "truncated": (lambda text: text[:500], "cut short or was edited. Run the finder"),
    "newer": (
        lambda text: text.replace('"schema_version": 2', '"schema_version": 9'),
        "schema_version 9, but this version .* reads only 2. Upgrade tfx-lr-finder",
    ),
    "edited": (
        lambda text: text.replace('"OK"', '"FINE"'),
        "damaged: verdict is 'FINE', .* Run the finder again",
    ),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_result_that_cannot_be_read_is_refused_before_training(
    name, train_with, make_written, make_report, tmp_path
):
    edit, message = BAD_FILES[name]
    result = make_written(make_report())
    path = pathlib.Path(result.uri) / "result.json"
    path.write_text(edit(path.read_text()))
    with pytest.raises(ValueError, match=message) as raised:
        train_with(result)
    assert str(path) in str(raised.value)
    assert not (tmp_path / "model_run").exists()


@pytest.mark.parametrize("rate", [1e-50, 1e39])
def test_a_rate_that_the_optimizer_cannot_hold_is_refused(
    rate, train_with, make_written, make_report
):
    report = make_report(learning_rate=rate)
    with pytest.raises(ValueError, match="outside of what SGD can take: .* float32"):
        train_with(make_written(report))


def test_a_hyperparameter_of_the_same_name_and_another_type_is_refused(
    train_with, make_written, make_report, tmp_path
):
    tuned = standard_artifacts.HyperParameters()
    tuned.uri = str(tmp_path / "tuned")
    artifact.write_hyperparameters(tuned, 9.0)
    (path,) = pathlib.Path(tuned.uri).iterdir()
    path.write_text(json.dumps({"space": [], "values": {"learning_rate": "slow"}}))
    with pytest.raises(ValueError, match="'learning_rate' must be a float .*'slow'"):
        train_with(make_written(make_report()), hyperparameters=[tuned])


def test_two_results_are_refused(train_with, make_written, make_report):
    first, second = (make_written(make_report(), name) for name in ("a", "b"))
    with pytest.raises(ValueError, match="exactly one LRFinderResult, got 2"):
        train_with(first, second)


def test_a_channel_without_a_result_is_refused(train_with):
    with pytest.raises(ValueError, match=r"exactly one LRFinderResult, got 0 \(none\)"):
        train_with()


def test_without_a_result_it_trains_as_the_stock_trainer(run_trainer, penguin_module):
    component = _trainer(penguin_module, custom_config={"learning_rate": 0.75})
    seen = run_trainer(component, {}, Executor)
    assert seen["learning_rate"] == 0.75
    assert seen["hyperparameters"] is None


def test_the_stock_trainer_reads_the_rate_from_best_hyperparameters(
    run_trainer, penguin_module, tmp_path
):
    output = standard_artifacts.HyperParameters()
    output.uri = str(tmp_path / "best_hyperparameters")
    artifact.write_hyperparameters(output, 3.2e-7)
    component = Trainer(
        module_file=penguin_module,
        examples=types.Channel(type=standard_artifacts.Examples),
        hyperparameters=types.Channel(type=standard_artifacts.HyperParameters),
    )
    seen = run_trainer(
        component, {"hyperparameters": [output]}, trainer_executor.GenericExecutor
    )
    assert seen["learning_rate"] == 3.2e-7


def facts(parameters):
    return {
        name: (parameter.type, parameter.optional)
        for name, parameter in parameters.items()
    }


def test_the_specification_is_that_of_the_installed_tfx_and_one_more_input():
    stock, ours = standard_component_specs.TrainerSpec, LRFinderTrainerSpec
    assert facts(ours.INPUTS) == {
        **facts(stock.INPUTS),
        "lr_finder_result": (LRFinderResult, True),
    }
    assert facts(ours.OUTPUTS) == facts(stock.OUTPUTS)
    own = dict.fromkeys(
        ["set_rate_on", "on_unused", "which_fit", "hyperparameter_name"], (str, True)
    )
    assert facts(ours.PARAMETERS) == {**facts(stock.PARAMETERS), **own}
    assert ours.TYPE_ANNOTATION is stock.TYPE_ANNOTATION


def test_a_connected_result_is_required_before_the_trainer_starts():
    parameter = LRFinderTrainerSpec.INPUTS["lr_finder_result"]
    assert parameter.optional
    assert not parameter.allow_empty


def test_every_input_of_the_stock_trainer_can_be_connected():
    channels = {
        name: types.Channel(type=parameter.type)
        for name, parameter in LRFinderTrainerSpec.INPUTS.items()
    }
    examples = channels.pop("examples")
    trainer = LRFinderTrainer(examples=examples, run_fn="module.run_fn", **channels)
    assert set(trainer.inputs) == {"examples", *channels}
    assert set(trainer.outputs) == {"model", "model_run"}


def test_an_input_that_is_not_the_stock_trainers_is_refused():
    with pytest.raises(
        ValueError, match="no input metrics. Its inputs are base_model, "
    ):
        _trainer(metrics=types.Channel(type=LRFinderResult))


@pytest.mark.parametrize(
    "modules",
    [{}, {"run_fn": "module.run_fn", "module_file": "module.py"}],
    ids=["neither", "both"],
)
def test_module_file_and_run_fn_exclude_each_other(modules):
    with pytest.raises(ValueError, match="Exactly one of module_file and run_fn"):
        LRFinderTrainer(
            examples=types.Channel(type=standard_artifacts.Examples), **modules
        )


def test_the_user_module_is_packaged_with_the_pipeline(penguin_module, tmp_path):
    trainer = _trainer(penguin_module)
    trainer._resolve_pip_dependencies(str(tmp_path))
    assert trainer.exec_properties["module_path"].startswith("penguin_module@")
