"""Checks the model and the datasets before any training."""

from typing import Any

import tensorflow as tf

_KERAS_MODULES = ("keras.", "tf_keras.")


def is_model_function(model: Any) -> bool:
    """Returns whether a value is a function that builds the model."""
    return callable(model) and not hasattr(model, "fit")


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
        _check_model(model)
    _check_dataset("training dataset", train_dataset)
    if eval_dataset is not None:
        _check_dataset("evaluation dataset", eval_dataset)
    _check_labels(model, train_dataset)
    integer = isinstance(num_train_examples, int) and num_train_examples >= 1
    if num_train_examples is not None and not integer:
        raise ValueError(
            "num_train_examples must be an integer of at least 1, got "
            f"{num_train_examples!r}. Leave it out to let LRFinder count the examples."
        )


def first_batch(dataset: tf.data.Dataset, name: str) -> Any:
    """Returns the first batch of a dataset, or raises a ValueError with its name."""
    try:
        for batch in dataset.take(1):
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


def _check_model(model: Any) -> None:
    """Refuses a model that is not a compiled Keras model."""
    if not all(hasattr(model, name) for name in ("compile", "fit", "train_step")):
        raise ValueError(
            "The model must be a compiled Keras model (Keras 3 or tf_keras) or a "
            f"function without arguments that builds one, got {_type_name(model)}."
        )
    if getattr(model, "optimizer", None) is None:
        raise ValueError(
            f"The model {model.name!r} is not compiled. Call "
            "model.compile(optimizer=..., loss=...) first. Its learning rate does not "
            "matter."
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
        "loss needs (features, labels). Set label_key in TensorFlowDatasetOptions, or "
        "map the batches to such pairs."
    )


def _type_name(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"
