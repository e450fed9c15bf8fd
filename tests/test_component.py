import pathlib

import numpy as np
import pytest
from tfx import types
from tfx.orchestration import data_types
from tfx.proto import trainer_pb2
from tfx.types import channel_utils, standard_artifacts

from tfx_lr_finder import (
    LRFinder,
    LRFinderPage,
    LRFinderResult,
    LRFinderScalars,
    RangeTestConfig,
    last_good_resolver,
    version,
)
from tfx_lr_finder.range_test.config import PARAMETER_TYPES
from tfx_lr_finder.settings.request import EXECUTION_TYPES, FinderRequest
from tfx_lr_finder.settings.sample import SampleConfig


def _finder(**kwargs):
    examples = types.Channel(type=standard_artifacts.Examples)
    return LRFinder(examples=examples, **{"lr_finder_fn": "module.fn", **kwargs})


def test_the_outputs_are_a_result_standard_hyperparameters_and_two_for_the_console():
    outputs = _finder().outputs
    assert outputs["lr_finder_page"].type is LRFinderPage
    assert outputs["lr_finder_scalars"].type is LRFinderScalars
    assert outputs["lr_finder_result"].type is LRFinderResult
    assert outputs["best_hyperparameters"].type is standard_artifacts.HyperParameters


def test_unset_parameters_are_not_execution_properties():
    assert not set(PARAMETER_TYPES) & set(_finder().exec_properties)


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("max_lr", 1, 1.0),
        ("max_lr", np.float32(0.5), 0.5),
        ("num_rates", 40.0, 40),
        ("num_rates", np.int64(40), 40),
        ("confirm_steps", 0, 0),
        ("rule", "steepest", "steepest"),
        ("sample_size", 500, "500"),
        ("sample_size", "auto", "auto"),
        ("which_fit", 2, "2"),
        ("which_fit", "every", "every"),
    ],
)
def test_plain_numbers_become_the_declared_type(name, given, kept):
    value = _finder(**{name: given}).exec_properties[name]
    assert value == kept
    assert type(value) is type(kept)


@pytest.mark.parametrize(
    ("name", "given"),
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
def test_a_value_that_a_cast_would_change_is_rejected(name, given):
    with pytest.raises(ValueError, match=f"{name} must be a .*, got"):
        _finder(**{name: given})


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
        {"num_sweeps": 0},
        {"sample_size": -3},
        {"sample_size": 2.5},
        {"sample_size": True},
        {"sample_size": 10, "sample_transform": "maybe"},
        {"stratify_by": "label"},
        {"which_fit": 0},
        {"which_fit": "last"},
    ],
    ids=str,
)
def test_a_value_out_of_range_fails_while_the_pipeline_is_defined(bad):
    with pytest.raises(ValueError, match=next(reversed(bad))):
        _finder(**bad)


def test_a_runtime_parameter_is_passed_on_unchanged():
    parameter = data_types.RuntimeParameter(name="max_lr", ptype=float)
    assert _finder(max_lr=parameter).exec_properties["max_lr"] is parameter


def test_a_placeholder_is_passed_on_unchanged():
    upstream = types.Channel(type=standard_artifacts.Float).as_output_channel(
        _finder(), "value"
    )
    placeholder = upstream.future()[0].value
    assert _finder(max_lr=placeholder).exec_properties["max_lr"] is placeholder


@pytest.mark.parametrize("name", sorted(EXECUTION_TYPES))
def test_every_parameter_takes_a_runtime_parameter(name):
    parameter = data_types.RuntimeParameter(name=name, ptype=EXECUTION_TYPES[name])
    assert _finder(**{name: parameter}).exec_properties[name] is parameter


def test_with_beam_pipeline_args_sets_the_beam_options():
    finder = _finder(sample_size="auto").with_beam_pipeline_args(["--runner=X"])
    assert finder.executor_spec.beam_pipeline_args == ["--runner=X"]


def test_a_runtime_parameter_is_checked_by_its_default():
    parameter = data_types.RuntimeParameter(name="m", ptype=float, default=1e-9)
    with pytest.raises(ValueError, match="min_lr must be below max_lr"):
        _finder(min_lr=1e-8, max_lr=parameter)


def test_a_value_is_not_checked_against_one_that_is_not_known_yet():
    parameter = data_types.RuntimeParameter(name="max_lr", ptype=float)
    assert _finder(min_lr=20.0, max_lr=parameter).exec_properties["min_lr"] == 20.0


def test_a_request_holds_what_the_constructor_was_given():
    finder = _finder(
        min_lr=1e-6,
        max_lr=1,
        num_rates=30,
        rule="slide",
        sample_size="auto",
        min_per_label=5,
        on_inconclusive="fallback",
        default_learning_rate=0.5,
        max_drift_decades=2,
        checkpoint_dir="gs://bucket/checkpoints",
        requested_gpus=1,
        on_no_gpu="fail",
        hyperparameter_name="lr",
        custom_config={"raw": True},
        train_args=trainer_pb2.TrainArgs(splits=["a", "b"], num_steps=5000),
    )
    request = FinderRequest.from_properties(finder.exec_properties)
    assert request.config == RangeTestConfig(
        min_lr=1e-6, max_lr=1.0, num_rates=30, rule="slide", train_steps=5000
    )
    assert request.sample == SampleConfig(sample_size="auto", min_per_label=5)
    assert request.policy.default_learning_rate == 0.5
    assert request.max_drift_decades == 2.0
    assert request.checkpoint_dir == "gs://bucket/checkpoints"
    assert (request.gpus.requested_gpus, request.gpus.on_no_gpu) == (1, "fail")
    assert request.hyperparameter_name == "lr"
    assert request.custom_config == {"raw": True}
    assert (request.train_splits, request.eval_splits) == (("a", "b"), ("eval",))
    assert not request.train_steps_given


