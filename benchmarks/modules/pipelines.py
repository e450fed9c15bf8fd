"""Local pipelines around one user module: LRFinder, LRFinderTrainer, the Trainer."""

import contextlib
import functools
import json
import pathlib
from collections.abc import Iterator
from typing import Any
from unittest import mock

import keras
import numpy as np
import tensorflow as tf
import tf_keras
import tfx as tfx_package
from ml_metadata import metadata_store
from tfx import v1 as tfx

from benchmarks.modules.cases import Case
from tfx_lr_finder import LRFinder, LRFinderTrainer, read_result

WHEEL = pathlib.Path(tfx_package.__path__[0])
TESTDATA = WHEEL / "components" / "testdata"
CSV = {
    "taxi": WHEEL / "examples" / "chicago_taxi_pipeline" / "data" / "simple",
    "imdb": WHEEL / "examples" / "imdb" / "data",
}
SPLITS = ("train", "eval")
NUM_DIGITS = {"train": 2000, "eval": 400}
COLUMN = (
    'feature {{ name: "{name}" type: {type} presence {{ min_fraction: 1.0 }} '
    "shape {{ dim {{ size: {size} }} }} }}\n"
)

Run = dict[str, Any]
"""What one seed gave; see `Pipelines.run`."""


class FitRecord:
    """Remembers the model and the arguments of the last `fit` that ended."""

    def __init__(self) -> None:
        """Remembers nothing yet."""
        self._model: Any = None
        self._arguments: dict[str, Any] = {}

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Wraps `fit` of both Kerases."""
        self._model = None
        with contextlib.ExitStack() as stack:
            for cls in (keras.Model, tf_keras.Model):
                stack.enter_context(mock.patch.object(cls, "fit", self._wrap(cls.fit)))
            yield

    def _wrap(self, fit: Any) -> Any:
        @functools.wraps(fit)
        def recorded(model: Any, *args: Any, **kwargs: Any) -> Any:
            history = fit(model, *args, **kwargs)
            self._model, self._arguments = model, kwargs
            return history

        return recorded

    def loss(self) -> float | None:
        """Returns the held-out loss of the model; None without held-out data."""
        data = self._arguments.get("validation_data")
        if self._model is None or data is None:
            return None
        steps = self._arguments.get("validation_steps")
        x, y = data if isinstance(data, tuple) else (data, None)
        logs = self._model.evaluate(x, y, steps=steps, return_dict=True, verbose=0)
        return float(logs["loss"])

    def rate(self) -> float | None:
        """Returns the rate of the model's optimizer at the end of the training."""
        if self._model is None:
            return None
        rate = self._model.optimizer.learning_rate
        return None if callable(rate) else float(np.asarray(rate))


