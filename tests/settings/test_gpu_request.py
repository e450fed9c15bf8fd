import pytest
import tensorflow as tf
from tfx import types
from tfx.orchestration import data_types
from tfx.types import standard_artifacts

from tfx_lr_finder import LRFinder
from tfx_lr_finder.executor import Executor


def _finder(**kwargs):
    examples = types.Channel(type=standard_artifacts.Examples)
    return LRFinder(examples=examples, lr_finder_fn="module.fn", **kwargs)


def test_a_gpu_request_is_two_typed_execution_parameters():
    properties = _finder(requested_gpus=2.0, on_no_gpu="fail").exec_properties
    assert properties["requested_gpus"] == 2
    assert type(properties["requested_gpus"]) is int
    assert properties["on_no_gpu"] == "fail"


def test_without_a_gpu_request_there_are_no_gpu_properties():
    assert not {"requested_gpus", "on_no_gpu"} & set(_finder().exec_properties)


def test_requested_gpus_takes_a_runtime_parameter():
    parameter = data_types.RuntimeParameter(name="gpus", ptype=int)
    assert _finder(requested_gpus=parameter).exec_properties["requested_gpus"]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"requested_gpus": -1}, "requested_gpus must be at least 0, got -1"),
        ({"requested_gpus": 0.5}, "requested_gpus must be a whole number"),
        ({"requested_gpus": True}, "requested_gpus must be a whole number"),
        ({"on_no_gpu": "cry"}, "on_no_gpu must be 'warn' or 'fail', got 'cry'"),
    ],
)
def test_a_bad_gpu_request_is_rejected_while_the_pipeline_is_defined(bad, message):
    with pytest.raises(ValueError, match=message):
        _finder(**bad)


@pytest.mark.skipif(
    bool(tf.config.list_physical_devices("GPU")), reason="written for no GPU"
)
def test_a_missing_gpu_fails_the_node_before_it_reads_any_data(tmp_path, make_result):
    finder = _finder(requested_gpus=1, on_no_gpu="fail")
    executor = Executor(Executor.Context(tmp_dir=str(tmp_path), unique_id="1"))
    outputs = {"lr_finder_result": [make_result()]}
    with pytest.raises(ValueError, match="1 GPU requested, 0 found"):
        executor.Do({}, outputs, dict(finder.exec_properties))