def test_a_request_without_parameters_has_the_documented_defaults():
    request = FinderRequest.from_properties(_finder().exec_properties)
    assert request.config == RangeTestConfig()
    assert request.sample is None
    assert request.policy.on_inconclusive == "fail"
    assert request.max_drift_decades == 1.0
    assert request.checkpoint_dir is None
    assert (request.gpus.requested_gpus, request.gpus.on_no_gpu) == (0, "warn")
    assert request.hyperparameter_name == "learning_rate"
    assert request.custom_config is None
    assert (request.train_splits, request.eval_splits) == (("train",), ("eval",))


def test_train_steps_of_the_user_win_over_those_of_train_args():
    finder = _finder(train_steps=300, train_args=trainer_pb2.TrainArgs(num_steps=5000))
    request = FinderRequest.from_properties(finder.exec_properties)
    assert request.config.train_steps == 300
    assert request.train_steps_given


@pytest.mark.parametrize("spelling", ["num_steps", "numSteps"])
def test_both_json_spellings_of_num_steps_are_read(spelling):
    properties = {
        **_finder().exec_properties,
        "train_args": f'{{"{spelling}": 5000}}',
    }
    assert FinderRequest.from_properties(properties).config.train_steps == 5000


def test_a_budget_is_checked_while_the_pipeline_is_defined_but_not_a_short_trainer():
    with pytest.raises(ValueError, match="more than max_steps=200"):
        _finder(num_rates=100, max_steps=200)
    _finder(num_rates=100, train_args=trainer_pb2.TrainArgs(num_steps=10))


@pytest.mark.parametrize(
    "changes",
    [
        {"min_lr": 1.0, "max_lr": 0.1},
        {"sample_size": "many"},
        {"on_inconclusive": "shrug"},
        {"max_drift_decades": -1.0},
        {"requested_gpus": -1},
        {"custom_config": "[1]"},
        {"run_fn": "module.run_fn"},
    ],
    ids=str,
)
def test_the_executor_makes_the_same_checks_as_the_constructor(changes):
    with pytest.raises(ValueError, match=next(reversed(changes))):
        FinderRequest.from_properties({**_finder().exec_properties, **changes})


@pytest.mark.parametrize(
    "modules",
    [
        {"lr_finder_fn": None},
        {"lr_finder_fn": "module.fn", "module_file": "module.py"},
        {"lr_finder_fn": "module.fn", "run_fn": "module.run_fn"},
    ],
    ids=["none", "module_file and lr_finder_fn", "lr_finder_fn and run_fn"],
)
def test_exactly_one_of_module_file_lr_finder_fn_and_run_fn_must_be_given(modules):
    with pytest.raises(ValueError, match="Exactly one of module_file, lr_finder_fn"):
        _finder(**modules)


def test_a_run_fn_in_the_image_is_given_by_its_dotted_path():
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
def test_a_bad_policy_fails_while_the_pipeline_is_defined(policy, complaint):
    with pytest.raises(ValueError, match=complaint):
        _finder(**policy)


def test_last_good_takes_previous_results_and_needs_no_default_rate():
    previous = last_good_resolver().outputs["previous"]
    finder = _finder(on_inconclusive="last_good", previous=previous)
    assert finder.inputs["previous"] is previous
    assert finder.exec_properties["on_inconclusive"] == "last_good"


def test_lr_finder_runs_without_any_previous_result():
    assert LRFinder.SPEC_CLASS.is_allow_empty_input("previous")


def test_the_package_version_is_part_of_the_cache_key():
    assert _finder().exec_properties["component_version"] == version.__version__


def test_train_and_eval_args_are_stored_as_the_tuner_stores_them():
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


def test_the_user_module_is_packaged_with_the_pipeline(penguin_module, tmp_path):
    finder = _finder(lr_finder_fn=None, module_file=penguin_module)
    finder._resolve_pip_dependencies(str(tmp_path))
    name, wheel = finder.exec_properties["module_path"].split("@")
    assert name == "penguin_module"
    assert pathlib.Path(wheel).parent == tmp_path / "_wheels"
    assert finder.exec_properties["module_file"] is None


def test_optional_inputs_are_connected_by_name():
    channels = {
        "transform_graph": types.Channel(type=standard_artifacts.TransformGraph),
        "schema": types.Channel(type=standard_artifacts.Schema),
        "hyperparameters": types.Channel(type=standard_artifacts.HyperParameters),
        "base_model": types.Channel(type=standard_artifacts.Model),
        "previous": types.Channel(type=LRFinderResult),
    }
    assert set(_finder(**channels).inputs) == {"examples", *channels}
    assert set(_finder().inputs) == {"examples"}


def test_a_wrong_channel_type_is_rejected():
    with pytest.raises(TypeError, match="schema"):
        _finder(schema=channel_utils.as_channel([standard_artifacts.Model()]))
