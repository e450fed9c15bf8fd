"""One eager step on one batch, undone: it builds the model and finds faults."""

from typing import Any

import tensorflow as tf
from absl import logging

from tfx_lr_finder.runtime.loop import checks
from tfx_lr_finder.runtime.loop.optimizers import build_optimizer
from tfx_lr_finder.runtime.loop.snapshot import undone


def build(model: Any, batch: Any) -> bool:
    """Builds model, metrics and optimizer before the step is traced.

    The test step builds most models. If it fails, or leaves a model of submodels
    unbuilt, one training step builds them and is undone. A trace must not build a
    model: its variables would belong to the trace. On one device, a functional model
    with one output and without metrics is complete and needs no step.

    Args:
      model: A compiled Keras model.
      batch: The first training batch.

    Returns:
      Whether a step has run, so that model and data fit together.

    Raises:
      ValueError: Neither step can be run.
    """
    runs = True
    try:
        complete = _is_complete(model)
        if not complete:
            _run_once(model, model.test_step, batch)
    except Exception as error:  # noqa: BLE001 - the training step may need no call
        if checks.is_out_of_memory(error):
            raise
        logging.info("LRFinder: the test step does not build the model: %s", error)
        runs = complete = False
    if not (runs and model.built):
        check_training(model, batch)
    if model.built:
        with model.distribute_strategy.scope():
            build_optimizer(model.optimizer, model.trainable_variables)
    return not complete


def _is_complete(model: Any) -> bool:
    """Returns whether the model has all variables that a step of it creates.

    Builds the compiled loss of tf_keras, which would otherwise be missing.
    """
    if not model.built or len(getattr(model, "outputs", None) or ()) != 1:
        return False
    if model.distribute_strategy.num_replicas_in_sync > 1:
        return False  # without that step, a collective of tf_keras failed in a test
    if not checks.is_keras_3(model):
        if tf.nest.is_nested(model.output) or _has_user_metrics(model):
            return False
        if not model.compiled_loss.built:
            with model.distribute_strategy.scope():
                model.compiled_loss.build(model.output)
    return len(model.metrics) == 1  # the loss


def _has_user_metrics(model: Any) -> bool:
    """Returns whether a model of tf_keras was compiled with metrics."""
    compiled = model.compiled_metrics
    return bool(compiled._user_metrics or compiled._user_weighted_metrics)


def check_training(model: Any, batch: Any) -> None:
    """Trains on one batch and undoes it, to find faults in the model or the data."""
    try:
        _run_once(model, model.train_step, batch)
    except Exception as error:
        if checks.is_out_of_memory(error):
            raise
        raise ValueError(
            f"The model cannot be run on the first training batch: "
            f"{checks.describe_error(error)}. Check that the batches are (x, y) "
            "or (x, y, sample_weight) in the form that model.fit takes."
        ) from error


def check_evaluation(model: Any, batch: Any) -> None:
    """Evaluates one batch and undoes it, before any training.

    Args:
      model: A built model.
      batch: The first held-out batch.

    Raises:
      ValueError: The model or the data have a fault; the message gives advice.
    """
    try:
        _run_once(model, model.test_step, batch)
    except Exception as error:
        if checks.is_out_of_memory(error):
            raise
        raise ValueError(
            "The model cannot score the first held-out batch: "
            f"{checks.describe_error(error)}. LRFinder compares rates by the loss that "
            "test_step returns. Give the model a call method or a test_step, and check "
            "that the evaluation dataset gives what validation_data of model.fit "
            "takes. Or pass confirm_steps=0, which needs no held-out data and reads "
            "the rate off the training curve."
        ) from error


def _run_once(model: Any, keras_step: Any, batch: Any) -> None:
    """Runs a step of Keras eagerly on one batch, and undoes it."""
    with undone(model), model.distribute_strategy.scope():
        model.distribute_strategy.run(keras_step, args=(batch,))
