"""The settings of both runners. Each field of the classes is an option.

The option `--some-name` can also be set as the environment variable
`LR_FINDER_SOME_NAME`. The option wins. A `Settings` object has passed every check that
needs no server, so nothing is compiled or sent with a bad setting.
"""

import dataclasses
import sys
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click
from remote import checks, resources
from remote.resources import FINDER, TRAINER, Request

PREFIX = "LR_FINDER_"
ON_NO_GPU = ("warn", "fail")


def option(
    default: Any = dataclasses.MISSING, *, help: str, choices: Sequence[str] = ()
) -> Any:
    """A field of `Settings`, with the help text of its option.

    Args:
      default: The default; without one the option is required.
      help: What the option says, with unit and range.
      choices: The allowed values; empty if all are.
    """
    return dataclasses.field(
        default=default, metadata={"help": help, "choices": choices}
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings that both runners need. The help of a field describes it."""

    name: str = option("taxi", help="Name of the pipeline.")
    root: str = option(help="Bucket for all artifacts: gs://BUCKET/FOLDER.")
    data: str = option(help="Folder or bucket with the CSV files.")
    span_pattern: str | None = option(
        None,
        help="Location of a span below --data, such as 'span-{SPAN}/*'. Each run reads "
        "the newest span. Without it, each run reads all files.",
    )
    serving: str = option(help="Folder or bucket for the models that pass evaluation.")
    module: str = option(
        "taxi_module", help="User module: a dotted name in the image, or a .py file."
    )
    image: str = option(help="Image of all nodes, with a tag or a digest.")
    gpu_image: str | None = option(
        None, help="Image of the nodes that get a GPU. Default: --image."
    )
    gpu_trainer: bool = option(
        False, help="Give the Trainer the GPU, image and node of LRFinder, too."
    )
    accelerator: str | None = option(
        None, help="Type of GPU for LRFinder. Without it, there is no GPU."
    )
    accelerator_count: int = option(1, help="Number of GPUs, at least 1.")
    cpus: float = option(
        0.0,
        help="Number of vCPUs for each node that trains, LRFinder and the Trainer; 0 "
        "leaves it to the backend.",
    )
    memory_gb: float = option(
        0.0,
        help="Memory in GB for each node that trains, LRFinder and the Trainer; 0 "
        "leaves it to the backend.",
    )
    resources: tuple[str, ...] = option(
        (),
        help="NODE=CPUS:GB for any node, such as Transform=4:16. For LRFinder and the "
        "Trainer it replaces --cpus and --memory-gb. Repeatable.",
    )
    retries: int = option(
        0, help="How often LRFinder runs again after a failure or a preemption."
    )
    checkpoint_dir: str | None = option(
        None,
        help="Folder or bucket for the checkpoints of LRFinder, from which a killed "
        "pod resumes. Default: a folder below --root if that is on gs://, else none.",
    )
    evidence_dir: str | None = option(
        None,
        help="Folder or bucket for the reports of tests that fail. Default: as for "
        "--checkpoint-dir; without a folder they are in the log only.",
    )
    on_no_gpu: str = option(
        "warn", help="What LRFinder does if its pod has no GPU.", choices=ON_NO_GPU
    )
    last_good: str | None = option(
        None,
        help="Bucket that keeps the last good result. If a test finds no learning "
        "rate, LRFinder uses the rate of that result.",
    )
    default_learning_rate: float | None = option(
        None,
        help="Learning rate to use if LRFinder finds none and there is no good result. "
        "Without it, such a run fails.",
    )
    cron: str | None = option(
        None, help="Schedule of the action 'schedule': five fields, in UTC."
    )
    no_cache: bool = option(False, help="Run all nodes, even unchanged ones.")
    seed: int = option(0, help="Seed of the weights and of the order of the data.")
    output: str = option(help="File for the compiled pipeline.")

    def __post_init__(self) -> None:
        """Checks all settings that both backends share.

        Raises:
          ValueError: If a setting is not valid.
        """
        checks.image("--image", self.image)
        checks.image("--gpu-image", self.gpu_image or self.image)
        checks.module("--module", self.module, self.root)
        checks.at_least("--accelerator-count", self.accelerator_count, 1)
        for name in ("cpus", "memory_gb", "retries"):
            flag = f"--{name.replace('_', '-')}"
            checks.at_least(flag, getattr(self, name), 0)
        resources.parse("--resources", self.resources)
        checks.learning_rate("--default-learning-rate", self.default_learning_rate)
        if self.span_pattern is not None:
            checks.span_pattern("--span-pattern", self.span_pattern)
        if self.cron is not None:
            checks.cron("--cron", self.cron)
        checks.output_file("--output", self.output)

    @property
    def num_gpus(self) -> int:
        """The number of GPUs that the backend is asked for."""
        return self.accelerator_count if self.accelerator else 0

    @property
    def custom_job(self) -> dict[str, Any] | None:
        """The custom job of Vertex that runs LRFinder; None runs it in its own pod."""
        return None

    @property
    def training_nodes(self) -> tuple[str, ...]:
        """The ids of the nodes whose pods train."""
        return FINDER, TRAINER

    @property
    def gpu_nodes(self) -> tuple[str, ...]:
        """The ids of the nodes that get the GPU, its image and its node."""
        with_gpu = (FINDER, TRAINER) if self.gpu_trainer else (FINDER,)
        return tuple(node for node in self.training_nodes if node in with_gpu)

    @property
    def requests(self) -> dict[str, Request]:
        """What each node requests, by its id. Other nodes request nothing."""
        amounts = {
            **dict.fromkeys(self.training_nodes, (self.cpus, self.memory_gb)),
            **resources.parse("--resources", self.resources),
        }
        with_gpus = self.gpu_nodes if self.accelerator else ()
        requests = {
            node: Request(
                cpus=cpus,
                memory_gb=memory_gb,
                accelerator=self.accelerator or "" if node in with_gpus else "",
                accelerator_count=self.num_gpus if node in with_gpus else 0,
            )
            for node, (cpus, memory_gb) in amounts.items()
        }
        return {
            node: wanted for node, wanted in requests.items() if wanted != Request()
        }


SomeSettings = TypeVar("SomeSettings", bound=Settings)


def command(
    kind: type[SomeSettings], actions: Mapping[str, str], help: str
) -> Callable[[Callable[[str, SomeSettings], None]], click.Command]:
    """A decorator that makes a command from a function of an action and settings.

    Args:
      kind: The class whose fields become options.
      actions: The values of the command's argument, each with its description.
      help: First line of the command's help.
    """

    def decorate(function: Callable[[str, SomeSettings], None]) -> click.Command:
        def callback(action: str, **options: Any) -> None:
            settings = kind(**options)
            if action == "schedule":
                _check_schedule(settings)
            function(action, settings)

        argument = click.Argument(
            ["action"], type=click.Choice(tuple(actions)), metavar="ACTION"
        )
        lines = [f"{name:<10}{text}" for name, text in actions.items()]
        return click.Command(
            function.__name__,
            params=[argument, *_options(kind)],
            options_metavar=_usage(kind),
            callback=callback,
            help="\n".join([help, "", "\b", "The values of ACTION:", *lines]),
            context_settings={"show_default": True, "max_content_width": 100},
        )

    return decorate


def run(command: click.Command, arguments: Sequence[str] | None = None) -> int:
    """Runs a command, prints an error as one sentence, and returns the exit status."""
    try:
        command.main(arguments, standalone_mode=False)
    except click.ClickException as error:
        print(error.format_message(), file=sys.stderr)
        return 1
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _options(kind: type[Settings]) -> list[click.Option]:
    types = typing.get_type_hints(kind)
    return [_option(field, types[field.name]) for field in dataclasses.fields(kind)]


def _usage(kind: type[Settings]) -> str:
    """The required options and "[OPTIONS]", for the first line of the help."""
    required = (
        f"--{field.name} {field.name.upper()}"
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING
    )
    return " ".join([*required, "[OPTIONS]"])


def _option(field: dataclasses.Field[Any], annotation: Any) -> click.Option:
    """The option of one field."""
    # click takes an explicit None for a value, so a required option has no default.
    is_required = field.default is dataclasses.MISSING
    default: dict[str, Any] = {} if is_required else {"default": field.default}
    is_flag = annotation is bool
    # An optional or a repeated value has the type of its first argument.
    value_type = next(iter(typing.get_args(annotation)), annotation)
    choices = field.metadata["choices"]
    return click.Option(
        [f"--{field.name.replace('_', '-')}"],
        type=click.Choice(choices) if choices else value_type,
        required=is_required,
        is_flag=is_flag,
        multiple=typing.get_origin(annotation) is tuple,
        # Named here, because click's errors do not name automatic variables.
        envvar=PREFIX + field.name.upper(),
        show_envvar=True,
        help=field.metadata["help"],
        **default,
    )


def _check_schedule(settings: Settings) -> None:
    if not settings.cron:
        raise ValueError(
            "The action 'schedule' needs --cron, such as --cron '0 4 * * *' for every "
            "day at four o'clock UTC."
        )
    if not settings.span_pattern:
        print(
            "Note: without --span-pattern every run reads all files of --data.",
            file=sys.stderr,
        )
