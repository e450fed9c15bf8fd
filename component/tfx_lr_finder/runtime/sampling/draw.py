"""A uniform sample of the examples, drawn with Beam, in the place of all of them."""

import contextlib
import dataclasses
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

from absl import logging
from apache_beam.io.filesystems import FileSystems
from tfx import types
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils

from tfx_lr_finder.fn_args import LRFinderFnResult
from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.confirmation import most_candidate_steps
from tfx_lr_finder.runtime.examples import splits as examples
from tfx_lr_finder.runtime.examples.record_files import PARQUET, TFRECORD
from tfx_lr_finder.runtime.loop.batches import batch_size
from tfx_lr_finder.runtime.loop.environment import Facts
from tfx_lr_finder.runtime.sampling import facts as sample_report
from tfx_lr_finder.runtime.sampling.pipeline import (
    Group,
    Rules,
    SourceFile,
    build,
    with_limits,
)
from tfx_lr_finder.runtime.sampling.shards import MANIFEST
from tfx_lr_finder.settings import keys
from tfx_lr_finder.settings.sample import AUTO, ON, POSITION, SampleConfig

AUTO_BATCH_SIZE = 256
"""Batch size that "auto" counts on before the data set is known."""

FOLDER = "sample"
TRAIN, EVAL = "train", "eval"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """What to sample, and with what.

    Attributes:
      input_dict: The node's input artifacts.
      exec_properties: `train_args` and `eval_args` as JSON, which name the splits.
      make_pipeline: Returns a Beam pipeline, as Beam executors make theirs.
      folder: Scratch folder that the Beam workers can write to.
    """

    input_dict: dict[str, list[types.Artifact]]
    exec_properties: dict[str, Any]
    make_pipeline: Callable[[], Any]
    folder: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sample:
    """Where the sample is, and what it is.

    Attributes:
      train_files: File patterns of the training examples.
      eval_files: File patterns of the held-out examples.
      num_train_examples: How many the first are.
      facts: What to report.
    """

    train_files: list[str]
    eval_files: list[str]
    num_train_examples: int
    facts: Facts

    def hand_over(self, fn_args: FnArgs) -> None:
        """Has the user's input function read the sample."""
        fn_args.train_files = self.train_files
        fn_args.eval_files = self.eval_files


@contextlib.contextmanager
def scratch(parent: str) -> Iterator[str]:
    """Makes a folder for a sample, and removes it with all that is in it.

    Args:
      parent: The folder to make it in.
    """
    folder = os.path.join(parent, FOLDER)
    try:
        if fileio.exists(folder):  # of a try that was killed
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
    """Returns a sample of the examples, which takes one pass over them.

    Args:
      config: What to draw.
      search: The range test that will read it; its seed is the sample's.
      source: The examples.
      examples_per_batch: The data set's batch size, for `sample_size="auto"`; None
        if it is not known yet.

    Returns:
      The sample; it lives as long as `source.folder`.

    Raises:
      ValueError: If a split has no example, the label does not exist or is none, more
        of the data is corrupt than may be, or the transform graph is missing.
      RuntimeError: If Beam's pipeline failed, as where a worker dies.
    """
    artifacts = source.input_dict[keys.EXAMPLES]
    payload = examples.payload_format(artifacts)
    graph = _transform_graph(config, source, payload)
    train, held_out = examples.splits(source.exec_properties)
    splits = {TRAIN: train, EVAL: held_out}
    sizes = sample_sizes(config, search, examples_per_batch or AUTO_BATCH_SIZE)
    groups = {
        name: Group(
            size=sizes[name],
            folder=os.path.join(source.folder, name, f"Split-{name}"),
        )
        for name in splits
    }
    rules = Rules(
        seed=search.seed,
        payload=payload,
        by_position=config.sample_by == POSITION,
        stratify_by=config.stratify_by,
        min_per_label=min(config.min_per_label, max(sizes.values())),
        stop_at_corrupt=not config.max_corrupt_share,
        transform_graph=graph,
    )
    files = _source_files(artifacts, splits)
    logging.info(
        "LRFinder: drawing %s examples from %d files with Beam; seed %d",
        " and ".join(f"{size} {name}" for name, size in sizes.items()),
        len(files),
        rules.seed,
    )
    manifests = _run(source.make_pipeline, files, groups, rules)
    for name, manifest in manifests.items():
        sample_report.check(manifest, config, splits[name])
    facts = sample_report.facts(manifests, splits, sizes, config, rules.seed)
    return Sample(
        train_files=[io_utils.all_files_pattern(groups[TRAIN].folder)],
        eval_files=[io_utils.all_files_pattern(groups[EVAL].folder)],
        num_train_examples=int(manifests[TRAIN]["sample_size"]),
        facts=facts,
    )


