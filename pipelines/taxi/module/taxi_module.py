"""The user module of the taxi pipeline: features, model and training.

The model predicts a big tip, one above 20 % of the fare. It reads the output of
Transform (`transformed_examples`), and has a serving signature for raw `tf.Example`s.
Its optimizer is Adam, or SGD with momentum if `custom_config["optimizer"]` is "sgd".

It is a Keras 2 model (`tf_keras`), because the serving layer of TensorFlow Transform is
a `tf_keras` layer. Model, layer and vocabulary tables are then saved together. The
module does not use `tf.keras`: which Keras that is depends on the order of imports. The
penguin example uses Keras 3.

Keep this file alone in its folder: TFX packs every `.py` file of the folder.
"""

import json
import os
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
import tf_keras as keras
from absl import logging
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx_bsl.public import tfxio

from tfx_lr_finder import LRFinderFnResult, learning_rate

NUMERIC_FEATURES = ("fare", "trip_miles", "trip_seconds")
TEXT_FEATURES = ("company", "payment_type")
NUM_CATEGORIES = {  # values 0, 1, ...; 0 also stands for a missing value
    "dropoff_community_area": 78,
    "pickup_community_area": 78,
    "trip_start_day": 8,
    "trip_start_hour": 24,
    "trip_start_month": 13,
}
TIPS = "tips"
LABEL = "big_tipper"

BATCH_SIZE = 64
LEARNING_RATE = 1e-3  # for Adam; replaced by the rate that LRFinder finds
MOMENTUM = 0.9


