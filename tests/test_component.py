import pathlib

import numpy as np
import pytest
from tfx import types
from tfx.orchestration import data_types
from tfx.proto import trainer_pb2
from tfx.types import channel_utils, standard_artifacts

from tfx_lr_finder import (
    LRFinder,
    LRFinderResult,
    RangeTestConfig,
    last_good_resolver,
    version,
)
from tfx_lr_finder.range_test.config import PARAMETER_TYPES
from tfx_lr_finder.settings import parameters


def _finder(**kwargs):
    examples = types.Channel(type=standard_artifacts.Examples)
    return LRFinder(examples=examples, **{"lr_finder_fn": "module.fn", **kwargs})


def test_outputs_are_our_result_and_standard_hyperparameters():
    outputs = _finder().outputs
    assert outputs["lr_finder_result"].type is LRFinderResult
    assert outputs["best_hyperparameters"].type is standard_artifacts.HyperParameters


def test_knobs_that_are_not_set_are_absent():
    assert not set(PARAMETER_TYPES) & set(_finder().exec_properties)


@pytest.mark.parametrize(
    ("knob", "given", "kept"),
    [
        ("max_lr", 1, 1.0),
        ("max_lr", np.float32(0.5), 0.5),
        ("num_rates", 40.0, 40),
        ("num_rates", np.int64(40), 40),
        ("confirm_steps", 0, 0),
        ("rule", "steepest", "steepest"),
        ("sample_size", 500, "500"),
        ("sample_size", "auto", "auto"),
    ],
)
def test_plain_numbers_become_the_declared_type(knob, given, kept):
    value = _finder(**{knob: given}).exec_properties[knob]
    assert value == kept
    assert type(value) is type(kept)


@pytest.mark.parametrize(
    ("knob", "given"),
    [
        ("num_rates", 5.5),
        ("num_rates", True),
        ("num_rates", "50"),
        ("num_rates", float("nan")),
        ("min_lr", True),
        ("min_lr", "1e-7"),
        ("seed", [1]),
        ("rule", 3),
        ("default_learning_rate", "0.1"),
    ],
)
def test_casts_that_would_change_the_value_are_refused(knob, given):
    with pytest.raises(ValueError, match=f"{knob} must be a .*, got"):
        _finder(**{knob: given})


@pytest.mark.parametrize(
    "bad",
    [
        {"min_lr": 1.0, "max_lr": 0.1},
        {"min_lr": 0.1, "max_lr": 0.1},
        {"min_lr": 0},
        {"min_lr": -1e-3},
        {"max_lr": float("inf")},
        {"min_lr": float("nan")},
        {"num_rates": 3},
        {"rule": "guess"},
        {"smoothing": 1.0},
        {"num_sweeps": 0},
        {"sample_size": -3},
        {"sample_size": 2.5},
        {"sample_size": True},
        {"sample_size": 10, "sample_by": "luck"},
        {"stratify_by": "label"},
    ],
    ids=str,
)
def test_a_bad_knob_fails_while_the_pipeline_is_written(bad):
    with pytest.raises(ValueError, match=next(reversed(bad))):
        _finder(**bad)


def test_runtime_parameters_pass_untouched():
    parameter = data_types.RuntimeParameter(name="max_lr", ptype=float)
    assert _finder(max_lr=parameter).exec_properties["max_lr"] is parameter


def test_placeholders_pass_untouched():
    upstream = types.Channel(type=standard_artifacts.Float).as_output_channel(
        _finder(), "value"
    )
    placeholder = upstream.future()[0].value
    assert _finder(max_lr=placeholder).exec_properties["max_lr"] is placeholder


@pytest.mark.parametrize("knob", sorted(PARAMETER_TYPES))
def test_every_knob_takes_a_runtime_parameter(knob):
    parameter = data_types.RuntimeParameter(name=knob, ptype=PARAMETER_TYPES[knob])
    assert _finder(**{knob: parameter}).exec_properties[knob] is parameter


def test_beam_options_are_set_as_on_every_beam_component():
    finder = _finder(sample_size="auto").with_beam_pipeline_args(["--runner=X"])
    assert finder.executor_spec.beam_pipeline_args == ["--runner=X"]


def test_a_runtime_parameter_is_checked_by_its_default():
    parameter = data_types.RuntimeParameter(name="m", ptype=float, default=1e-9)
    with pytest.raises(ValueError, match="min_lr must be below max_lr"):
        _finder(min_lr=1e-8, max_lr=parameter)