def batch_size_to_draw_for(config: SampleConfig, found: LRFinderFnResult) -> int | None:
    """Returns the data set's batch size if "auto" drew too little for it, or None.

    Args:
      config: What was drawn.
      found: The model and the data, on a first sample.
    """
    if config.sample_size != AUTO:
        return None
    for batch in found.train_dataset.take(1):
        size = batch_size(batch)
        if size > AUTO_BATCH_SIZE:
            logging.info(
                "LRFinder: batches hold %d examples; the sample is drawn again for "
                "as many batches of that size.",
                size,
            )
            return size
    return None


def sample_sizes(
    config: SampleConfig, search: RangeTestConfig, examples_per_batch: int
) -> dict[str, int]:
    """Returns how many training and held-out examples to draw.

    Args:
      config: What to draw.
      search: The range test.
      examples_per_batch: For "auto", which draws as many batches as the sweeps and
        the longest confirming training take without meeting an example twice.
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
    make_pipeline: Callable[[], Any],
    files: list[SourceFile],
    groups: dict[str, Group],
    rules: Rules,
) -> dict[str, dict[str, Any]]:
    """Returns what there is to tell of each group, its shards being written."""
    manifests: dict[str, dict[str, Any]] = {}
    for bounded in (True, False):
        limited = with_limits(files, groups, bounded=bounded)
        try:
            with make_pipeline() as pipeline:
                build(pipeline, limited, groups, rules)
        except ValueError:  # of our own: the data are not what they should be
            raise
        except Exception as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
            raise RuntimeError(
                f"The Beam pipeline that draws the sample failed: {reason} The log "
                "above has more. If a worker died (of memory, or with its machine), "
                "run this again: nothing of the sample is left, and the next one is "
                "the same."
            ) from error
        for name, group in groups.items():
            path = os.path.join(os.path.dirname(group.folder), MANIFEST)
            manifests[name] = json.loads(_read(path))
        if all(manifest["complete"] for manifest in manifests.values()):
            break
        logging.info(
            "LRFinder: the files' sizes do not tell how many examples they hold; the "
            "sample is drawn again without counting on them."
        )
    return manifests


def _read(path: str) -> bytes:
    if not fileio.exists(path):
        raise ValueError(
            f"The Beam pipeline ended without {path}. Its workers and this process "
            "must see the same storage: set the pipeline's root to a bucket or a "
            "shared folder, or leave sample_size out."
        )
    with fileio.open(path, "rb") as file:
        return bytes(file.read())


def _source_files(
    artifacts: list[types.Artifact], splits: dict[str, list[str]]
) -> list[SourceFile]:
    """Returns every file of the splits, with its size.

    Raises:
      ValueError: There is none for some purpose.
    """
    files = []
    for group, names in splits.items():
        for number, split in enumerate(names):
            for artifact in artifacts:
                (uri,) = artifact_utils.get_split_uris([artifact], split)
                (found,) = FileSystems.match([io_utils.all_files_pattern(uri)])
                files += [
                    SourceFile(
                        group=group,
                        split=number,
                        path=item.path,
                        name=os.path.relpath(item.path, artifact.uri),
                        num_bytes=item.size_in_bytes,
                        file_format=(
                            PARQUET if examples.is_parquet(artifact) else TFRECORD
                        ),
                    )
                    for item in sorted(found.metadata_list, key=lambda x: x.path)
                ]
        if not any(file.group == group for file in files):
            raise ValueError(
                f"There is no file in the split {', '.join(names)} of "
                f"{', '.join(artifact.uri for artifact in artifacts)}. Check that the "
                "ExampleGen's output is still there, or name another split."
            )
    return files


def _transform_graph(config: SampleConfig, source: Source, payload: str) -> str:
    """Returns the folder of the transform graph to apply, "" for none."""
    if config.sample_transform != ON:
        return ""
    artifacts = source.input_dict.get(keys.TRANSFORM_GRAPH)
    if not artifacts:
        raise ValueError(
            "sample_transform='on' needs the input transform_graph, which is not "
            "connected. Pass transform_graph=transform.outputs['transform_graph']."
        )
    if payload != "FORMAT_TF_EXAMPLE":
        raise ValueError(
            "sample_transform='on' takes raw examples of FORMAT_TF_EXAMPLE, these are "
            f"{payload}. Connect Transform's transformed_examples instead."
        )
    return str(artifact_utils.get_single_uri(artifacts))
