"""Runs an example pipeline on this machine, and prints a summary."""

import argparse
import contextlib
import functools
import importlib.util
import logging
import os
import pathlib
import re
import shutil
import sys
import time
from collections.abc import Iterator
from typing import Any, TextIO

import this_python

HERE = pathlib.Path(__file__).parent
CSV = "examples/chicago_taxi_pipeline/data/simple/data.csv"
PENGUINS = "components/testdata/penguin"


def main() -> int:
    """Runs the command line, and returns its exit status."""
    started = time.monotonic()
    options = _parse_arguments()
    try:
        tfx_folder = find_tfx()
        folder = make_folder(options.root, options.pipeline)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    log = folder / "run.log"
    print(f"The {options.pipeline} pipeline runs in {folder}; all logs go to {log}")
    with output_to(log) as terminal:
        progress = _Progress(terminal, started)
        try:
            _run(options, tfx_folder, folder, progress)
            summary = _summary(options, folder, progress)
        except Exception as error:
            logging.exception("The pipeline failed.")
            cause = f"{type(error).__name__}: {error}"
            print(f"The pipeline failed. {cause}\nSee {log}", file=terminal)
            return 1
    print(f"\n{summary}\n\nTook {time.monotonic() - started:.0f} s in total.")
    return 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pipeline", choices=("taxi", "penguin"), default="taxi")
    parser.add_argument(
        "--root",
        type=pathlib.Path,
        default="runs",
        help="folder for data, artifacts, metadata and logs (default: %(default)s); "
        "a second run there reuses the outputs of unchanged nodes",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        help="seed of the initial weights and of the order of the batches (default: "
        "%(default)s)",
    )
    parser.add_argument(
        "--sample-size",
        help="number of examples to find the rate on, drawn with Beam, or auto "
        "(default: all)",
    )
    parser.add_argument(
        "--optimizer",
        choices=("adam", "sgd"),
        default="adam",
        help="optimizer of the taxi model, whose rate was written for Adam. With sgd, "
        "the summary compares the rate found with others (default: %(default)s)",
    )
    options = parser.parse_args()
    if options.pipeline != "taxi" and options.optimizer != "adam":
        parser.error("--optimizer needs --pipeline taxi")
    return options


def find_tfx() -> pathlib.Path:
    """The folder of the installed TFX, which contains the example data.

    Raises:
      ValueError: If TFX or its example data are missing.
    """
    if sentence := this_python.problem(sys.argv):
        raise ValueError(sentence)
    spec = importlib.util.find_spec("tfx")
    locations = list(spec.submodule_search_locations or ()) if spec else []
    folder = pathlib.Path(locations[0])
    for data in (CSV, PENGUINS):
        if not (folder / data).exists():
            raise ValueError(
                f"The installed TFX lacks its example data, {folder / data}. Install "
                "the `tfx` wheel of the locked dependencies: `make venv`."
            )
    return folder


def make_folder(root: pathlib.Path, pipeline_name: str) -> pathlib.Path:
    """Creates the folder `root/pipeline_name`, and returns its absolute path.

    Raises:
      ValueError: If it cannot be created or written.
    """
    folder = (root / pipeline_name).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "run.log").open("w"):
            pass
    except OSError as error:
        raise ValueError(
            f"Cannot write to {folder}: {error.strerror}. Pass another folder: "
            "--root DIR."
        ) from error
    return folder


@contextlib.contextmanager
def output_to(log: pathlib.Path) -> Iterator[TextIO]:
    """Redirects all output of this process and its children to a file.

    Yields:
      The previous standard output, as a text file.
    """
    sys.stdout.flush()
    saved = [os.dup(1), os.dup(2)]
    with log.open("w") as file, os.fdopen(os.dup(1), "w", buffering=1) as terminal:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            yield terminal
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, number in zip(saved, (1, 2), strict=True):
                os.dup2(descriptor, number)
                os.close(descriptor)


class _Progress(logging.Handler):
    """Prints a line when the runner logs that a component starts."""

    def __init__(self, terminal: TextIO, started: float) -> None:
        super().__init__()
        self._terminal = terminal
        self._started = started

    def emit(self, record: logging.LogRecord) -> None:
        match = re.fullmatch(r"Component (\S+) is running\.", record.getMessage())
        if match:
            self.starts(match[1])

    def starts(self, what: str) -> None:
        """Prints a line with the time so far."""
        seconds = time.monotonic() - self._started
        print(f"{seconds:5.0f} s  {what}", file=self._terminal)


