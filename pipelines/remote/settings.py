"""The settings of both runners, by flags and environment variables, all checked.

Every flag `--some-name` may also be given as the variable `LR_FINDER_SOME_NAME`; the
flag wins. Nothing is compiled or sent before every setting has passed.
"""

import argparse
import dataclasses
import os
import sys

from remote import checks

PREFIX = "LR_FINDER_"


@dataclasses.dataclass(frozen=True, kw_only=True)
class GpuRequest:
    """The machine for the nodes that train; the others get the cluster's default.

    Attributes:
      accelerator: What the backend calls it: `NVIDIA_TESLA_T4` on Vertex,
        `nvidia.com/gpu` on Kubernetes. Empty: no GPU.
      count: How many, at least 1; not used without an accelerator.
      cpus: vCPUs; 0 leaves it to the backend.
      memory_gb: Memory in GB (10^9 bytes); 0 leaves it to the backend.
      for_trainer: Whether the Trainer gets the same machine and image as LRFinder.
      retries: How often a failed (or preempted) node is tried again.
    """

    accelerator: str
    count: int
    cpus: float
    memory_gb: float
    for_trainer: bool
    retries: int

    def __post_init__(self):
        """Checks the numbers; the accelerator's name is the runner's to check."""
        checks.at_least("--accelerator-count", self.count, 1)
        checks.at_least("--cpus", self.cpus, 0)
        checks.at_least("--memory-gb", self.memory_gb, 0)
        checks.at_least("--retries", self.retries, 0)

    @property
    def num_gpus(self):
        """GPUs asked for."""
        return self.count if self.accelerator else 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What both runners need.

    Attributes:
      name: The pipeline's name; also its Kubernetes name.
      root: Bucket for all artifacts.
      data: Folder or bucket of the CSV files.
      span_pattern: Where below `data` a span is; None: all files are one data set.
      serving: Where a blessed model is pushed.
      module: The user module: a dotted name in the image, or a path of a file.
      image: Image of every node that gets no GPU.
      gpu_image: Image of those that get one; the same by default.
      last_good: Where the last good result is kept, for tests that find no rate; None:
        such a run fails.
      default_learning_rate: The rate where there is no good result yet, or None.
      on_no_gpu: `warn` or `fail`.
      cron: When a schedule runs, five fields, UTC; None where nothing is scheduled.
      cache: Whether unchanged nodes are taken from an earlier run.
      seed: Seed of everything random.
      output: File that the compiled pipeline is written to.
      gpu: The machine for the nodes that train.
    """

    name: str
    root: str
    data: str
    span_pattern: str | None
    serving: str
    module: str
    image: str
    gpu_image: str
    last_good: str | None
    default_learning_rate: float | None
    on_no_gpu: str
    cron: str | None
    cache: bool
    seed: int
    output: str
    gpu: GpuRequest

    def __post_init__(self):
        """Checks all that both backends ask for."""
        checks.kubernetes_name("--name", self.name)
        checks.image("--image", self.image)
        checks.image("--gpu-image", self.gpu_image)
        checks.module("--module", self.module, self.root)
        checks.rate("--default-learning-rate", self.default_learning_rate)
        if self.span_pattern is not None:
            checks.span_pattern("--span-pattern", self.span_pattern)
        if self.cron is not None:
            checks.cron("--cron", self.cron)


def add_flags(parser, root_help):
    """Adds the flags of `Settings` to a parser.

    Args:
      parser: An `argparse.ArgumentParser`.
      root_help: What the backend takes as a root.
    """
    add = _Adder(parser)
    add("--name", default="taxi", help="the pipeline's name")
    add("--root", help=root_help)
    add("--data", help="folder or bucket of the CSV files")
    add("--span-pattern", help='such as "span-{SPAN}/*"; each run takes the newest')
    add("--serving", help="where a blessed model is pushed")
    add("--module", default="taxi_module", help="a dotted name in the image, or a file")
    add("--image", help="image of every node")
    add("--gpu-image", help="image of the nodes that get a GPU (default: --image)")
    add("--gpu-trainer", action="store_true", help="the Trainer gets the same machine")
    add("--accelerator", default="", help="kind of GPU; without it there is none")
    add("--accelerator-count", type=int, default=1, help="GPUs")
    add("--cpus", type=float, default=0, help="vCPUs of the nodes that train")
    add("--memory-gb", type=float, default=0, help="memory of the nodes that train")
    add("--retries", type=int, default=0, help="tries after a failure or preemption")
    add(
        "--on-no-gpu", choices=("warn", "fail"), default="warn", help="if none is there"
    )
    add("--last-good", help="where the last good result is kept, for bad data")
    add("--default-learning-rate", type=float, help="where there is none yet")
    add("--cron", help="five fields in UTC, for the action `schedule`")
    add("--no-cache", action="store_true", help="run every node anew")
    add("--seed", type=int, default=0, help="seed of everything random")
    add("--output", help="file for the compiled pipeline")


class _Adder:
    """Adds flags whose defaults come from the environment."""

    def __init__(self, parser):
        self._parser = parser

    def __call__(self, flag, *, default=None, **kwargs):
        variable = PREFIX + flag.removeprefix("--").replace("-", "_").upper()
        given = os.environ.get(variable)
        if kwargs.get("action") == "store_true":
            default = checks.switch(variable, given)
        elif kwargs.get("action") == "append":
            default = given.split(",") if given else []
        elif given is not None:
            default = checks.convert(
                variable, given, kwargs.get("type"), kwargs.get("choices")
            )
        help_text = kwargs.pop("help") + f" [{variable}]"
        self._parser.add_argument(flag, default=default, help=help_text, **kwargs)


def flag_adder(parser):
    """Returns a function like `parser.add_argument` that knows the environment."""
    return _Adder(parser)


def from_options(options, default_output):
    """Returns the checked settings.

    Args:
      options: What the parser of `add_flags` returned.
      default_output: The file for the compiled pipeline where none is named.

    Raises:
      ValueError: If a setting is not as wanted.
    """
    for name in ("root", "data", "serving", "image"):
        if not getattr(options, name):
            raise ValueError(
                f"--{name} is missing: pass it, or set {PREFIX}{name.upper()}."
            )
    scheduled = options.action == "schedule"
    if scheduled and not options.cron:
        raise ValueError(
            "The action `schedule` needs --cron, such as --cron '0 4 * * *' for every "
            "day at four o'clock UTC."
        )
    if scheduled and not options.span_pattern:
        print(
            "Note: without --span-pattern every run reads all of --data anew.",
            file=sys.stderr,
        )
    return Settings(
        name=options.name,
        root=options.root.rstrip("/"),
        data=options.data,
        span_pattern=options.span_pattern,
        serving=options.serving,
        module=options.module,
        image=options.image,
        gpu_image=options.gpu_image or options.image,
        last_good=options.last_good,
        default_learning_rate=options.default_learning_rate,
        on_no_gpu=options.on_no_gpu,
        cron=options.cron,
        cache=not options.no_cache,
        seed=options.seed,
        output=options.output or default_output,
        gpu=GpuRequest(
            accelerator=options.accelerator,
            count=options.accelerator_count,
            cpus=options.cpus,
            memory_gb=options.memory_gb,
            for_trainer=options.gpu_trainer,
            retries=options.retries,
        ),
    )


def parser(description, actions):
    """Returns the parser of a runner, which takes one of `actions` first."""
    result = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    result.add_argument("action", choices=actions)
    return result
