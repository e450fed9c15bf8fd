"""Retrains on three spans of data in a row, one of them noise, and prints a table.

Each run of the taxi pipeline reads the newest span, as a scheduled run would. In one
span the labels are coin tosses. There, the verdict of LRFinder is not OK, and if it
finds no learning rate, it uses the one of the last good result. Evaluator does not
bless the model, so the previous model stays in place.
"""

import argparse
import csv
import logging
import os
import pathlib
import random
import sys
from collections.abc import Iterable

import run_local

SPANS = 3
NOISE_SPAN = 2
COLUMNS = ("span", "data", "verdict", "rate from", "learning rate", "AUC", "pushed")


def main() -> int:
    """Runs the command line, and returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=pathlib.Path, default="runs")
    options = parser.parse_args()
    try:
        tfx_folder = run_local.find_tfx()
        folder = run_local.make_folder(options.root, "spans")
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    log = folder / "run.log"
    print(f"Three runs of the taxi pipeline in {folder}; all logs go to {log}\n")
    with run_local.output_to(log) as terminal:
        try:
            print(_line(COLUMNS), file=terminal)
            for span, rows in enumerate(_spans(tfx_folder / run_local.CSV), start=1):
                _write_span(folder / "data", span, rows)
                print(_line(_retrain(folder, span)), file=terminal)
        except Exception as error:
            logging.exception("The pipeline failed.")
            print(f"Failed: {type(error).__name__}: {error}. See {log}", file=terminal)
            return 1
    with open(log, "a") as file:  # TensorFlow prints warnings at exit
        os.dup2(file.fileno(), 2)
    return 0


def _line(cells: Iterable[object]) -> str:
    return "".join(f"{cell!s:<15}" for cell in cells).rstrip()


def _spans(path: pathlib.Path) -> list[list[dict[str, str]]]:
    """The rows of the taxi data in three parts of equal size, in a seeded order."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    random.Random(0).shuffle(rows)
    return [rows[start::SPANS] for start in range(SPANS)]


def _write_span(data_root: pathlib.Path, span: int, rows: list[dict[str, str]]) -> None:
    """Writes the CSV file of a span. In the noisy span each tip is a coin toss."""
    if span == NOISE_SPAN:
        coin = random.Random(span)
        fares = [float(row["fare"] or 0) for row in rows]
        tips = [fare * coin.choice((0.0, 0.5)) + 0.0 for fare in fares]  # no -0.0
        rows = [{**row, "tips": str(tip)} for row, tip in zip(rows, tips, strict=True)]
    folder = data_root / f"span-{span}"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "trips.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def _retrain(folder: pathlib.Path, span: int) -> tuple[object, ...]:
    """Runs the pipeline once, and returns the cells of its row."""
    # A late import: it takes half a minute and logs a lot.
    from taxi.pipeline import create_components
    from tfx import v1 as tfx

    from tfx_lr_finder import last_good_resolver

    database = folder / "metadata.sqlite"
    resolver = last_good_resolver()
    components = create_components(
        data_root=str(folder / "data"),
        module=str(run_local.HERE / "taxi" / "module" / "taxi_module.py"),
        serving_dir=str(folder / "pushed"),
        span_pattern="span-{SPAN}/*",
        lr_finder_options={
            "previous": resolver.outputs["previous"],
            "on_inconclusive": "last_good",
        },
    )
    pipeline = tfx.dsl.Pipeline(
        pipeline_name="spans",
        pipeline_root=str(folder / "artifacts"),
        components=[*components, resolver],
        enable_cache=True,
        metadata_connection_config=(
            tfx.orchestration.metadata.sqlite_metadata_connection_config(str(database))
        ),
        beam_pipeline_args=["--runner=FnApiRunner"],
    )
    tfx.orchestration.LocalDagRunner().run(pipeline)
    return _cells(database, folder / "pushed", span)


def _cells(
    database: pathlib.Path, serving_dir: pathlib.Path, span: int
) -> tuple[object, ...]:
    """What the latest run found, trained and pushed."""
    import run_summary

    from tfx_lr_finder import read_result

    _, outputs = run_summary.latest_outputs(database)
    report = read_result(outputs["LRFinder", "lr_finder_result"].uri)
    record = run_summary.read_record(outputs["LRFinderTrainer", "model_run"].uri)
    used = outputs["CsvExampleGen", "examples"].custom_properties["span"]
    if int(used.int_value or used.string_value) != span:
        raise ValueError(f"Expected the pipeline to read span {span}, got {used}.")
    pushed = sorted(path.name for path in serving_dir.iterdir())
    return (
        span,
        "coin tosses" if span == NOISE_SPAN else "taxi trips",
        report.verdict.name,
        report.source,
        f"{report.learning_rate:.4g}",
        f"{record['auc']:.3f}",
        f"{len(pushed)} models, newest {pushed[-1]}",
    )


if __name__ == "__main__":
    sys.exit(main())