def test_a_knob_is_not_judged_against_one_known_at_run_time_only():
    parameter = data_types.RuntimeParameter(name="max_lr", ptype=float)
    assert _finder(min_lr=20.0, max_lr=parameter).exec_properties["min_lr"] == 20.0


def test_execution_properties_make_the_same_configuration_again():
    wanted = {"min_lr": 1e-6, "max_lr": 1, "num_rates": 30, "rule": "slide", "seed": 7}
    properties = _finder(**wanted).exec_properties
    assert parameters.config_from_parameters(properties) == RangeTestConfig(**wanted)


@pytest.mark.parametrize(
    "modules",
    [
        {"lr_finder_fn": None},
        {"lr_finder_fn": "module.fn", "module_file": "module.py"},
        {"lr_finder_fn": "module.fn", "run_fn": "module.run_fn"},
    ],
    ids=["neither", "module and hook", "hook and run_fn"],
)
def test_exactly_one_of_module_file_and_the_functions_is_taken(modules):
    with pytest.raises(ValueError, match="Exactly one of module_file, lr_finder_fn"):
        _finder(**modules)


def test_a_run_fn_of_the_image_is_named_by_its_path():
    finder = _finder(lr_finder_fn=None, run_fn="module.run_fn")
    assert finder.exec_properties["run_fn"] == "module.run_fn"
    assert "lr_finder_fn" not in finder.exec_properties


@pytest.mark.parametrize(
    ("policy", "complaint"),
    [
        ({"on_inconclusive": "shrug"}, "'fallback' or 'last_good', got 'shrug'"),
        ({"on_inconclusive": "last_good"}, "needs the input `previous`, got None"),
        ({"on_inconclusive": "fallback"}, "needs default_learning_rate, got None"),
        (
            {"on_inconclusive": "fallback", "default_learning_rate": 0},
            "default_learning_rate must be positive",
        ),
    ],
    ids=["unknown", "no previous", "no rate", "zero rate"],
)
def test_a_bad_policy_fails_while_the_pipeline_is_written(policy, complaint):
    with pytest.raises(ValueError, match=complaint):
        _finder(**policy)


def test_last_good_takes_earlier_results_and_needs_no_rate():
    previous = last_good_resolver().outputs["previous"]
    finder = _finder(on_inconclusive="last_good", previous=previous)
    assert finder.inputs["previous"] is previous
    assert finder.exec_properties["on_inconclusive"] == "last_good"


def test_a_finder_may_start_without_any_earlier_result():
    assert LRFinder.SPEC_CLASS.is_allow_empty_input("previous")


def test_the_version_is_part_of_the_cache_key():
    assert _finder().exec_properties["component_version"] == version.__version__


def test_train_and_eval_args_are_stored_as_tuner_stores_them():
    properties = _finder(
        train_args=trainer_pb2.TrainArgs(splits=["a"], num_steps=5),
        custom_config={"raw": True},
    ).exec_properties
    assert (
        properties["train_args"]
        == '{\n  "num_steps": 5,\n  "splits": [\n    "a"\n  ]\n}'
    )
    assert properties["eval_args"] == "{}"
    assert properties["custom_config"] == '{"raw": true}'


def test_the_module_is_packed_with_the_pipeline(penguin_module, tmp_path):
    finder = _finder(lr_finder_fn=None, module_file=penguin_module)
    finder._resolve_pip_dependencies(str(tmp_path))
    name, wheel = finder.exec_properties["module_path"].split("@")
    assert name == "penguin_module"
    assert pathlib.Path(wheel).parent == tmp_path / "_wheels"
    assert finder.exec_properties["module_file"] is None


def test_optional_inputs_are_wired_by_name():
    channels = {
        "transform_graph": types.Channel(type=standard_artifacts.TransformGraph),
        "schema": types.Channel(type=standard_artifacts.Schema),
        "hyperparameters": types.Channel(type=standard_artifacts.HyperParameters),
        "base_model": types.Channel(type=standard_artifacts.Model),
        "previous": types.Channel(type=LRFinderResult),
    }
    assert set(_finder(**channels).inputs) == {"examples", *channels}
    assert set(_finder().inputs) == {"examples"}


def test_a_wrong_channel_type_is_refused():
    with pytest.raises(TypeError, match="schema"):
        _finder(schema=channel_utils.as_channel([standard_artifacts.Model()]))
