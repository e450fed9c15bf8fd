"""Measures how good suggested rates are: ``python -m benchmarks.quality``."""

import argparse
import concurrent.futures
import json
import multiprocessing
import pathlib
import platform
import sys
import time

from benchmarks.arguments import output_file
from benchmarks.quality.jobs import find, measure_truth, prepare_process

RESULTS = pathlib.Path(__file__).parents[1] / "results"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality", description=__doc__
    )
    parser.add_argument("--tasks", default="", help="parts of names, by commas")
    parser.add_argument("--finders", default="", help="parts of names, by semicolons")
    parser.add_argument("--seeds", type=int, default=5, help="seeds of each finder")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument(
        "--truth-only", action="store_true", help="measure the truth and stop"
    )
    parser.add_argument(
        "--output", type=output_file, default=RESULTS / "quality.md", help="report"
    )
    return parser.parse_args()


def _chosen(names: list[str], wanted: str, separator: str) -> list[str]:
    parts = [part.strip() for part in wanted.split(separator) if part.strip()]
    chosen = [n for n in names if not parts or any(part in n for part in parts)]
    if not chosen:
        raise SystemExit(f"nothing is called {wanted!r}; there are: {', '.join(names)}")
    return chosen


def _pool(jobs: int) -> concurrent.futures.Executor:
    """Returns fresh processes, or this one if a single one is asked for."""
    if jobs == 1:
        return concurrent.futures.ThreadPoolExecutor(1)
    return concurrent.futures.ProcessPoolExecutor(
        jobs, multiprocessing.get_context("spawn"), prepare_process
    )


def main() -> None:
    """Measures what is asked for, prints the tables and writes the report."""
    arguments = _arguments()
    prepare_process()
    from benchmarks.quality import cache, report, truth
    from benchmarks.quality.contestants import CONTESTANTS
    from benchmarks.quality.score import differences, score
    from benchmarks.quality.tasks import TASKS

    began = time.monotonic()
    names = _chosen(list(TASKS), arguments.tasks, ",")
    finders = _chosen([c.name for c in CONTESTANTS], arguments.finders, ";")
    with _pool(arguments.jobs) as pool:
        truths = truth.load()
        known = [truths.get(name) for name in names]
        for name, measured, seconds in pool.map(measure_truth, names, known):
            print(f"truth of {name}: best {measured.best():.2g}, {seconds:.0f} s")
            truths[name] = measured
            truth.save(truths)
        if arguments.truth_only:
            return
        findings = []
        kept = cache.load()
        seeds = arguments.seeds
        jobs = [pool.submit(find, name, finders, seeds, dict(kept)) for name in names]
        for job in concurrent.futures.as_completed(jobs):
            key, found, seconds = job.result()
            print(f"findings on {key}: {len(found)}, {seconds:.0f} s", flush=True)
            cache.save(kept, key, found)
            findings += found
    contestants = [c for c in CONTESTANTS if c.name in finders]
    findings.sort(key=lambda entry: (entry.finder, entry.task, entry.seed))
    scores = [score(findings, entry.name, truths) for entry in contestants]
    ours = {entry.name for entry in contestants if entry.ours}
    scores.sort(key=lambda entry: (entry.finder not in ours, entry.mean))
    notes = {
        "command": "python -m benchmarks.quality " + " ".join(sys.argv[1:]),
        "tasks": len(names),
        "seeds": arguments.seeds,
        "seconds": round(time.monotonic() - began),
        "machine": f"{platform.processor() or platform.machine()}, 1 thread a job",
    }
    gaps = differences(findings, contestants, truths)
    text = report.document(findings, scores, gaps, truths, notes)
    print(text)
    arguments.output.write_text(text)
    as_json = report.as_json(scores, gaps, notes)
    as_json["findings"] = [vars(entry) for entry in findings]
    arguments.output.with_suffix(".json").write_text(
        json.dumps(as_json, indent=1, allow_nan=False) + "\n"
    )


if __name__ == "__main__":
    main()