class Pipelines:
    """Runs modules in local pipelines that share their data.

    Args:
      folder: An empty folder for the artifacts and the metadata.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        """Runs nothing yet."""
        self._folder = folder
        self._store = tfx.orchestration.metadata.sqlite_metadata_connection_config(
            str(folder / "metadata.sqlite")
        )
        self._inputs: dict[Any, dict[str, pathlib.Path]] = {}

    def run(self, case: Case, seed: int) -> Run:
        """Runs LRFinder with LRFinderTrainer, then the stock Trainer, with one seed.

        Args:
          case: The module.
          seed: Seeds LRFinder, and Keras before each pipeline.

        Returns:
          `error` and `stock_error` of the two pipelines, or None; `seconds` of the
          nodes by their type; `verdict`, `rate_found`, and `rate_used` and `doubt` as
          LRFinderTrainer reports them; `own_rate`, the rate at the end of the stock
          Trainer, None for a schedule; `loss_found` and `loss_own`, held out.
        """
        found: Run = {"seed": seed, "error": None, "stock_error": None, "seconds": {}}
        inputs = self._prepare(case)
        record = FitRecord()
        importers, training = _training(case, inputs)
        which_fit = {} if case.which_fit is None else {"which_fit": case.which_fit}
        finder = LRFinder(**training, **which_fit, seed=seed)
        trainer = LRFinderTrainer(
            **training,
            **which_fit,
            lr_finder_result=finder.outputs["lr_finder_result"],
        )
        with record.recording():
            try:
                self._seeded(seed, [*importers, finder, trainer], found["seconds"])
                found["loss_found"] = record.loss()
                found |= self._report()
            except Exception as error:  # noqa: BLE001 - a module may raise anything
                found["error"] = f"{type(error).__name__}: {error}"
        importers, training = _training(case, inputs)
        with record.recording():
            try:
                stock = tfx.components.Trainer(**training)
                self._seeded(seed, [*importers, stock], found["seconds"])
                found |= {"loss_own": record.loss(), "own_rate": record.rate()}
            except Exception as error:  # noqa: BLE001 - a module may raise anything
                found["stock_error"] = f"{type(error).__name__}: {error}"
        return found

    def _report(self) -> dict[str, Any]:
        report = read_result(str(self._output("LRFinder/lr_finder_result")))
        model_run = self._output("LRFinderTrainer/model_run")
        used = json.loads((model_run / "learning_rate_used.json").read_text())
        return {
            "verdict": report.verdict.name,
            "rate_found": report.learning_rate,
            "rate_used": used["learning_rate_used"],
            "doubt": used["doubt"],
        }

    def _prepare(self, case: Case) -> dict[str, pathlib.Path]:
        """Returns the folders of the artifacts that a module trains on."""
        if case.data not in self._inputs:
            self._inputs[case.data] = self._import(case.data)
        key = case.data, case.preprocessing
        if case.preprocessing is not None and key not in self._inputs:
            self._inputs[key] = self._transform(
                self._inputs[case.data], case.preprocessing
            )
        return self._inputs[key if case.preprocessing else case.data]

    def _import(self, data: str) -> dict[str, pathlib.Path]:
        schema_file = TESTDATA / "schema_gen" / "schema.pbtxt"
        if data in CSV:
            examples = tfx.components.CsvExampleGen(input_base=str(CSV[data]))
        else:
            source = TESTDATA / "penguin" / "data"
            schema_file = TESTDATA / "penguin" / "schema" / "schema.pbtxt"
            if data == "digits":
                source, schema_file = self._write_digits()
            splits = [
                tfx.proto.Input.Split(name=name, pattern=f"Split-{name}/*")
                for name in SPLITS
            ]
            config = tfx.proto.Input(splits=splits)
            examples = tfx.components.ImportExampleGen(str(source), config)
        if data == "imdb":
            schema_file = self._write_schema(
                "imdb", ("text", "BYTES", 1), ("label", "INT", 1)
            )
        schema = tfx.components.ImportSchemaGen(schema_file=str(schema_file))
        self._execute([examples, schema])
        return {
            "schema": self._output("ImportSchemaGen/schema"),
            "examples": self._output(f"{type(examples).__name__}/examples"),
        }

    def _transform(
        self, inputs: dict[str, pathlib.Path], preprocessing: str
    ) -> dict[str, pathlib.Path]:
        importers, channels = _importers(inputs)
        transform = tfx.components.Transform(
            **channels, preprocessing_fn=f"{preprocessing}.preprocessing_fn"
        )
        self._execute([*importers, transform])
        return {
            "schema": inputs["schema"],
            "examples": self._output("Transform/transformed_examples"),
            "transform_graph": self._output("Transform/transform_graph"),
        }

    def _write_digits(self) -> tuple[pathlib.Path, pathlib.Path]:
        """Writes pictures of ten noisy shapes as MNIST's Examples, and their schema."""
        rng = np.random.default_rng(0)
        shapes = rng.random((10, 784)) < 0.2
        for split, count in NUM_DIGITS.items():
            target = self._folder / "digits" / f"Split-{split}"
            target.mkdir(parents=True)
            with tf.io.TFRecordWriter(str(target / "data.gz"), "GZIP") as writer:
                for label in rng.integers(0, 10, count):
                    pixels = 0.6 * shapes[label] + rng.normal(scale=0.5, size=784)
                    example = tf.train.Example()
                    features = example.features.feature
                    features["image_floats"].float_list.value.extend(pixels)
                    features["image_class"].int64_list.value.append(label)
                    writer.write(example.SerializeToString())
        schema = self._write_schema(
            "digits", ("image_floats", "FLOAT", 784), ("image_class", "INT", 1)
        )
        return self._folder / "digits", schema

    def _write_schema(self, name: str, *columns: tuple[str, str, int]) -> pathlib.Path:
        path = self._folder / f"{name}.pbtxt"
        names = ("name", "type", "size")
        lines = [COLUMN.format(**dict(zip(names, c, strict=True))) for c in columns]
        path.write_text("".join(lines))
        return path

    def _seeded(self, seed: int, nodes: list[Any], seconds: dict[str, float]) -> None:
        keras.utils.set_random_seed(seed)
        tf_keras.utils.set_random_seed(seed)
        seconds |= self._execute(nodes)

    def _execute(self, nodes: list[Any]) -> dict[str, float]:
        """Runs a pipeline; returns the seconds of each node by its type."""
        pipeline = tfx.dsl.Pipeline(
            pipeline_name="modules",
            pipeline_root=str(self._folder / "artifacts"),
            components=nodes,
            metadata_connection_config=self._store,
            beam_pipeline_args=["--runner=FnApiRunner"],
        )
        store = metadata_store.MetadataStore(self._store)
        before = {execution.id for execution in store.get_executions()}
        tfx.orchestration.LocalDagRunner().run(pipeline)
        return {
            execution.type.rpartition(".")[2]: (
                execution.last_update_time_since_epoch
                - execution.create_time_since_epoch
            )
            / 1000
            for execution in store.get_executions()
            if execution.id not in before
        }

    def _output(self, name: str) -> pathlib.Path:
        """Returns the newest artifact of an output: "node/output"."""
        found = (self._folder / "artifacts" / name).iterdir()
        return max(found, key=lambda path: int(path.name))


def _training(
    case: Case, inputs: dict[str, pathlib.Path]
) -> tuple[list[Any], dict[str, Any]]:
    """Returns the importers of the inputs, and the arguments of a training node."""
    importers, channels = _importers(inputs)
    return importers, {
        **channels,
        "run_fn": f"{case.module}.run_fn",
        "train_args": tfx.proto.TrainArgs(num_steps=case.num_steps),
        "eval_args": tfx.proto.EvalArgs(num_steps=case.eval_steps),
    }


def _importers(
    inputs: dict[str, pathlib.Path],
) -> tuple[list[Any], dict[str, Any]]:
    """Returns importers of artifacts, and their channels by name."""
    types = {
        "examples": tfx.types.standard_artifacts.Examples,
        "transform_graph": tfx.types.standard_artifacts.TransformGraph,
        "schema": tfx.types.standard_artifacts.Schema,
    }
    importers, channels = [], {}
    for name, path in inputs.items():
        properties = {"split_names": json.dumps(SPLITS)} if name == "examples" else {}
        importer = tfx.dsl.Importer(
            source_uri=str(path), artifact_type=types[name], properties=properties
        ).with_id(name)
        importers.append(importer)
        channels[name] = importer.outputs["result"]
    return importers, channels
