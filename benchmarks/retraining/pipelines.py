"""Five retrainings through whole TFX pipelines, with Evaluator and Pusher.

The pipeline and the module are those of pipelines/taxi, without the normalization of
the numbers and with SGD. Each run trains twice: LRFinderTrainer with the rate found,
the stock Trainer with the rate of day 1. Each model has an Evaluator and a Pusher.
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
    """Runs the pipeline on the newest span, and returns the cells of its row."""
    # Late imports: they take half a minute and log a lot.
    from taxi import pipeline as taxi
    from tfx import v1 as tfx

    from tfx_lr_finder import last_good_resolver

    resolver = last_good_resolver()
    components = taxi.create_components(
        data_root=str(folder / "data"),
        module=module,
        serving_dir=str(folder / "LRFinder"),
        span_pattern="span-{SPAN}/*",
        lr_finder_options={
            "previous": resolver.outputs["previous"],
            "on_inconclusive": "last_good",
            "default_learning_rate": DAY_1_RATE,
        },
    )
    components += _fixed_rate(components, module, str(folder / "fixed"))
    store = tfx.orchestration.metadata.sqlite_metadata_connection_config
    database = folder / "metadata.sqlite"
    tfx.orchestration.LocalDagRunner().run(
        tfx.dsl.Pipeline(
            pipeline_name="retraining",
            pipeline_root=str(folder / "artifacts"),
            components=[resolver, *components],
            metadata_connection_config=store(str(database)),
            beam_pipeline_args=["--runner=FnApiRunner"],
        )
    )
    return _cells(database)


def _fixed_rate(components: Sequence[Any], module: str, serving_dir: str) -> list[Any]:
    """Returns Trainer, Evaluator and Pusher of the rate of day 1."""
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
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=serving_dir)
        ),
    ).with_id("FixedPusher")
    return [trainer, evaluator, pusher]


def _cells(database: pathlib.Path) -> list[str]:
    """Returns the verdict, and the rate, AUC and fate of each model."""
    import run_summary

    from tfx_lr_finder import read_result

    _, outputs = run_summary.latest_outputs(database)
    report = read_result(outputs["LRFinder", "lr_finder_result"].uri)
    cells = [report.verdict.name, report.source]
    for trainer, pusher in (
        ("LRFinderTrainer", "Pusher"),
        ("FixedTrainer", "FixedPusher"),
    ):
        record = run_summary.read_record(outputs[trainer, "model_run"].uri)
        pushed = outputs[pusher, "pushed_model"].custom_properties["pushed"].int_value
        cells += [
            f"{record['learning_rate']:.2g}",
            f"{record['loss']:.3f}",
            f"{record['auc']:.3f}",
            "yes" if pushed else "no",
        ]
    return cells


def _text(rows: Sequence[Sequence[str]], command: str, seconds: float) -> str:
    each = ["rate", "loss", "AUC", "pushed"]
    header = ["span", "verdict", "rate from"]
    header += [f"LRFinder: {name}" for name in each]
    header += [f"fixed: {name}" for name in each]
    parts = [
        "# Retrainings through whole pipelines",
        f"Command: `{command}`, {seconds:.0f} seconds. {len(rows)} runs of the taxi "
        "pipeline in one metadata store. The numbers are not normalized, and the "
        "optimizer is SGD with momentum. `on_inconclusive` is `last_good`. The fixed "
        "rate is the best of day 1 in [the other retrainings](retraining.md). Loss and "
        "AUC are on the span's own evaluation split. Evaluator blesses a model whose "
        "AUC is at least 0.85, and Pusher pushes a blessed one.",
        table(header, rows),
    ]
    return "\n\n".join(parts) + "\n"
