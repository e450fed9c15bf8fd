"""Retrains on five spans of data in a row, one of them noise, and prints a table.

Each run of the taxi pipeline reads the newest span, as a scheduled run would. In one
span the labels are coin tosses: LRFinder does not say OK there (and where it finds no
rate at all, it takes that of the last good result), the Evaluator does not bless the
model, and the pushed model stays.
"""

import argparse
import csv
import logging
import os
import pathlib
import random
import sys

import run_local

SPANS = 5
NOISE_SPAN = 3
COLUMNS = ("span", "data", "verdict", "rate from", "learning rate", "AUC", "pushed")


def main():
    """Returns the exit status of the command line."""
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
    print(f"Five runs of the taxi pipeline in {folder}; all logs go to {log}\n")
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
    with open(log, "a") as file:  # TensorFlow complains while it is torn down
        os.dup2(file.fileno(), 2)
    return 0


def _line(cells):
    return "".join(f"{cell!s:<15}" for cell in cells).rstrip()


def _spans(path):
    """The rows of the taxi data in five parts of one size, in a seeded order."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    random.Random(0).shuffle(rows)
    return [rows[start::SPANS] for start in range(SPANS)]


def _write_span(data_root, span, rows):
    """Writes one span's CSV file; in the noisy one each tip is a coin toss."""
    if span == NOISE_SPAN:
        coin = random.Random(span)
        rows = [
            {**row, "tips": float(row["fare"] or 0) * coin.choice((0.0, 0.5)) + 0.0}
            for row in rows
        ]
    folder = data_root / f"span-{span}"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "trips.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def _retrain(folder, span):
    """Runs the pipeline once; returns the table's cells."""
    # Here, and not at the top: this takes half a minute and logs a lot.
    from taxi.pipeline import create_pipeline
    from tfx import v1 as tfx

    database = str(folder / "metadata.sqlite")
    pipeline = create_pipeline(
        pipeline_name="spans",
        pipeline_root=str(folder / "artifacts"),
        data_root=str(folder / "data"),
        module=str(run_local.HERE / "taxi" / "module" / "taxi_module.py"),
        serving_dir=str(folder / "pushed"),
        span_pattern="span-{SPAN}/*",
        last_good="resolver",
        metadata_connection_config=(
            tfx.orchestration.metadata.sqlite_metadata_connection_config(database)
        ),
        beam_pipeline_args=["--runner=FnApiRunner"],
    )
    tfx.orchestration.LocalDagRunner().run(pipeline)
    return _cells(database, folder, span)


def _cells(database, folder, span):
    """What the latest run found, trained and pushed."""
    import closing_table

    from tfx_lr_finder import read_result

    run = closing_table.Run(database, "spans")
    report = read_result(run.output("LRFinder", "lr_finder_result").uri)
    model_run = run.output("LRFinderTrainer", "model_run")
    record = closing_table.read_record(model_run.uri)
    used = run.output("CsvExampleGen", "examples").custom_properties["span"]
    if int(used.int_value or used.string_value) != span:
        raise ValueError(f"Wanted span {span} to be read, got {used}.")
    pushed = sorted(path.name for path in (folder / "pushed").iterdir())
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
