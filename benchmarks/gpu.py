"""Measures the finder on this machine's GPU: ``python -m benchmarks.gpu``.

Every row is one model in one precision, with XLA off or on. Without a GPU the command
ends with an error and measures nothing.
"""

import argparse
import gc
import itertools
import json
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from benchmarks.arguments import output_file
from benchmarks.speed.contestants import CONTESTANTS
from benchmarks.speed.plan import MODELS, SWEEP_STEPS
from benchmarks.speed.problems import PROBLEMS
from benchmarks.tables import table
from tfx_lr_finder import find_learning_rate
from tfx_lr_finder.runtime.loop import gpus

PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
COLUMNS = (
    ("model", "precision", "XLA", "fit s", "callback s", "bare s", "finder s")
    + ("finder / fit", "finder / bare", "peak fit MiB", "peak finder MiB")
    + ("finder / fit, peak", "same rate again", "same losses again")
)
OUT_OF_MEMORY_UNITS = 1 << 20
OUT_OF_MEMORY_ROWS = 1 << 22


def main() -> None:
    """Measures every row, prints the table and writes it with the numbers as JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu", description=__doc__
    )
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--precisions", default=",".join(PRECISIONS))
    parser.add_argument("--output", type=output_file, help="table; a .json beside it")
    arguments = parser.parse_args()
    if not tf.config.list_physical_devices("GPU"):
        raise SystemExit(
            "TensorFlow finds no GPU on this machine. Nothing was measured. Run this "
            "command on a machine with a GPU and TensorFlow's CUDA libraries."
        )
    gpus.grow_memory()
    rows = []
    cases = itertools.product(
        arguments.models.split(","), arguments.precisions.split(","), (False, True)
    )
    for model, precision, jit_compile in cases:
        try:
            rows.append(_row(model, precision, jit_compile))
        except Exception as error:  # noqa: BLE001 - the next row may work
            what = f"{type(error).__name__}: {error}".splitlines()[0]
            rows.append([model, precision, _on(jit_compile), what])
        print(" | ".join(rows[-1]), flush=True)
    facts = {**gpus.facts(), "tensorflow": tf.__version__, "keras": keras.__version__}
    keras.config.set_dtype_policy("float32")
    error_text = _out_of_memory()
    padded = [row + [""] * (len(COLUMNS) - len(row)) for row in rows]
    report = "\n\n".join(
        [str(facts), table(COLUMNS, padded), f"Out of memory: {error_text}"]
    )
    print(report)
    if arguments.output is not None:
        arguments.output.write_text(report + "\n")
        numbers = {**facts, "columns": COLUMNS, "rows": rows, "memory": error_text}
        arguments.output.with_suffix(".json").write_text(json.dumps(numbers, indent=1))


def _row(model: str, precision: str, jit_compile: bool) -> list[str]:
    """Returns the cells of one row. All times are of 300 steps, tracing included."""
    keras.config.set_dtype_policy(precision)
    seconds, peaks = {}, {}
    for name in ("fit", "callback", "bare"):
        if name == "bare" and jit_compile:
            continue  # the bare loop has no XLA
        seconds[name], peaks[name], _ = _measured(
            model, jit_compile, lambda who: who.run(SWEEP_STEPS), name
        )

    def sweep(who: Any) -> Any:
        return find_learning_rate(
            who._model,
            who._dataset,
            who._dataset,
            num_rates=SWEEP_STEPS,
            num_sweeps=1,
            confirm_steps=0,
            min_lr=1e-7,
            max_lr=1e-3,
            divergence_factor=1e9,
            jit_compile=_on(jit_compile),
        )

    seconds["ours"], peaks["ours"], first = _measured(model, jit_compile, sweep)
    again = _measured(model, jit_compile, sweep)[2]
    bare = seconds.get("bare")
    return [
        *(model, precision, _on(jit_compile)),
        *(f"{seconds[name]:.2f}" for name in ("fit", "callback")),
        "" if bare is None else f"{bare:.2f}",
        f"{seconds['ours']:.2f}",
        f"{seconds['ours'] / seconds['fit']:.2f}",
        "" if bare is None else f"{seconds['ours'] / bare:.2f}",
        *(f"{peaks[name] / 2**20:.0f}" for name in ("fit", "ours")),
        f"{peaks['ours'] / peaks['fit']:.2f}",
        str(first.learning_rate == again.learning_rate),
        str(first.sweeps == again.sweeps),
    ]


def _measured(
    model: str, jit_compile: bool, run: Any, name: str = "ours"
) -> tuple[float, int, Any]:
    """Returns seconds, peak bytes on the first GPU, and what `run` returns."""
    problem = PROBLEMS[model]
    built = problem.model(keras)
    built.jit_compile = jit_compile
    who = CONTESTANTS[name](keras, built, problem.dataset())
    gc.collect()
    tf.config.experimental.reset_memory_stats("GPU:0")
    began = time.perf_counter()
    result = run(who)
    seconds = time.perf_counter() - began
    return seconds, tf.config.experimental.get_memory_info("GPU:0")["peak"], result


def _out_of_memory() -> str:
    """Returns what the finder says of a batch of 16 TiB of activations."""
    layers = [keras.layers.Dense(OUT_OF_MEMORY_UNITS), keras.layers.Dense(1)]
    model = keras.Sequential([keras.layers.Input((1,)), *layers])
    model.compile("adam", "mse")
    rows = np.zeros((OUT_OF_MEMORY_ROWS, 1), np.float32)
    try:
        find_learning_rate(model, tf.data.Dataset.from_tensors((rows, rows)).repeat(8))
    except Exception as error:  # noqa: BLE001 - which one it is, is the question
        return f"{type(error).__name__}: {error}"
    return "no error"


def _on(jit_compile: bool) -> str:
    return "on" if jit_compile else "off"


if __name__ == "__main__":
    main()
