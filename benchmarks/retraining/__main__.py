"""Retrains with changes of production: ``python -m benchmarks.retraining``."""

import argparse
import concurrent.futures
import json
import multiprocessing
import pathlib
import sys

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
    parser.add_argument("--seeds", type=int, default=2, help="seeds of each training")
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


def _pool(jobs: int) -> concurrent.futures.Executor:
    """Returns fresh processes, or this one if a single one is asked for."""
    if jobs == 1:
        return concurrent.futures.ThreadPoolExecutor(1)
    context = multiprocessing.get_context("spawn")
    return concurrent.futures.ProcessPoolExecutor(jobs, context, prepare_process)


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
        output.write_text(pipelines.document(command, arguments.spans))
        return
    prepare_process()
    from benchmarks.retraining import figure, report
    from benchmarks.retraining.contestants import run_family
    from benchmarks.retraining.score import by_family

    output = arguments.output or RESULTS / "retraining.md"
    numbers = output.with_suffix(".json")
    kept = {}
    if arguments.keep and numbers.exists():
        spans = report.from_json(json.loads(numbers.read_text()))
        kept = by_family(spans, list)
    names = _chosen(arguments.families)
    missing = [name for name in names if name not in kept]
    with _pool(arguments.jobs) as pool:
        jobs = {
            pool.submit(run_family, name, arguments.spans, arguments.seeds): name
            for name in missing
        }
        for job in concurrent.futures.as_completed(jobs):
            kept[jobs[job]] = job.result()
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
