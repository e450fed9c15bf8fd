"""The user module of the penguin pipeline: three species from four measurements.

LRFinder and Trainer read the raw examples, and the input function applies the transform
graph. The taxi example reads Transform's `transformed_examples` instead. The module
imports `keras`, which is Keras 3, because `tf.keras` may be either Keras.

Keep this file alone in its folder: TFX packs every `.py` file of the folder.
"""

import json
import os
from collections.abc import Sequence

import keras
import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx_bsl.public import tfxio

from tfx_lr_finder import LRFinderFnResult, learning_rate

FEATURES = ("body_mass_g", "culmen_depth_mm", "culmen_length_mm", "flipper_length_mm")
LABEL = "species"

BATCH_SIZE = 20
LEARNING_RATE = 1e-2  # replaced by the rate that LRFinder finds


def preprocessing_fn(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The four measurements as one scaled vector, and the unchanged label."""
    scaled = [tft.scale_to_z_score(inputs[name]) for name in FEATURES]
    return {"measurements": tf.concat(scaled, axis=1), LABEL: inputs[LABEL]}


def _input_fn(
    files: Sequence[str],
    fn_args: FnArgs,
    transform_output: tft.TFTransformOutput,
    num_epochs: int | None = None,
) -> tf.data.Dataset:
    """Batches `(measurements, species)` in a seeded order. None repeats forever."""
    transform_layer = transform_output.transform_features_layer()

    def transformed(raw: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        features = transform_layer(raw)
        return features["measurements"], features[LABEL]

    raw_dataset = fn_args.data_accessor.tf_dataset_factory(
        files,
        tfxio.TensorFlowDatasetOptions(
            batch_size=BATCH_SIZE, num_epochs=num_epochs, shuffle_seed=_seed(fn_args)
        ),
        transform_output.raw_metadata.schema,
    )
    return raw_dataset.map(transformed)


def _build_model(rate: float, seed: int) -> keras.Model:
    """A compiled two-layer network with one logit per species."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input([len(FEATURES)]),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(3),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.SGD(rate, momentum=0.9),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy("accuracy")],
    )
    return model


def lr_finder_fn(fn_args: FnArgs) -> LRFinderFnResult:
    """The model and the data of `run_fn`, for LRFinder."""
    transform_output = tft.TFTransformOutput(fn_args.transform_graph_path)
    return LRFinderFnResult(
        model=_build_model(LEARNING_RATE, _seed(fn_args)),
        train_dataset=_input_fn(fn_args.train_files, fn_args, transform_output),
        eval_dataset=_input_fn(fn_args.eval_files, fn_args, transform_output, 1),
    )


def run_fn(fn_args: FnArgs) -> None:
    """Trains for `fn_args.train_steps` steps and saves the model for serving."""
    transform_output = tft.TFTransformOutput(fn_args.transform_graph_path)
    # From LRFinderTrainer, or from the hyperparameters of another Trainer.
    rate = learning_rate(fn_args, default=LEARNING_RATE)
    model = _build_model(rate, _seed(fn_args))
    model.fit(
        _input_fn(fn_args.train_files, fn_args, transform_output),
        steps_per_epoch=fn_args.train_steps,
        verbose=2,
    )
    eval_dataset = _input_fn(fn_args.eval_files, fn_args, transform_output, 1)
    _write_record(model, eval_dataset, fn_args.model_run_dir)
    _save(model, transform_output, fn_args.serving_model_dir)


def _seed(fn_args: FnArgs) -> int:
    return int((fn_args.custom_config or {}).get("seed", 0))


def _write_record(
    model: keras.Model, eval_dataset: tf.data.Dataset, model_run_dir: str
) -> None:
    """Writes the rate of the optimizer (float32) and the metrics: `training.json`."""
    record = {
        "learning_rate": float(model.optimizer.learning_rate.numpy()),
        **model.evaluate(eval_dataset, verbose=0, return_dict=True),
    }
    tf.io.gfile.makedirs(model_run_dir)
    with tf.io.gfile.GFile(os.path.join(model_run_dir, "training.json"), "w") as file:
        json.dump(record, file, indent=2)


def _save(
    model: keras.Model, transform_output: tft.TFTransformOutput, serving_model_dir: str
) -> None:
    """Saves the model with a signature that takes serialized raw `tf.Example`s."""
    model.transform_layer = transform_output.transform_features_layer()
    raw_spec = transform_output.raw_feature_spec()
    del raw_spec[LABEL]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serving_default(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        features = model.transform_layer(tf.io.parse_example(examples, raw_spec))
        return {"species_logits": model(features["measurements"])}

    tf.saved_model.save(
        model, serving_model_dir, signatures={"serving_default": serving_default}
    )
