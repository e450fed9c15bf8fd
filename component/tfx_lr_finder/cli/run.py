"""`lr-finder run`: the component's own executor, without a pipeline."""

import json
import os
import tempfile
from collections.abc import Callable
from typing import Any

import click

from tfx_lr_finder.cli.options import (
    CHOICES,
    FAIL_ON_HELP,
    exit_by_verdict,
    json_option,
)
from tfx_lr_finder.cli.show import print_report
from tfx_lr_finder.range_test.config import (
    PARAMETER_TYPES,
    RangeTestConfig,
    help_texts,
)
from tfx_lr_finder.result_file import read_report

HYPERPARAMETERS = "best_hyperparameters"
RESULT = "lr_finder_result"


def _parameter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds an option for each parameter of the range test, with its help text."""
    for name, help_text in reversed(help_texts(RangeTestConfig).items()):
        default = getattr(RangeTestConfig, name)
        if default is not None:
            help_text = f"{help_text} [default: {default}]"
        command = click.option(
            f"--{name.replace('_', '-')}",
            name,
            type=PARAMETER_TYPES[name],
            help=help_text,
        )(command)
    return command


@click.command()
@click.argument("module")
@click.option(
    "--examples",
    required=True,
    help="Folder of an Examples artifact, with Split-train and Split-eval in it.",
)
@click.option("--transform-graph", help="Folder of a TransformGraph artifact.")
@click.option("--schema", help="Folder of a Schema artifact.")
@click.option(
    "--custom-config",
    help="JSON object that the module gets as fn_args.custom_config.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False),
    help="Folder for the result, the report and the hyperparameters. By default the "
    "command keeps no file.",
)
@click.option(
    "--fail-on",
    type=click.Choice(CHOICES),
    default="inconclusive",
    show_default=True,
    help=FAIL_ON_HELP,
)
@json_option
@_parameter_options
def run(
    module: str,
    examples: str,
    transform_graph: str | None,
    schema: str | None,
    custom_config: str | None,
    output: str | None,
    fail_on: str,
    as_json: bool,
    **parameters: Any,
) -> None:
    """Find a learning rate without a pipeline, exactly as LRFinder does.

    MODULE is the path of a module file that defines run_fn or lr_finder_fn, or the
    dotted path of either function.

    \b
    Examples:
      lr-finder run taxi_module.py --train-steps 10000 \\
        --examples artifacts/Transform/transformed_examples/5 \\
        --transform-graph artifacts/Transform/transform_graph/5
      lr-finder run my_package.my_module.run_fn --examples examples/3 --output found
    """  # noqa: D301
    inputs = {
        "examples": examples,
        "transform_graph": transform_graph,
        "schema": schema,
    }
    config = _custom_config(custom_config)
    with tempfile.TemporaryDirectory(prefix="lr-finder-") as scratch:
        folder = os.path.abspath(output) if output else os.path.join(scratch, "out")
        _execute(module, inputs, config, parameters, folder, scratch)
        report = read_report(os.path.join(folder, RESULT))
    if as_json:
        click.echo(report.to_json())
    else:
        print_report(report)
        if output:
            click.echo(f"Written to {folder}")
    exit_by_verdict(report.verdict, fail_on)


def _custom_config(text: str | None) -> dict[str, Any]:
    try:
        config = json.loads(text or "{}")
    except ValueError as error:
        raise ValueError(f"--custom-config is not JSON: {error}.") from error
    if not isinstance(config, dict):
        raise ValueError(f"--custom-config must be a JSON object, got {text!r}.")
    return config


def _execute(
    module: str,
    inputs: dict[str, str | None],
    custom_config: dict[str, Any],
    parameters: dict[str, Any],
    folder: str,
    scratch: str,
) -> None:
    """Runs LRFinder's executor, which also writes an inconclusive result."""
    # Imported late: it loads TensorFlow.
    from tfx import types
    from tfx.types import standard_artifacts

    from tfx_lr_finder.artifact import LRFinderResult
    from tfx_lr_finder.component import LRFinder
    from tfx_lr_finder.executor import Executor
    from tfx_lr_finder.settings.inconclusive import InconclusiveError

    function = _module(module)
    given = {name: uri for name, uri in inputs.items() if uri}
    artifacts = {name: [_input(name, uri)] for name, uri in given.items()}
    channels = {
        name: types.Channel(type=type(item)) for name, (item,) in artifacts.items()
    }
    finder = LRFinder(**channels, **function, custom_config=custom_config, **parameters)
    outputs = {
        RESULT: [LRFinderResult()],
        HYPERPARAMETERS: [standard_artifacts.HyperParameters()],
    }
    for name, (output,) in outputs.items():
        output.uri = os.path.join(folder, name)
    # The executor writes an inconclusive result below stateful_working_dir.
    context = Executor.Context(
        tmp_dir=scratch, unique_id="run", stateful_working_dir=folder
    )
    try:
        Executor(context).Do(artifacts, outputs, dict(finder.exec_properties))
    except InconclusiveError:
        return


def _module(module: str) -> dict[str, str]:
    """Returns the argument of LRFinder that names a module file or a function."""
    if module.endswith(".py"):
        if not os.path.exists(module):
            raise ValueError(f"There is no module file {module!r}.")
        return {"module_file": os.path.abspath(module)}
    if "." not in module:
        raise ValueError(
            "MODULE must be a .py file or the dotted path of a function, got "
            f"{module!r}."
        )
    kind = "run_fn" if module.rpartition(".")[2] == "run_fn" else "lr_finder_fn"
    return {kind: module}


def _input(name: str, uri: str) -> Any:
    """Returns the input artifact in a folder."""
    from tfx.dsl.io import fileio
    from tfx.types import artifact_utils, standard_artifacts

    if not fileio.isdir(uri):
        option = f"--{name.replace('_', '-')}"
        raise ValueError(f"{option}: there is no folder {uri!r}.")
    kinds = {
        "examples": standard_artifacts.Examples,
        "transform_graph": standard_artifacts.TransformGraph,
        "schema": standard_artifacts.Schema,
    }
    found = kinds[name]()
    found.uri = uri
    if name == "examples":
        names = [entry.rstrip("/") for entry in fileio.listdir(uri)]
        splits = [n.removeprefix("Split-") for n in names if n.startswith("Split-")]
        if not splits:
            raise ValueError(f"--examples: {uri!r} has no folder Split-<name>.")
        found.split_names = artifact_utils.encode_split_names(sorted(splits))
    return found