def _run(
    options: argparse.Namespace,
    tfx_folder: pathlib.Path,
    folder: pathlib.Path,
    progress: logging.Handler,
) -> None:
    """Runs the pipeline. Its metadata go to `folder/metadata.sqlite`."""
    # A late import: it takes half a minute and logs a lot.
    from absl import logging as absl_logging
    from tfx import v1 as tfx

    check_components(tfx.components)
    absl_logging.set_verbosity(absl_logging.INFO)
    absl_logging.get_absl_logger().addHandler(progress)
    make_pipeline = {"taxi": _taxi, "penguin": _penguin}[options.pipeline]
    pipeline = make_pipeline(
        options,
        tfx_folder,
        folder,
        pipeline_name=options.pipeline,
        pipeline_root=str(folder / "artifacts"),
        enable_cache=True,
        metadata_connection_config=(
            tfx.orchestration.metadata.sqlite_metadata_connection_config(
                str(folder / "metadata.sqlite")
            )
        ),
        beam_pipeline_args=["--runner=FnApiRunner"],
    )
    tfx.orchestration.LocalDagRunner().run(pipeline)


def check_components(components: Any) -> None:
    """Checks that TFX could import all of its components.

    TFX 1.21 and newer set a component to None if they cannot import it.

    Args:
      components: The module `tfx.v1.components`.

    Raises:
      ValueError: If one of its components is None.
    """
    names = [name for name in dir(components) if name[0].isupper()]
    missing = [name for name in names if getattr(components, name) is None]
    if missing:
        raise ValueError(
            f"TFX could not import its components {', '.join(missing)}: a package that "
            "they need is missing or has another version. Install the locked "
            "dependencies: `make venv`."
        )


def _taxi(
    options: argparse.Namespace,
    tfx_folder: pathlib.Path,
    folder: pathlib.Path,
    **pipeline_options: Any,
) -> Any:
    """The taxi pipeline. With Adam, a Trainer with the module's own rate follows."""
    from taxi import pipeline as taxi
    from tfx import v1 as tfx

    data = folder / "data"
    data.mkdir(exist_ok=True)
    shutil.copy2(tfx_folder / CSV, data)
    module = str(HERE / "taxi" / "module" / "taxi_module.py")
    is_changed = options.optimizer != "adam"
    components = taxi.create_components(
        data_root=str(data),
        module=module,
        serving_dir=str(folder / "pushed"),
        seed=options.seed,
        custom_config={"optimizer": options.optimizer} if is_changed else None,
        lr_finder_options={"sample_size": options.sample_size},
    )
    if is_changed:
        return tfx.dsl.Pipeline(components=components, **pipeline_options)
    nodes = {node.id: node for node in components}
    baseline = tfx.components.Trainer(
        module_file=module,
        examples=nodes["Transform"].outputs["transformed_examples"],
        transform_graph=nodes["Transform"].outputs["transform_graph"],
        schema=nodes["SchemaGen"].outputs["schema"],
        train_args=tfx.proto.TrainArgs(num_steps=taxi.TRAIN_STEPS),
        eval_args=tfx.proto.EvalArgs(num_steps=taxi.EVAL_STEPS),
        custom_config={"seed": options.seed},
    ).with_id("BaselineTrainer")
    return tfx.dsl.Pipeline(components=[*components, baseline], **pipeline_options)


def _penguin(
    options: argparse.Namespace,
    tfx_folder: pathlib.Path,
    folder: pathlib.Path,
    **pipeline_options: Any,
) -> Any:
    """The penguin pipeline."""
    from penguin.pipeline import create_pipeline

    return create_pipeline(
        data_root=str(tfx_folder / PENGUINS / "data"),
        schema_file=str(tfx_folder / PENGUINS / "schema" / "schema.pbtxt"),
        module_file=str(HERE / "penguin" / "module" / "penguin_module.py"),
        seed=options.seed,
        sample_size=options.sample_size,
        **pipeline_options,
    )


def _summary(
    options: argparse.Namespace, folder: pathlib.Path, progress: _Progress
) -> str:
    """The summary of the run that has just ended."""
    import run_summary

    trainings = None
    if options.optimizer == "sgd":
        import other_rates

        progress.starts("trainings with other rates")
        trainings = functools.partial(other_rates.trainings, seed=options.seed)
    database = folder / "metadata.sqlite"
    return run_summary.summary(database, options.pipeline, trainings)


if __name__ == "__main__":
    sys.exit(main())
