"""Checks the model and the datasets before any training."""

import inspect
import numbers
import re
import sys
from collections.abc import Iterable
from typing import Any

import tensorflow as tf

_KERAS_MODULES = ("keras.", "tf_keras.")
_KERAS_3_MODEL = "keras.src.models.model"
_LABEL_ERROR = re.compile(
    r"label value of (?P<label>-?\d+) which is outside the valid range of "
    r"(?P<classes>\[\d+, \d+\))"
)

_MEMORY_SIGNS = (
    "No algorithm worked",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDA_ERROR_OUT_OF_MEMORY",
)


def is_model_function(model: Any) -> bool:
    """Returns whether a value is a function that builds the model."""
    return callable(model) and not hasattr(model, "fit") and not _is_keras(model)


def check_model_and_data(
    model: Any,
    train_dataset: Any,
    eval_dataset: Any = None,
    num_train_examples: Any = None,
) -> None:
    """Checks what a range test needs without reading data or calling a function.

    Args:
      model: A compiled Keras model, or a function that builds one.
      train_dataset: A `tf.data.Dataset` of batches as `fit` takes them.
      eval_dataset: The same, or None.
      num_train_examples: A positive integer, or None.

    Raises:
      ValueError: If one of them is something else.
    """
    if not is_model_function(model):
        check_model(model)
    _check_dataset("training dataset", train_dataset)
    if eval_dataset is not None:
        _check_dataset("evaluation dataset", eval_dataset)
    _check_labels(model, train_dataset)
    integer = isinstance(num_train_examples, numbers.Integral)
    integer = integer and not isinstance(num_train_examples, bool)
    positive = integer and num_train_examples >= 1
    if num_train_examples is not None and not positive:
        raise ValueError(
            "num_train_examples must be an integer of at least 1, got "
            f"{num_train_examples!r}. Leave it out to let LRFinder count the examples."
        )


def first_batch(batches: Iterable[Any], name: str) -> Any:
    """Returns the next batch, or raises a ValueError with the name of the dataset."""
    try:
        for batch in batches:
            return batch
    except (tf.errors.OpError, ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"The first batch of the {name} cannot be read: {error}. Do the examples "
            "match the transform graph or schema that the module parses them with? Raw "
            "examples need the raw schema, transformed examples the transformed schema."
        ) from error
    raise ValueError(
        f"The {name} has no batch. Check that the files of the split contain examples, "
        "that no filter drops all of them, and that drop_remainder=True leaves a batch."
    )


def build_model(function: Any) -> Any:
    """Returns the model that the user's function builds.

    Raises:
      ValueError: The function needs arguments.
    """
    try:
        inspect.signature(function).bind()
    except TypeError as error:
        raise ValueError(
            f"The function that builds the model must take no arguments: {error}. "
            "Pass lambda: build(...) with the arguments in it."
        ) from error
    except ValueError:  # a builtin without a signature
        pass
    return function()


def one_shot_error(dataset: str) -> ValueError:
    """Returns the error for a dataset that ended though it is repeated.

    Args:
      dataset: "training dataset" or "evaluation dataset".
    """
    return ValueError(
        f"The {dataset} gives its batches only once: it was empty when it was read "
        "again. LRFinder reads the data several times. Let from_generator take a "
        "function that returns a new generator at each call, or add .cache() to the "
        "dataset."
    )


def label_error(dataset: str, error: Exception) -> ValueError | None:
    """Returns the error for labels outside of the classes; None for other faults.

    Args:
      dataset: "training dataset" or "evaluation dataset".
      error: What TensorFlow raised.
    """
    found = _LABEL_ERROR.search(str(error))
    if found is None:
        return None
    return ValueError(
        f"A label of the {dataset} is {found['label']}, and the model's output has the "
        f"classes {found['classes']}. Map the labels to whole numbers from 0, or give "
        "the last layer one unit for each class."
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Returns whether an error of TensorFlow means that the device has no memory left.

    Args:
      error: What TensorFlow raised. cuDNN and cuBLAS have messages of their own: cuDNN
        finds no algorithm if none gets its scratch memory.
    """
    if isinstance(error, tf.errors.ResourceExhaustedError):
        return True
    return isinstance(error, tf.errors.OpError) and any(
        sign in str(error) for sign in _MEMORY_SIGNS
    )


def describe_error(error: Exception) -> str:
    """Returns the type and the text of an error of user code, in one line or more."""
    explained = label_error("first batch", error)
    return (
        str(explained).rstrip(".") if explained else f"{type(error).__name__}: {error}"
    )


def is_keras_3(model: Any) -> bool:
    """Returns whether the model is a Keras 3 model, not a tf_keras one."""
    return any(base.__module__.startswith("keras.") for base in type(model).__mro__)


def _is_keras(value: Any) -> bool:
    """Returns whether a value is an instance of a class of either Keras."""
    bases = type(value).__mro__
    return any(base.__module__.startswith(_KERAS_MODULES) for base in bases)


def check_model(model: Any) -> None:
    """Refuses anything except a compiled Keras model that runs on TensorFlow.

    Raises:
      ValueError: It is something else; the message says what to do.
    """
    is_model = all(hasattr(model, name) for name in ("compile", "fit", "train_step"))
    if isinstance(model, type) or not is_model:
        got, advice = _type_name(model), ""
        if isinstance(model, type):
            got = f"the class {model.__qualname__}"
            advice = " Pass an instance of the class, compiled."
        elif _is_keras(model):
            advice = " Put the layer into a model: Sequential([layer]), and compile it."
        raise ValueError(
            "The model must be a compiled Keras model (Keras 3 or tf_keras) or a "
            f"function without arguments that builds one, got {got}.{advice}"
        )
    _check_backend(model)
    if getattr(model, "optimizer", None) is None:
        raise ValueError(
            f"The model {model.name!r} is not compiled. Call "
            "model.compile(optimizer=..., loss=...) first. Its learning rate does not "
            "matter."
        )


def _check_backend(model: Any) -> None:
    """Refuses a Keras 3 model that does not run on TensorFlow."""
    keras = sys.modules.get("keras")
    is_model = any(base.__module__ == _KERAS_3_MODEL for base in type(model).__mro__)
    if keras is None or not is_model:
        return
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ValueError(
            f"Keras runs on its {backend} backend, and LRFinder trains on TensorFlow. "
            "Set the environment variable KERAS_BACKEND=tensorflow before Keras is "
            "imported."
        )


def _check_dataset(name: str, dataset: Any) -> None:
    """Refuses anything except a `tf.data.Dataset`."""
    if not isinstance(dataset, tf.data.Dataset):
        raise ValueError(
            f"The {name} must be a tf.data.Dataset of batches, got "
            f"{_type_name(dataset)}. Wrap arrays in "
            "tf.data.Dataset.from_tensor_slices((x, y)).batch(32)."
        )


def _check_labels(model: Any, dataset: tf.data.Dataset) -> None:
    """Refuses batches without labels for a model whose loss needs labels."""
    spec = dataset.element_spec
    labelled = isinstance(spec, tuple) and len(spec) > 1
    train_step = getattr(type(model), "train_step", None)
    own_step = not getattr(train_step, "__module__", "").startswith(_KERAS_MODULES)
    if labelled or own_step or not getattr(model, "loss", None):
        return
    raise ValueError(
        f"The labels are missing: the training dataset gives {spec}, and the model's "
        "loss needs (features, labels). Set label_key in TensorFlowDatasetOptions, "
        "pass arrays as one tuple (x, y), or map the batches to such pairs."
    )


def _type_name(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"
