"""Five retrainings through whole TFX pipelines, with Evaluator and Pusher.

The pipeline and the module are those of pipelines/taxi, without the normalization of
the numbers and with SGD. Each span has two runs: LRFinderTrainer with the rate found,
and the stock Trainer with the rate of day 1. Each has an Evaluator and a Pusher.
"""

import csv
import logging
import os
import pathlib
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.tables import table

PIPELINES = pathlib.Path(__file__).parents[2] / "pipelines"
CHANGES = (
    "day 1: dollars, miles, minutes",
    "new trips",
    "shuffled tips",
    "minutes become seconds",
    "minutes again",
)
SHUFFLED, SECONDS = 3, 4
DAY_1_RATE = 1e-2
"""The best rate of day 1 of the family "feature units, momentum"."""
MODULE_CHANGES = {
    "tft.scale_to_z_score(tf.math.log1p(value))": "value",
    "keras.optimizers.Adam(rate)": "keras.optimizers.SGD(rate, momentum=0.9)",
    "LEARNING_RATE = 1e-3": f"LEARNING_RATE = {DAY_1_RATE!r}",
}


def document(command: str, num_spans: int) -> str:
    """Runs the pipelines and returns the report as Markdown.

    Args:
      command: That made it.
      num_spans: Spans from day 1; there are 5.
    """
    sys.path.insert(0, str(PIPELINES))
    import run_local

    began = time.monotonic()
    trips = run_local.find_tfx() / run_local.CSV
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        module = write_module(folder)
        log = folder / "run.log"
        for span, change in enumerate(CHANGES[:num_spans], start=1):
            write_trips(trips, folder / "data" / f"span-{span}", span)
            with run_local.output_to(log) as terminal:
                try:
                    rows.append([f"{span}: {change}", *_retrain(folder, module)])
                except Exception:
                    logging.exception("The pipeline failed.")
                    print(log.read_text()[-3000:], file=terminal)
                    raise
            print(rows[-1], flush=True)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # TensorFlow prints warnings at exit
    return _text(rows, command, time.monotonic() - began)


def write_module(folder: pathlib.Path) -> str:
    """Writes the taxi module with `MODULE_CHANGES`, and returns its path.

    Raises:
      ValueError: The taxi module does not contain what should be changed.
    """
    source = (PIPELINES / "taxi" / "module" / "taxi_module.py").read_text()
    for old, new in MODULE_CHANGES.items():
        if source.count(old) != 1:
            raise ValueError(f"Expected {old!r} once in taxi_module.py.")
        source = source.replace(old, new)
    path = folder / "module" / "raw_taxi_module.py"
    path.parent.mkdir(parents=True)
    path.write_text(source)
    return str(path)


def write_trips(trips: pathlib.Path, folder: pathlib.Path, span: int) -> None:
    """Writes the CSV file of a span: 60 % of the trips, with its change.

    Args:
      trips: The taxi trips that TFX ships.
      folder: Where to write.
      span: Counted from 1.
    """
    with trips.open(newline="") as file:
        rows = list(csv.DictReader(file))
    chance = random.Random(span)
    rows = chance.sample(rows, int(0.6 * len(rows)))
    if span == SHUFFLED:
        tips = [row["tips"] for row in rows]
        chance.shuffle(tips)
        rows = [{**row, "tips": tip} for row, tip in zip(rows, tips, strict=True)]
    for row in rows:
        minutes = float(row["trip_seconds"] or 0.0) / 60.0
        row["trip_seconds"] = f"{minutes * (60.0 if span == SECONDS else 1.0):.4f}"
    folder.mkdir(parents=True)
    with (folder / "trips.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def _retrain(folder: pathlib.Path, module: str) -> list[str]:
    """Runs the pipelines on the newest span, and returns the cells of its row.

    Each rate has a run of its own. The second one takes ExampleGen's and Transform's
    outputs from the cache.
    """
    from tfx_lr_finder import last_good_resolver, read_result

    resolver = last_good_resolver()
    components = _taxi_components(
        folder,
        module,
        lr_finder_options={
            "previous": resolver.outputs["previous"],
            "on_inconclusive": "last_good",
            "default_learning_rate": DAY_1_RATE,
        },
    )
    outputs = _run(folder, [resolver, *components], "LRFinderTrainer")
    report = read_result(outputs["LRFinder", "lr_finder_result"].uri)
    cells = [report.verdict.name, report.source]
    cells += _model_cells(outputs, "LRFinderTrainer", "Pusher")
    components = _fixed_rate(_taxi_components(folder, module), folder, module)
    outputs = _run(folder, components, "FixedTrainer")
    return cells + _model_cells(outputs, "FixedTrainer", "FixedPusher")


def _taxi_components(folder: pathlib.Path, module: str, **options: Any) -> list[Any]:
    """Returns the taxi pipeline on the newest span."""
    # A late import: it takes half a minute and logs a lot.
    from taxi import pipeline as taxi

    components: list[Any] = taxi.create_components(
        data_root=str(folder / "data"),
        module=module,
        serving_dir=str(folder / "serving"),
        span_pattern="span-{SPAN}/*",
        **options,
    )
    return components


def _fixed_rate(
    components: Sequence[Any], folder: pathlib.Path, module: str
) -> list[Any]:
    """Returns the pipeline with a stock Trainer, which has the rate of day 1."""
    from taxi import pipeline as taxi
    from tfx import v1 as tfx

    nodes = {node.id: node for node in components}
    trainer = tfx.components.Trainer(
        module_file=module,
        examples=nodes["Transform"].outputs["transformed_examples"],
        transform_graph=nodes["Transform"].outputs["transform_graph"],
        schema=nodes["SchemaGen"].outputs["schema"],
        train_args=tfx.proto.TrainArgs(num_steps=taxi.TRAIN_STEPS),
        eval_args=tfx.proto.EvalArgs(num_steps=taxi.EVAL_STEPS),
        custom_config={"seed": 0},
    ).with_id("FixedTrainer")
    evaluator = tfx.components.Evaluator(
        examples=nodes["CsvExampleGen"].outputs["examples"],
        model=trainer.outputs["model"],
        schema=nodes["SchemaGen"].outputs["schema"],
        eval_config=taxi._eval_config(),
    ).with_id("FixedEvaluator")
    pusher = tfx.components.Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(
                base_directory=str(folder / "fixed")
            )
        ),
    ).with_id("FixedPusher")
    others = {"LRFinder", "LRFinderTrainer", "Evaluator", "Pusher"}
    shared = [node for node in components if node.id not in others]
    return [*shared, trainer, evaluator, pusher]


