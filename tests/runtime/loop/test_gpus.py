"""Behaviour on a machine without a GPU."""

import pytest
import tensorflow as tf

from tfx_lr_finder import find_learning_rate
from tfx_lr_finder.runtime.loop import gpus
from tfx_lr_finder.settings import gpu_request

pytestmark = pytest.mark.skipif(
    bool(tf.config.list_physical_devices("GPU")), reason="this machine has a GPU"
)


def test_a_missing_gpu_raises_under_the_policy_fail():
    with pytest.raises(ValueError, match="2 GPUs requested, 0 found") as caught:
        gpus.prepare(2, "fail")
    assert "--target gpu" in str(caught.value)


def test_a_missing_gpu_is_logged_under_the_policy_warn(caplog):
    gpus.prepare(1, "warn")
    assert "1 GPU requested, 0 found" in caplog.text


def test_nothing_is_logged_if_no_gpu_was_requested(caplog):
    gpus.prepare(0, "fail")
    assert not caplog.text


def test_a_report_names_its_device_and_precision():
    model = tf.keras.Sequential([tf.keras.Input([2]), tf.keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    data = tf.data.Dataset.from_tensor_slices((tf.ones([64, 2]), tf.ones([64, 1])))
    report = find_learning_rate(
        model, data.batch(8), num_rates=10, num_sweeps=1, confirm_steps=0
    )
    facts = report.environment
    assert facts["device"] == "CPU"
    assert facts["num_gpus"] == 0
    assert facts["gpu_memory_peak_bytes"] is None
    assert facts["jit_compile"] is False
    assert facts["precision"] == "float32"


@pytest.mark.parametrize(
    ("requested", "found", "has_cuda", "expected"),
    [
        (1, 1, True, None),
        (0, 0, False, None),
        (1, 2, True, None),
        (4, 1, True, "4 GPUs requested, 1 found. Either the node has none"),
        (1, 0, False, "built without CUDA"),
    ],
)
def test_fewer_gpus_than_requested_are_a_complaint(
    requested, found, has_cuda, expected
):
    complaint = gpu_request.complaint(requested, found, has_cuda)
    assert (complaint is None) == (expected is None)
    assert (expected or "") in (complaint or "")
