"""Measures how fast a sweep is: ``python -m benchmarks.speed``."""

import argparse
import dataclasses
import json
import multiprocessing
import os
import pathlib
import platform
import shlex
import sys
import time
import warnings
from importlib import metadata
from typing import Any

from benchmarks.arguments import output_file
from benchmarks.speed.measure import measure_memory, measure_times
from benchmarks.speed.plan import KERAS, MEMORY_ONLY, MODELS, Plan
from benchmarks.speed.report import render

RESULTS = pathlib.Path(__file__).parents[1] / "results"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed", description=__doc__
    )
    parser.add_argument("--quick", action="store_true", help="a taste, in 2 minutes")
    parser.add_argument("--models", default=None, help=f"of {','.join(MODELS)}")
    parser.add_argument("--keras", default=None, help=f"of {','.join(KERAS)}")
    parser.add_argument(
        "--repeats", type=float, default=1.0, help="scales the number of repeats"
    )
    parser.add_argument(
        "--output", type=output_file, default=None, help="report; a .json beside it"
    )
    return parser.parse_args()


def _chosen(known: tuple[str, ...], wanted: str | None) -> tuple[str, ...]:
    if wanted is None:
        return known
    chosen = tuple(name.strip() for name in wanted.split(","))
    if not set(chosen) <= set(known):
        raise SystemExit(f"got {wanted!r}, wanted some of {','.join(known)}")
    return chosen


def _plan(arguments: argparse.Namespace) -> Plan:
    few_models = "mlp,conv" if arguments.quick else None
    few_keras = "keras" if arguments.quick else None
    return Plan(
        models=_chosen(MODELS, arguments.models or few_models),
        keras=_chosen(KERAS, arguments.keras or few_keras),
        repeats=arguments.repeats,
        quick=arguments.quick,
    )


def _machine() -> dict[str, Any]:
    """Returns on what the figures were taken."""
    cpu = platform.processor()
    info = pathlib.Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        cpu = next((x.split(":")[1].strip() for x in lines if "model name" in x), cpu)
    return {
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)),
        "load_at_start": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("tensorflow", "keras")},
        "tf_keras": metadata.version("tf_keras"),
        "tfx-lr-finder": _own_version(),
    }


def _own_version() -> str:
    from tfx_lr_finder.version import __version__

    return __version__


def main() -> None:
    """Measures what is asked for, prints the tables and writes the report."""
    warnings.filterwarnings("ignore", category=FutureWarning, module="google")
    os.environ.setdefault("PYTHONWARNINGS", "ignore::FutureWarning")
    arguments = _arguments()
    plan = _plan(arguments)
    began = time.monotonic()
    machine = _machine()
    command = shlex.join(["python", "-m", "benchmarks.speed", *sys.argv[1:]])
    results: dict[str, Any] = {"command": command, "machine": machine}
    results |= {"first_calls": {}, "timings": [], "steady": [], "memory": []}
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(1, maxtasksperchild=1) as alone:
        for keras in plan.keras:
            first, timings, steady = alone.apply(measure_times, (keras, plan))
            results["first_calls"][keras] = first
            results["timings"] += [dataclasses.asdict(item) for item in timings]
            results["steady"] += [dataclasses.asdict(item) for item in steady]
    with spawn.Pool(2, maxtasksperchild=1) as pool:
        models = plan.models if plan.quick else (*plan.models, *MEMORY_ONLY)
        jobs = [(k, m, c) for k in plan.keras for m in models for c in _MEMORY]
        memories = pool.starmap(measure_memory, jobs, chunksize=1)
        results["memory"] = [dataclasses.asdict(item) for item in memories]
    results["minutes"] = round((time.monotonic() - began) / 60, 1)
    output = arguments.output or (None if plan.quick else RESULTS / "speed.md")
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n")
    report = render(results)
    print(report)
    if output is None:
        print("A taste is not written down; --output writes it.")
        return
    output.write_text(report + "\n")


_MEMORY = ("fit", "ours")

if __name__ == "__main__":
    main()
