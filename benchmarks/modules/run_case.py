"""Runs one module in a process of its own: ``run_case NAME OUTPUT SEEDS``."""

import dataclasses
import json
import pathlib
import sys
import tempfile
import traceback
from typing import Any


def main(name: str, output: str, num_seeds: int) -> None:
    """Writes what the seeds gave, or the error, as JSON."""
    from absl import logging

    from benchmarks.modules import cases, pipelines

    logging.set_verbosity(logging.ERROR)
    (case,) = (case for case in cases.cases() if case.name == name)
    found: dict[str, Any] = {"runs": [], "error": None}
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        try:
            inputs = pipelines.prepare(case, folder)
            for seed in range(num_seeds):
                run = pipelines.run(case, inputs, folder, seed)
                found["runs"].append(dataclasses.asdict(run))
        except Exception as error:  # noqa: BLE001 - a module may raise anything
            traceback.print_exc()
            found["error"] = f"{type(error).__name__}: {error}"
    pathlib.Path(output).write_text(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
