"""Retrains with changes of production: ``python -m benchmarks.retraining``."""

import argparse
import concurrent.futures
import json
import multiprocessing
import pathlib
import sys
import time
from typing import Any

from benchmarks.arguments import output_file
from benchmarks.quality.jobs import prepare_process

RESULTS = pathlib.Path(__file__).parents[1] / "results"
IMAGES = pathlib.Path(__file__).parents[2] / "docs" / "images"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.retraining", description=__doc__
    )
    parser.add_argument("--families", default="", help="parts of names, by semicolons")
    parser.add_argument(
        "--spans", type=int, default=99, help="spans of each family, from day 1"
    )
    parser.add_argument("--seeds", type=int, default=2, help="seeds of each span")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument(
        "--keep", action="store_true", help="keep the families that the output has"
    )
    parser.add_argument(
        "--pipelines", action="store_true", help="run whole TFX pipelines instead"
    )
    parser.add_argument("--output", type=output_file, help="report")
    parser.add_argument(
        "--images", type=pathlib.Path, default=IMAGES, help="folder of the figure"
    )
    return parser.parse_args()


def _measure(name: str, num_spans: int, num_seeds: int) -> tuple[list[Any], float]:
    """Returns the measured spans of a family and the seconds; in its own process."""
    from benchmarks.retraining.contestants import run_family
    from benchmarks.retraining.spans import families

    began = time.monotonic()
    spans = families()[name][:num_spans]
    return run_family(spans, range(num_seeds)), time.monotonic() - began


def _chosen(wanted: str) -> list[str]:
    from benchmarks.retraining.spans import families

    names = list(families())
    parts = [part.strip() for part in wanted.split(";") if part.strip()]
    chosen = [n for n in names if not parts or any(part in n for part in parts)]
    if not chosen:
        raise SystemExit(f"nothing is called {wanted!r}; there are: {', '.join(names)}")
    return chosen


def main() -> None:
    """Measures the families, and writes the report, its numbers and the figure."""
    arguments = _arguments()
    command = " ".join(["python -m benchmarks.retraining", *sys.argv[1:]])
    if arguments.pipelines:
        from benchmarks.retraining import pipelines

        output = arguments.output or RESULTS / "retraining_pipelines.md"
        output.write_text(pipelines.document(command))
        return
    prepare_process()
    from benchmarks.retraining import figure, report
    from benchmarks.retraining.score import by_family

    output = arguments.output or RESULTS / "retraining.md"
    numbers = output.with_suffix(".json")
    kept = {}
    if arguments.keep and numbers.exists():
        spans = report.from_json(json.loads(numbers.read_text()))
        kept = by_family(spans, list)
    names = _chosen(arguments.families)
    missing = [name for name in names if name not in kept]
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(
        arguments.jobs, context, prepare_process
    ) as pool:
        jobs = {
            pool.submit(_measure, name, arguments.spans, arguments.seeds): name
            for name in missing
        }
        for job in concurrent.futures.as_completed(jobs):
            kept[jobs[job]], seconds = job.result()
            print(f"{jobs[job]}: {seconds:.0f} s", flush=True)
            measured = [span for name in names for span in kept.get(name, [])]
            as_json = report.as_json(measured, command)
            numbers.write_text(json.dumps(as_json, indent=1, allow_nan=False) + "\n")
    measured = [span for name in names for span in kept[name]]
    text = report.document(measured, command)
    print(text)
    output.write_text(text)
    for mode in figure.MODES:
        figure.write(measured, arguments.images / f"retraining_{mode}.png", mode)


if __name__ == "__main__":
    main()
