"""Draw a uniform sample of the examples with Beam, to be read instead of them."""

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from typing import Any

from absl import logging
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.dsl.io import fileio
from tfx.utils import io_utils

from tfx_lr_finder.fn_args import LRFinderFnResult
from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.confirmation import most_candidate_steps
from tfx_lr_finder.runtime.examples import formats
from tfx_lr_finder.runtime.loop.batches import batch_size
from tfx_lr_finder.runtime.loop.checks import first_batch
from tfx_lr_finder.runtime.loop.environment import Facts
from tfx_lr_finder.runtime.sampling import manifest
from tfx_lr_finder.runtime.sampling.facts import sample_facts
from tfx_lr_finder.runtime.sampling.pipeline import Group, Rules, build
from tfx_lr_finder.runtime.sampling.source import Source
from tfx_lr_finder.settings import keys
from tfx_lr_finder.settings.sample import AUTO, ON, SampleConfig

AUTO_BATCH_SIZE = 256
"""Batch size that "auto" assumes before the dataset is known."""

FOLDER = "sample"
TRAIN, EVAL = "train", "eval"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sample:
    """A sample on disk.

    Attributes:
      train_files: File patterns of the training examples.
      eval_files: File patterns of the held-out examples.
      num_train_examples: Number of training examples.
      num_available_train_examples: Number of training examples it was drawn from.
      facts: What the report says about the sample.
    """

    train_files: list[str]
    eval_files: list[str]
    num_train_examples: int
    num_available_train_examples: int
    facts: Facts

    def replace_files(self, fn_args: FnArgs) -> None:
        """Makes the user's input function read the sample.

        Args:
          fn_args: The arguments of the input function; changed in place.
        """
        fn_args.train_files = self.train_files
        fn_args.eval_files = self.eval_files


@contextlib.contextmanager
def scratch(parent: str) -> Iterator[str]:
    """Makes a folder for a sample, and removes it afterwards with its content.

    Args:
      parent: The folder to make it in.
    """
    folder = os.path.join(parent, FOLDER)
    try:
        if fileio.exists(folder):  # an attempt that was killed left it
            fileio.rmtree(folder)
        fileio.makedirs(folder)
        yield folder
    finally:
        if fileio.exists(folder):
            fileio.rmtree(folder)


def draw(
    config: SampleConfig,
    search: RangeTestConfig,
    source: Source,
    examples_per_batch: int | None = None,
) -> Sample:
    """Returns a sample of the examples, drawn in one pass over them.

    Args:
      config: The configuration of the sample.
      search: The range test that will read the sample. The sample uses its seed.
      source: The examples.
      examples_per_batch: The dataset's batch size for `sample_size="auto"`; None if
        it is not known yet.

    Returns:
      The sample. Its files last as long as `source.folder`.

    Raises:
      ValueError: A split has no example, a file is damaged, the label does not exist
        or has too many values, or the transform graph is missing.
      RuntimeError: The Beam pipeline failed, for example because a worker died.
    """
    payload = formats.payload_format(source.input_dict[keys.EXAMPLES])
    rules = Rules(
        seed=search.seed,
        payload=payload,
        stratify_by=config.stratify_by,
        min_per_label=config.min_per_label,
        transform_graph=(
            source.transform_graph(payload) if config.sample_transform == ON else ""
        ),
    )
    splits = {TRAIN: list(source.train_splits), EVAL: list(source.eval_splits)}
    sizes = sample_sizes(config, search, examples_per_batch or AUTO_BATCH_SIZE)
    groups = [
        Group(
            name=name,
            files=source.files(names),
            size=sizes[name],
            folder=os.path.join(source.folder, name, f"Split-{name}"),
        )
        for name, names in splits.items()
    ]
    manifests = _run(source, groups, rules)
    for name in splits:
        manifest.check(manifests[name], config.stratify_by, splits[name])
    patterns = [[io_utils.all_files_pattern(group.folder)] for group in groups]
    return Sample(
        train_files=patterns[0],
        eval_files=patterns[1],
        num_train_examples=int(manifests[TRAIN]["sample_size"]),
        num_available_train_examples=sum(manifests[TRAIN]["num_by_split"].values()),
        facts=sample_facts(manifests, splits, sizes, config, search.seed),
    )


def batch_size_to_redraw_for(
    config: SampleConfig, found: LRFinderFnResult
) -> int | None:
    """Returns the dataset's batch size if "auto" drew too few examples for it.

    Args:
      config: The configuration of the sample.
      found: The user's model and data, on a first sample.

    Returns:
      The batch size; None if the first sample is large enough.
    """
    if config.sample_size != AUTO:
        return None
    size = batch_size(first_batch(found.train_dataset.take(1), "training dataset"))
    if size <= AUTO_BATCH_SIZE:
        return None
    logging.info(
        "LRFinder: drawing the sample again, for batches of %d examples instead of %d.",
        size,
        AUTO_BATCH_SIZE,
    )
    return size


def sample_sizes(
    config: SampleConfig, search: RangeTestConfig, examples_per_batch: int
) -> dict[str, int]:
    """Returns the numbers of training and held-out examples to draw.

    Args:
      config: The configuration of the sample.
      search: The range test.
      examples_per_batch: The batch size for "auto", which draws as many batches as
        the sweeps and the longest candidate training take without repeating an
        example.
    """
    if config.sample_size != AUTO:
        return dict.fromkeys((TRAIN, EVAL), int(config.sample_size))
    steps = search.sweep_steps
    if search.confirm_steps != 0:
        steps += most_candidate_steps(search)
    return {
        TRAIN: steps * examples_per_batch,
        EVAL: search.num_eval_batches * examples_per_batch,
    }


def _run(
    source: Source, groups: list[Group], rules: Rules
) -> dict[str, dict[str, Any]]:
    """Runs the Beam pipeline; returns the manifest of each group by its name."""
    logging.info(
        "LRFinder: drawing %s examples from %d files with Beam; seed %d",
        " and ".join(f"{group.size} {group.name}" for group in groups),
        sum(len(group.files) for group in groups),
        rules.seed,
    )
    try:
        with source.make_pipeline() as pipeline:
            for group in groups:
                build(pipeline, group, rules)
    except ValueError:  # one of this package's own errors about the data
        raise
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
        raise RuntimeError(
            f"The Beam pipeline that draws the sample failed: {reason} The log above "
            "has more. If a worker died (out of memory, or with its machine), run this "
            "again. The partial sample is deleted, and the next one will be the same."
        ) from error
    return {group.name: manifest.read(group.folder) for group in groups}
