"""Local pipelines around one user module: LRFinder, LRFinderTrainer, the Trainer."""

import contextlib
import dataclasses
import functools
import json
import pathlib
import time
from collections.abc import Iterator
from typing import Any
from unittest import mock

import keras
import numpy as np
import tensorflow as tf
import tf_keras
import tfx as tfx_package
from tfx import v1 as tfx

from benchmarks.modules.cases import Case
from tfx_lr_finder import LRFinder, LRFinderTrainer, read_result

WHEEL = pathlib.Path(tfx_package.__path__[0])
TESTDATA = WHEEL / "components" / "testdata"
TAXI_CSV = WHEEL / "examples" / "chicago_taxi_pipeline" / "data" / "simple"
SPLITS = ("train", "eval")
NUM_DIGITS = {"train": 2000, "eval": 400}
EVAL_STEPS = 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run:
    """What one seed gave.

    Attributes:
      seconds: Seconds of the pipeline's nodes, by their id.
      verdict: LRFinder's verdict.
      rate_found: The rate of the result for a constant rate.
      rate_used: The rate of the saved model's optimizer; None if it is in doubt.
      doubt: Why the rate is in doubt, or None.
      own_rate: The rate of the module's optimizer in the stock Trainer.
      loss_own: Held-out loss of the stock Trainer's model.
      loss_found: Held-out loss of LRFinderTrainer's model.
    """

    seconds: dict[str, float]
    verdict: str
    rate_found: float | None
    rate_used: float | None
    doubt: str | None
    own_rate: float | None
    loss_own: float | None
    loss_found: float | None


class FitRecord:
    """Remembers the model and the held-out data of the last `fit`."""

    def __init__(self) -> None:
        """Remembers nothing yet."""
        self._model: Any = None
        self._arguments: dict[str, Any] = {}

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Wraps `fit` of both Kerases."""
        with contextlib.ExitStack() as stack:
            for cls in (keras.Model, tf_keras.Model):
                stack.enter_context(mock.patch.object(cls, "fit", self._wrap(cls.fit)))
            yield

    def _wrap(self, fit: Any) -> Any:
        @functools.wraps(fit)
        def recorded(model: Any, *args: Any, **kwargs: Any) -> Any:
            self._model, self._arguments = model, kwargs
            return fit(model, *args, **kwargs)

        return recorded

    def loss(self) -> float | None:
        """Returns the held-out loss of the model; None without held-out data."""
        data = self._arguments.get("validation_data")
        if data is None:
            return None
        steps = self._arguments.get("validation_steps")
        x, y = data if isinstance(data, tuple) else (data, None)
        logs = self._model.evaluate(x, y, steps=steps, return_dict=True, verbose=0)
        return float(logs["loss"])

    def rate(self) -> float | None:
        """Returns the rate of the model's optimizer at the end of the training."""
        rate = self._model.optimizer.learning_rate
        return None if callable(rate) else float(np.asarray(rate))