def preprocessing_fn(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Features and label for the model, from one batch of raw columns.

    Args:
      inputs: Column name to tensor `[batch, 1]`, sparse if values are missing.

    Returns:
      Feature name to float32 or int64 tensor `[batch, 1]`. The label is 0 or 1.
    """
    columns = {name: _fill_missing(value) for name, value in inputs.items()}
    outputs = {}
    for name in NUMERIC_FEATURES:
        value = tf.maximum(tf.cast(columns[name], tf.float32), 0.0)
        outputs[name] = tft.scale_to_z_score(tf.math.log1p(value))
    for name in TEXT_FEATURES:
        outputs[name] = tft.compute_and_apply_vocabulary(
            columns[name], num_oov_buckets=1, vocab_filename=name
        )
    for name, size in NUM_CATEGORIES.items():
        outputs[name] = tf.clip_by_value(columns[name], 0, size - 1)
    big_tip = columns[TIPS] > 0.2 * tf.cast(columns["fare"], tf.float32)
    outputs[LABEL] = tf.cast(big_tip, tf.int64)
    return outputs


def _fill_missing(column: tf.Tensor | tf.SparseTensor) -> tf.Tensor:
    """The column as a dense tensor `[batch, 1]`. Missing values become "" or 0."""
    if not isinstance(column, tf.SparseTensor):
        return column
    default = "" if column.dtype == tf.string else 0
    shape = [column.dense_shape[0], 1]
    column = tf.SparseTensor(column.indices, column.values, shape)
    return tf.sparse.to_dense(column, default_value=default)


def _input_fn(
    files: Sequence[str],
    fn_args: FnArgs,
    transform_output: tft.TFTransformOutput,
    num_epochs: int | None = None,
) -> tf.data.Dataset:
    """Batches `(features, label)` in a seeded order. None repeats forever."""
    return fn_args.data_accessor.tf_dataset_factory(
        files,
        tfxio.TensorFlowDatasetOptions(
            batch_size=BATCH_SIZE,
            label_key=LABEL,
            num_epochs=num_epochs,
            shuffle_seed=_seed(fn_args),
        ),
        transform_output.transformed_metadata.schema,
    )


def _num_categories(transform_output: tft.TFTransformOutput) -> dict[str, int]:
    """Feature name to number of values. A vocabulary has one more, for unknown text."""
    vocabularies = {
        name: transform_output.vocabulary_size_by_name(name) + 1
        for name in TEXT_FEATURES
    }
    return {**vocabularies, **NUM_CATEGORIES}


def build_model(fn_args: FnArgs, rate: float) -> keras.Model:
    """A compiled wide-and-deep network that predicts the probability of a big tip."""
    transform_output = tft.TFTransformOutput(fn_args.transform_graph_path)
    keras.utils.set_random_seed(_seed(fn_args))
    inputs = {name: keras.Input([1], name=name) for name in NUMERIC_FEATURES}
    wide: list[tf.Tensor] = []
    deep = list(inputs.values())
    for name, size in _num_categories(transform_output).items():
        inputs[name] = keras.Input([1], name=name, dtype=tf.int64)
        for branch, width in ((wide, 1), (deep, 8)):
            embedded = keras.layers.Embedding(size, width)(inputs[name])
            branch.append(keras.layers.Flatten()(embedded))
    hidden = keras.layers.Concatenate()(deep)
    for units in (64, 32):
        hidden = keras.layers.Dense(units, activation="relu")(hidden)
    logit = keras.layers.Add()([*wide, keras.layers.Dense(1)(hidden)])
    output = keras.layers.Activation("sigmoid")(logit)
    model = keras.Model(inputs, output)
    model.compile(
        optimizer=_optimizer(fn_args, rate),
        loss=keras.losses.BinaryCrossentropy(),
        metrics=[
            keras.metrics.BinaryAccuracy("accuracy"),
            keras.metrics.AUC(name="auc"),
        ],
    )
    return model


def _optimizer(fn_args: FnArgs, rate: float) -> keras.optimizers.Optimizer:
    name = (fn_args.custom_config or {}).get("optimizer", "adam")
    if name == "sgd":
        return keras.optimizers.SGD(rate, momentum=MOMENTUM)
    if name == "adam":
        return keras.optimizers.Adam(rate)
    raise ValueError(f"custom_config['optimizer'] must be adam or sgd, got {name!r}.")


def lr_finder_fn(fn_args: FnArgs) -> LRFinderFnResult:
    """The model and the data of `run_fn`, for LRFinder."""
    transform_output = tft.TFTransformOutput(fn_args.transform_graph_path)
    return LRFinderFnResult(
        model=build_model(fn_args, LEARNING_RATE),
        train_dataset=_input_fn(fn_args.train_files, fn_args, transform_output),
        eval_dataset=_input_fn(fn_args.eval_files, fn_args, transform_output, 1),
    )


def run_fn(fn_args: FnArgs) -> None:
    """Trains for `fn_args.train_steps` steps and saves the model for serving."""
    # From LRFinderTrainer, or from the hyperparameters of another Trainer.
    rate = learning_rate(fn_args, default=LEARNING_RATE)
    model = build_model(fn_args, rate)
    _write_record(train(model, fn_args), fn_args.model_run_dir)
    transform_output = tft.TFTransformOutput(fn_args.transform_graph_path)
    model.save(
        fn_args.serving_model_dir,
        save_format="tf",
        signatures=_signatures(model, transform_output),
    )


def train(model: keras.Model, fn_args: FnArgs) -> dict[str, float]:
    """Trains the model for `fn_args.train_steps` steps.

    Returns:
      The rate of the optimizer (float32), and the loss and the metrics on the
      evaluation data.
    """
    transform_output = tft.TFTransformOutput(fn_args.transform_graph_path)
    model.fit(
        _input_fn(fn_args.train_files, fn_args, transform_output),
        epochs=1,
        steps_per_epoch=fn_args.train_steps,
        verbose=2,
    )
    eval_dataset = _input_fn(fn_args.eval_files, fn_args, transform_output, 1)
    record = {
        "learning_rate": float(model.optimizer.learning_rate.numpy()),
        **model.evaluate(eval_dataset, verbose=0, return_dict=True),
    }
    logging.info("Trained: %s", record)
    return record


def _seed(fn_args: FnArgs) -> int:
    return int((fn_args.custom_config or {}).get("seed", 0))


def _write_record(record: dict[str, float], model_run_dir: str) -> None:
    """Writes `training.json`."""
    tf.io.gfile.makedirs(model_run_dir)
    with tf.io.gfile.GFile(os.path.join(model_run_dir, "training.json"), "w") as file:
        json.dump(record, file, indent=2)


def _signatures(
    model: keras.Model, transform_output: tft.TFTransformOutput
) -> dict[str, Callable[..., Any]]:
    """Signatures for serving and for Evaluator. Both take serialized `tf.Example`s."""
    model.transform_layer = transform_output.transform_features_layer()
    raw_spec = transform_output.raw_feature_spec()
    serving_spec = {
        name: raw_spec[name]
        for name in (*NUMERIC_FEATURES, *TEXT_FEATURES, *NUM_CATEGORIES)
    }
    labelled_spec = {**serving_spec, TIPS: raw_spec[TIPS]}
    examples = tf.TensorSpec([None], tf.string, name="examples")

    @tf.function(input_signature=[examples])
    def serving_default(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        features = model.transform_layer(tf.io.parse_example(examples, serving_spec))
        features.pop(LABEL, None)
        return {"big_tipper": model(features)}

    @tf.function(input_signature=[examples])
    def transform_features(examples: tf.Tensor) -> Any:
        return model.transform_layer(tf.io.parse_example(examples, labelled_spec))

    return {
        "serving_default": serving_default,
        "transform_features": transform_features,
    }
