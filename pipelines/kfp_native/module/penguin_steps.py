"""The steps of the pipeline in `pipelines/kfp_native`: penguins without TFX.

The pods run the module as a command, `python -m penguin_steps train ...`. LRFinder
imports `lr_finder_fn` from it, which also runs in LRFinder's TFX component. The data
are TFRecords of the species and four measurements, each scaled to 0 to 1.
"""

import argparse
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfx_lr_finder import LRFinderFnResult, read_result

FEATURES = ("body_mass_g", "culmen_depth_mm", "culmen_length_mm", "flipper_length_mm")
LABEL = "species"
SPEC = {
    **{name: tf.io.FixedLenFeature([1], tf.float32) for name in FEATURES},
    LABEL: tf.io.FixedLenFeature([1], tf.int64),
}
BATCH_SIZE = 20
SAMPLES_IN_TFX = "components/testdata/penguin/data"


def lr_finder_fn(fn_args: Any) -> LRFinderFnResult:
    """The model and the data that `train` uses, for LRFinder."""
    seed = (fn_args.custom_config or {}).get("seed", 0)
    return LRFinderFnResult(
        model=build_model(1e-2, seed),
        train_dataset=read(fn_args.train_files).shuffle(1000, seed).batch(BATCH_SIZE),
        eval_dataset=read(fn_args.eval_files).batch(BATCH_SIZE),
    )


def read(files: Sequence[str]) -> tf.data.Dataset:
    """Examples `(measurements, species)` of compressed TFRecord files or patterns."""

    def parse(record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        example = tf.io.parse_single_example(record, SPEC)
        return tf.concat([example[name] for name in FEATURES], 0), example[LABEL]

    paths = sorted(path for file in files for path in tf.io.gfile.glob(file))
    return tf.data.TFRecordDataset(paths, compression_type="GZIP").map(parse)


def build_model(rate: float, seed: int) -> keras.Model:
    """A compiled two-layer network with one logit per species."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input([len(FEATURES)]),
            keras.layers.Dense(16, activation="relu"),
            # Untrained, the model says 1/3 for each species: no rate can do better if
            # the labels are noise.
            keras.layers.Dense(3, kernel_initializer="zeros"),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.SGD(rate, momentum=0.9),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy("accuracy")],
    )
    return model


def prepare(source: str, train_data: str, eval_data: str) -> None:
    """Writes the complete records of both splits, one file each.

    Args:
      source: A folder with `Split-train` and `Split-eval`. Empty for the sample data
        in TFX's wheel, which is read without importing TFX.
      train_data: The file to write.
      eval_data: The file to write.
    """
    source = source or os.path.join(_folder_of_tfx(), SAMPLES_IN_TFX)
    for split, target in (("train", train_data), ("eval", eval_data)):
        files = sorted(tf.io.gfile.glob(os.path.join(source, f"Split-{split}", "*")))
        if not files:
            raise ValueError(f"{source} has no files in Split-{split}.")
        _make_folder(target)
        num_records = 0
        with tf.io.TFRecordWriter(target, options="GZIP") as writer:
            for record in tf.data.TFRecordDataset(files, compression_type="GZIP"):
                tf.io.parse_single_example(record, SPEC)  # raises if one is incomplete
                writer.write(record.numpy())
                num_records += 1
        print(f"prepare: {num_records} examples for {split}")


def _folder_of_tfx() -> str:
    """The folder of the installed TFX."""
    spec = importlib.util.find_spec("tfx")
    if spec is None or not spec.submodule_search_locations:
        raise ValueError("TFX is not installed here: pass --source.")
    return str(spec.submodule_search_locations[0])


def train(
    train_data: str, learning_rate: float, steps: int, model: str, rate_used: str
) -> None:
    """Trains with the rate found, saves the model, and writes the optimizer's rate."""
    network = build_model(learning_rate, seed=0)
    dataset = read([train_data]).shuffle(1000, 0).repeat().batch(BATCH_SIZE)
    network.fit(dataset, steps_per_epoch=steps, verbose=2)
    _write(rate_used, repr(float(network.optimizer.learning_rate.numpy())))
    _make_folder(model)
    with tempfile.TemporaryDirectory() as folder:  # Keras wants the suffix
        path = os.path.join(folder, "model.keras")
        network.save(path)
        shutil.copyfile(path, model)


def evaluate(eval_data: str, model: str, accuracy: str) -> None:
    """Writes the accuracy of the model on the held-out data."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.keras")
        shutil.copyfile(model, path)
        network = keras.saving.load_model(path)
    dataset = read([eval_data]).batch(BATCH_SIZE)
    found = network.evaluate(dataset, verbose=0, return_dict=True)["accuracy"]
    print(f"evaluate: accuracy {found:.4f}")
    _write(accuracy, repr(float(found)))


def review(result: str) -> None:
    """Prints why there is no rate, for the person who reads the log."""
    report = read_result(result)
    print(f"review: {report.verdict.name}. {' '.join(report.reasons)}")


def _write(path: str, text: str) -> None:
    _make_folder(path)
    with open(path, "w") as file:
        file.write(text)


def _make_folder(path: str) -> None:
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)


def main(arguments: Sequence[str]) -> None:
    """Runs one step; its options are the step's arguments."""
    parser = argparse.ArgumentParser(prog="penguin_steps")
    steps = parser.add_subparsers(dest="step", required=True)
    options: dict[Callable[..., None], dict[str, type]] = {
        prepare: {"source": str, "train-data": str, "eval-data": str},
        train: {
            "train-data": str,
            "learning-rate": float,
            "steps": int,
            "model": str,
            "rate-used": str,
        },
        evaluate: {"eval-data": str, "model": str, "accuracy": str},
        review: {"result": str},
    }
    for step, types in options.items():
        command = steps.add_parser(step.__name__)
        command.set_defaults(run=step)
        for name, kind in types.items():
            command.add_argument(f"--{name}", type=kind, required=True)
    given = vars(parser.parse_args(arguments))
    del given["step"]
    given.pop("run")(**given)


if __name__ == "__main__":
    main(sys.argv[1:])
