"""Runs an example pipeline on this machine and prints what came of it."""

import argparse
import contextlib
import importlib.util
import logging
import os
import pathlib
import re
import shutil
import sys
import time

HERE = pathlib.Path(__file__).parent
CSV = "examples/chicago_taxi_pipeline/data/simple/data.csv"
PENGUINS = "components/testdata/penguin"


def main():
    """Returns the exit status of the command line."""
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
        try:
            _run(options, tfx_folder, folder, _Progress(terminal, started))
            table = _closing_table(options.pipeline, folder)
        except Exception as error:
            logging.exception("The pipeline failed.")
            cause = f"{type(error).__name__}: {error}"
            print(f"The pipeline failed. {cause}\nSee {log}", file=terminal)
            return 1
    print(f"\n{table}\n\nTook {time.monotonic() - started:.0f} s in all.")
    return 0


def _parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pipeline", choices=("taxi", "penguin"), default="taxi")
    parser.add_argument(
        "--root",
        type=pathlib.Path,
        default="runs",
        help="folder for data, artifacts, metadata and logs (default: %(default)s); "
        "a second run there reuses what has not changed",
    )
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument(
        "--sample-size",
        help="examples to find the rate on, drawn with Beam, or auto; default: all",
    )
    return parser.parse_args()


def find_tfx():
    """The folder of the installed TFX, which brings the example data."""
    spec = importlib.util.find_spec("tfx")
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(
            f"TFX is not installed for {sys.executable}. Install this project with its "
            "dependencies first: `make venv`."
        )
    folder = pathlib.Path(spec.submodule_search_locations[0])
    for data in (CSV, PENGUINS):
        if not (folder / data).exists():
            raise ValueError(
                f"The installed TFX lacks its example data, {folder / data}. Install "
                "the `tfx` wheel of the locked dependencies: `make venv`."
            )
    return folder


def make_folder(root, pipeline_name):
    """The absolute folder `root/pipeline_name`, made and known to be writable."""
    folder = (root / pipeline_name).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "run.log").open("w"):
            pass
    except OSError as error:
        raise ValueError(
            f"Cannot write to {folder}: {error.strerror}. Pass a folder of your own: "
            "--root DIR."
        ) from error
    return folder


@contextlib.contextmanager
def output_to(log):
    """Sends all that this process and its children print to a file.

    Yields:
      The former standard output, as a text file.
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

    def __init__(self, terminal, started):
        super().__init__()
        self._terminal = terminal
        self._started = started

    def emit(self, record):
        match = re.fullmatch(r"Component (\S+) is running\.", record.getMessage())
        if match:
            seconds = time.monotonic() - self._started
            print(f"{seconds:5.0f} s  {match[1]}", file=self._terminal)


def _run(options, tfx_folder, folder, progress):
    """Runs the pipeline; its metadata goes to `folder/metadata.sqlite`."""
    # Here, and not at the top: this takes half a minute and logs a lot.
    from absl import logging as absl_logging
    from tfx import v1 as tfx

    check_components(tfx.components)
    absl_logging.set_verbosity(absl_logging.INFO)
    absl_logging.get_absl_logger().addHandler(progress)
    own_part = {"taxi": _taxi, "penguin": _penguin}[options.pipeline]
    create_pipeline, arguments = own_part(tfx_folder, folder)
    metadata = tfx.orchestration.metadata.sqlite_metadata_connection_config(
        str(folder / "metadata.sqlite")
    )
    pipeline = create_pipeline(
        pipeline_name=options.pipeline,
        pipeline_root=str(folder / "artifacts"),
        seed=options.seed,
        sample_size=options.sample_size,
        metadata_connection_config=metadata,
        beam_pipeline_args=["--runner=FnApiRunner"],
        **arguments,
    )
    tfx.orchestration.LocalDagRunner().run(pipeline)


def check_components(components):
    """Refuses a TFX that is not whole: from 1.21 on it says so with None.

    Args:
      components: The module `tfx.v1.components`.

    Raises:
      ValueError: If one of its components is None.
    """
    names = [name for name in dir(components) if name[0].isupper()]
    lost = [name for name in names if getattr(components, name) is None]
    if lost:
        raise ValueError(
            f"TFX could not import its components {', '.join(lost)}: a package that "
            "they need is missing or of another version. Install the locked "
            "dependencies: `make venv`."
        )


def _taxi(tfx_folder, folder):
    """The taxi pipeline's function and its own arguments."""
    from taxi.pipeline import create_pipeline

    data = folder / "data"
    data.mkdir(exist_ok=True)
    shutil.copy2(tfx_folder / CSV, data)
    return create_pipeline, {
        "module": str(HERE / "taxi" / "module" / "taxi_module.py"),
        "data_root": str(data),
        "serving_dir": str(folder / "pushed"),
        "train_by_hand_too": True,
    }


def _penguin(tfx_folder, folder):
    """The penguin pipeline's function and its own arguments."""
    from penguin.pipeline import create_pipeline

    del folder
    return create_pipeline, {
        "module_file": str(HERE / "penguin" / "module" / "penguin_module.py"),
        "data_root": str(tfx_folder / PENGUINS / "data"),
        "schema_file": str(tfx_folder / PENGUINS / "schema" / "schema.pbtxt"),
    }


def _closing_table(pipeline_name, folder):
    """The table of the run that has just ended."""
    import closing_table

    return closing_table.closing_table(str(folder / "metadata.sqlite"), pipeline_name)


if __name__ == "__main__":
    sys.exit(main())