def prepare(case: Case, folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """Returns the folders of the artifacts that a module trains on.

    Args:
      case: The module.
      folder: Where to run ExampleGen and Transform.
    """
    if case.data == "taxi":
        examples = tfx.components.CsvExampleGen(input_base=str(TAXI_CSV))
        schema_file = TESTDATA / "schema_gen" / "schema.pbtxt"
    else:
        source = TESTDATA / "penguin" / "data"
        schema_file = TESTDATA / "penguin" / "schema" / "schema.pbtxt"
        if case.data == "digits":
            source, schema_file = _write_digits(folder)
        splits = [
            tfx.proto.Input.Split(name=name, pattern=f"Split-{name}/*")
            for name in SPLITS
        ]
        config = tfx.proto.Input(splits=splits)
        examples = tfx.components.ImportExampleGen(str(source), config)
    schema = tfx.components.ImportSchemaGen(schema_file=str(schema_file))
    nodes = [examples, schema]
    if case.transform is not None:
        transform = tfx.components.Transform(
            examples=examples.outputs["examples"],
            schema=schema.outputs["schema"],
            module_file=str(case.transform),
        )
        nodes.append(transform)
    _run(nodes, folder)
    found = {"schema": _output(folder, "ImportSchemaGen/schema")}
    if case.transform is None:
        name = type(examples).__name__
        return found | {"examples": _output(folder, f"{name}/examples")}
    return found | {
        "examples": _output(folder, "Transform/transformed_examples"),
        "transform_graph": _output(folder, "Transform/transform_graph"),
    }


def _write_digits(folder: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """Writes pictures of ten noisy shapes as MNIST's Examples, and their schema."""
    rng = np.random.default_rng(0)
    shapes = rng.random((10, 784)) < 0.2
    for split, count in NUM_DIGITS.items():
        target = folder / "digits" / f"Split-{split}"
        target.mkdir(parents=True)
        with tf.io.TFRecordWriter(str(target / "data.gz"), "GZIP") as writer:
            for label in rng.integers(0, 10, count):
                pixels = 0.6 * shapes[label] + rng.normal(scale=0.5, size=784)
                example = tf.train.Example()
                features = example.features.feature
                features["image_floats"].float_list.value.extend(pixels)
                features["image_class"].int64_list.value.append(label)
                writer.write(example.SerializeToString())
    schema = folder / "digits.pbtxt"
    schema.write_text(
        'feature { name: "image_floats" type: FLOAT presence { min_fraction: 1.0 } '
        "shape { dim { size: 784 } } }\n"
        'feature { name: "image_class" type: INT presence { min_fraction: 1.0 } '
        "shape { dim { size: 1 } } }\n"
    )
    return folder / "digits", schema


def run(
    case: Case, inputs: dict[str, pathlib.Path], folder: pathlib.Path, seed: int
) -> Run:
    """Runs LRFinder with LRFinderTrainer, then the stock Trainer, with one seed.

    Args:
      case: The module.
      inputs: What `prepare` returned.
      folder: A new folder for the artifacts.
      seed: Seeds LRFinder, and Keras before each pipeline.
    """
    record = FitRecord()
    with record.recording():
        importers, training = _training(case, inputs)
        finder = LRFinder(**training, seed=seed)
        trainer = LRFinderTrainer(
            **training, lr_finder_result=finder.outputs["lr_finder_result"]
        )
        seconds = _seeded(seed, [*importers, finder, trainer], folder)
        loss_found = record.loss()
        importers, training = _training(case, inputs)
        stock = tfx.components.Trainer(**training)
        seconds |= _seeded(seed, [*importers, stock], folder)
        loss_own, own_rate = record.loss(), record.rate()
    report = read_result(str(_output(folder, "LRFinder/lr_finder_result")))
    model_run = _output(folder, "LRFinderTrainer/model_run")
    used = json.loads((model_run / "learning_rate_used.json").read_text())
    return Run(
        seconds=seconds,
        verdict=report.verdict.name,
        rate_found=report.learning_rate,
        rate_used=used["learning_rate_used"],
        doubt=used["doubt"],
        own_rate=own_rate,
        loss_own=loss_own,
        loss_found=loss_found,
    )


def _training(
    case: Case, inputs: dict[str, pathlib.Path]
) -> tuple[list[Any], dict[str, Any]]:
    """Returns the importers of the inputs, and the arguments of a training node."""
    types = {
        "examples": tfx.types.standard_artifacts.Examples,
        "transform_graph": tfx.types.standard_artifacts.TransformGraph,
        "schema": tfx.types.standard_artifacts.Schema,
    }
    importers = []
    training: dict[str, Any] = {
        "module_file": str(case.file),
        "train_args": tfx.proto.TrainArgs(num_steps=case.num_steps),
        "eval_args": tfx.proto.EvalArgs(num_steps=EVAL_STEPS),
    }
    for name, path in inputs.items():
        properties = {"split_names": json.dumps(SPLITS)} if name == "examples" else {}
        importer = tfx.dsl.Importer(
            source_uri=str(path), artifact_type=types[name], properties=properties
        ).with_id(name)
        importers.append(importer)
        training[name] = importer.outputs["result"]
    return importers, training


def _seeded(seed: int, nodes: list[Any], folder: pathlib.Path) -> dict[str, float]:
    keras.utils.set_random_seed(seed)
    tf_keras.utils.set_random_seed(seed)
    return _run(nodes, folder)


def _run(nodes: list[Any], folder: pathlib.Path) -> dict[str, float]:
    """Runs a pipeline; returns the seconds of each node but the importers."""
    store = tfx.orchestration.metadata.sqlite_metadata_connection_config(
        str(folder / "metadata.sqlite")
    )
    pipeline = tfx.dsl.Pipeline(
        pipeline_name="modules",
        pipeline_root=str(folder / "artifacts"),
        components=nodes,
        metadata_connection_config=store,
        beam_pipeline_args=["--runner=FnApiRunner"],
    )
    began = time.time()
    tfx.orchestration.LocalDagRunner().run(pipeline)
    from ml_metadata import metadata_store

    seconds = {}
    for execution in metadata_store.MetadataStore(store).get_executions():
        if execution.create_time_since_epoch < 1000 * began:
            continue
        spent = (
            execution.last_update_time_since_epoch - execution.create_time_since_epoch
        )
        seconds[execution.type.rpartition(".")[2]] = spent / 1000
    return seconds


def _output(folder: pathlib.Path, name: str) -> pathlib.Path:
    """Returns the newest artifact of an output: "node/output"."""
    found = (folder / "artifacts" / name).iterdir()
    return max(found, key=lambda path: int(path.name))
