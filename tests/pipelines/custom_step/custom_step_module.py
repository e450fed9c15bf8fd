"""A model with a `train_step` of its own, in the Keras that `custom_config` names."""

import importlib
import os

import tensorflow as tf
from tfx.utils import io_utils
from tfx_bsl.public import tfxio

from tfx_lr_finder import LRFinderFnResult

FEATURES = ("body_mass_g", "culmen_depth_mm", "culmen_length_mm", "flipper_length_mm")
OFFSET = 100.0  # the custom step's mark: its losses lie above this


def _input_fn(files, fn_args):
    schema = io_utils.SchemaReader().read(fn_args.schema_path)
    options = tfxio.TensorFlowDatasetOptions(
        batch_size=20, label_key="species", shuffle_seed=0
    )
    dataset = fn_args.data_accessor.tf_dataset_factory(files, options, schema)
    return dataset.map(lambda x, y: (tf.concat([x[n] for n in FEATURES], 1), y))


def _build_model(fn_args, learning_rate):
    keras = importlib.import_module(fn_args.custom_config["keras"])

    class OffsetModel(keras.Sequential):
        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = self.compute_loss(x=x, y=y, y_pred=self(x, training=True))
            variables = self.trainable_variables
            gradients = tape.gradient(loss, variables)
            self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
            # A key that is no metric: else Keras' fit logs its own mean, not this.
            return {"loss": loss + OFFSET, "custom_step": 1.0}

    keras.utils.set_random_seed(0)
    model = OffsetModel(
        [
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(3),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.SGD(learning_rate, momentum=0.9),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


def lr_finder_fn(fn_args):
    return LRFinderFnResult(
        model=_build_model(fn_args, 0.01),
        train_dataset=_input_fn(fn_args.train_files, fn_args),
        eval_dataset=_input_fn(fn_args.eval_files, fn_args),
    )


def run_fn(fn_args):
    model = _build_model(fn_args, fn_args.custom_config["learning_rate"])
    history = model.fit(
        _input_fn(fn_args.train_files, fn_args),
        steps_per_epoch=fn_args.train_steps,
        verbose=0,
    )
    os.makedirs(fn_args.model_run_dir, exist_ok=True)
    with open(os.path.join(fn_args.model_run_dir, "trained.txt"), "w") as file:
        rate = float(model.optimizer.learning_rate.numpy())
        file.write(f"{rate!r} {history.history['loss'][0]!r}")
    os.makedirs(fn_args.serving_model_dir, exist_ok=True)
