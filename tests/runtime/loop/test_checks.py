"""What is refused before any training, in words that fit every way of calling it."""

import keras
import pytest
import tensorflow as tf
import tf_keras

from tests.keras_models import linear_dataset, mlp
from tfx_lr_finder.runtime.loop import checks

EMPTY = linear_dataset().take(0)


def unreadable():
    def fail(x, y):
        tf.debugging.assert_equal(tf.size(y), 0, "a fault in the data")
        return x, y

    return linear_dataset().map(fail)


FAULTS = [
    (lambda: checks.check_model(keras.layers.Dense(1)), "Put the layer into a model"),
    (lambda: checks.check_model(keras.Sequential()), "is not compiled"),
    (lambda: checks.check_model_and_data(mlp(keras), (1, 2)), "training dataset must"),
    (lambda: checks.first_batch(EMPTY, "training dataset"), "dataset has no batch"),
    (
        lambda: checks.first_batch(unreadable(), "training dataset"),
        "first batch of the training dataset cannot be read",
    ),
    (
        lambda: checks.check_model_and_data(
            mlp(keras), linear_dataset().map(lambda x, y: x)
        ),
        "The labels are missing",
    ),
]


@pytest.mark.parametrize(("check", "message"), FAULTS)
def test_a_fault_of_a_module_with_only_run_fn_names_no_lr_finder_fn(check, message):
    with pytest.raises(ValueError, match=message) as caught:
        check()
    assert "lr_finder_fn" not in str(caught.value)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_keras_3_model_on_another_backend_is_refused(backend, monkeypatch):
    keras_3, old = mlp(keras), mlp(tf_keras)
    # Neither JAX nor PyTorch is installed here.
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    match = f"Keras runs on its {backend} backend, .* KERAS_BACKEND=tensorflow"
    with pytest.raises(ValueError, match=match):
        checks.check_model(keras_3)
    checks.check_model(old)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (tf.errors.ResourceExhaustedError(None, None, "OOM when allocating"), True),
        (tf.errors.NotFoundError(None, None, "No algorithm worked!"), True),
        (tf.errors.NotFoundError(None, None, "No such file"), False),
        (ValueError("No algorithm worked!"), False),
    ],
)
def test_errors_that_mean_out_of_memory_are_known(error, expected):
    assert checks.is_out_of_memory(error) is expected
