"""No machine of these tests has a GPU: what is tested is that this is told."""

import pytest
import tensorflow as tf

from tfx_lr_finder import find_learning_rate
from tfx_lr_finder.runtime.loop import gpus
from tfx_lr_finder.settings import gpu_request

pytestmark = pytest.mark.skipif(
    bool(tf.config.list_physical_devices("GPU")), reason="written for no GPU"
)


def test_a_gpu_that_was_requested_and_is_not_there_fails_the_run():
    with pytest.raises(ValueError, match="2 GPUs requested, 0 found") as caught:
        gpus.prepare(2, "fail")
    assert "--target gpu" in str(caught.value)


def test_or_it_is_told_and_the_run_goes_on(caplog):
    gpus.prepare(1, "warn")
    assert "1 GPU requested, 0 found" in caplog.text


def test_nothing_is_told_where_none_was_requested(caplog):
    gpus.prepare(0, "fail")
    assert not caplog.text


def test_a_report_tells_on_what_it_ran():
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
    assert facts["jit_compile"] in (True, False)
    assert facts["precision"] == "float32"


@pytest.mark.parametrize(
    ("requested", "found", "has_cuda", "expected"),
    [
        (1, 1, True, None),
        (0, 0, False, None),
        (1, 2, True, None),
        (4, 1, True, "4 GPUs requested, 1 found. The node gave none"),
        (1, 0, False, "built without CUDA"),
    ],
)
def test_fewer_than_requested_are_a_complaint(requested, found, has_cuda, expected):
    complaint = gpu_request.complaint(requested, found, has_cuda)
    assert (complaint is None) == (expected is None)
    assert (expected or "") in (complaint or "")