def _run(folder: pathlib.Path, components: Sequence[Any], trainer: str) -> Any:
    """Runs a pipeline, and returns the outputs of its nodes by node and key.

    A node after the Trainer may fail: Evaluator does on predictions that are NaN.
    """
    import run_summary
    from ml_metadata.proto import metadata_store_pb2
    from tfx import v1 as tfx

    database = folder / "metadata.sqlite"
    store = tfx.orchestration.metadata.sqlite_metadata_connection_config
    failure = None
    try:
        tfx.orchestration.LocalDagRunner().run(
            tfx.dsl.Pipeline(
                pipeline_name="retraining",
                pipeline_root=str(folder / "artifacts"),
                components=components,
                enable_cache=True,
                metadata_connection_config=store(str(database)),
                beam_pipeline_args=["--runner=FnApiRunner"],
            )
        )
    except Exception as error:
        failure = error
    _, found = run_summary.latest_outputs(database)
    live = metadata_store_pb2.Artifact.LIVE
    outputs = {key: item for key, item in found.items() if item.state == live}
    if failure is not None and (trainer, "model_run") not in outputs:
        raise failure
    return outputs


def _model_cells(outputs: Any, trainer: str, pusher: str) -> list[str]:
    """Returns the rate, the loss, the AUC and the fate of a model."""
    import run_summary

    record = run_summary.read_record(outputs[trainer, "model_run"].uri)
    pushed = outputs.get((pusher, "pushed_model"))
    if pushed is None:
        fate = "no: Evaluator failed"
    else:
        fate = "yes" if pushed.custom_properties["pushed"].int_value else "no"
    return [
        f"{record['learning_rate']:.2g}",
        f"{record['loss']:.3g}",
        f"{record['auc']:.3f}",
        fate,
    ]


def _text(rows: Sequence[Sequence[str]], command: str, seconds: float) -> str:
    each = ["rate", "loss", "AUC", "pushed"]
    header = ["span", "verdict", "rate from"]
    header += [f"LRFinder: {name}" for name in each]
    header += [f"fixed: {name}" for name in each]
    parts = [
        "# Retrainings through whole pipelines",
        f"Command: `{command}`, {seconds:.0f} seconds. {len(rows)} spans, with one "
        "metadata store, and two runs of the taxi pipeline each. The numbers are not "
        "normalized, and the optimizer is SGD with momentum. `on_inconclusive` is "
        "`last_good`. The fixed rate is the best of day 1 in [the other "
        "retrainings](retraining.md). Loss and AUC are on the span's own evaluation "
        "split. Evaluator blesses a model whose AUC is at least 0.85, and Pusher "
        "pushes a blessed one. Evaluator fails if a prediction is NaN, and so does "
        "that run.",
        table(header, rows),
    ]
    return "\n\n".join(parts) + "\n"
