"""How many examples one pass over the train split has."""

from typing import Any

import tensorflow as tf
from tfx import types
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.components.util import examples_utils
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils

from tfx_lr_finder.fn_args import LRFinderFnResult
from tfx_lr_finder.runtime.examples import splits as examples
from tfx_lr_finder.settings import keys

MAX_BYTES = 100 * 1024**2
"""Files above this size in all are not counted: it would cost more than it tells."""

_COMPRESSION = {"tfrecords_gzip": "GZIP"}


def num_train_examples(
    found: LRFinderFnResult,
    input_dict: dict[str, list[types.Artifact]],
    exec_properties: dict[str, Any],
    sampled: int | None = None,
) -> int | None:
    """Returns the examples in one pass over the training data, None if unknown.

    Args:
      found: What the hook returned; its own number counts most.
      input_dict: See `count_train_examples`.
      exec_properties: See `count_train_examples`.
      sampled: How many were sampled for it; None if it reads all.

    Returns:
      The number; None where the dataset ends by itself and so knows better.
    """
    if found.num_train_examples is not None:
        return found.num_train_examples
    if int(found.train_dataset.cardinality()) >= 0:
        return None
    if sampled is not None:
        return sampled
    return count_train_examples(input_dict, exec_properties)


def count_train_examples(
    input_dict: dict[str, list[types.Artifact]], exec_properties: dict[str, Any]
) -> int | None:
    """Returns the number of records of the train splits.

    Args:
      input_dict: Holds the examples, and perhaps their statistics.
      exec_properties: `train_args` as JSON, which names the splits.

    Returns:
      The number; None where there are no statistics, and the files are no TFRecords
      or larger than 100 MiB.
    """
    train, _ = examples.splits(exec_properties)
    if input_dict.get(keys.STATISTICS):
        return _in_statistics(input_dict[keys.STATISTICS], train)
    artifacts = input_dict[keys.EXAMPLES]
    formats = {examples_utils.get_file_format(artifact) for artifact in artifacts}
    if not formats <= set(_COMPRESSION) or any(map(examples.is_parquet, artifacts)):
        return None
    files = [
        file
        for split in train
        for uri in artifact_utils.get_split_uris(artifacts, split)
        for file in fileio.glob(io_utils.all_files_pattern(uri))
    ]
    if sum(tf.io.gfile.stat(file).length for file in files) > MAX_BYTES:
        return None
    records = tf.data.TFRecordDataset(files, _COMPRESSION[formats.pop()])
    return int(records.reduce(tf.constant(0, tf.int64), lambda number, _: number + 1))


def _in_statistics(artifacts: list[types.Artifact], splits: list[str]) -> int:
    """Returns the number of examples that the statistics tell of for some splits."""
    statistics = artifact_utils.get_single_instance(artifacts)
    names = artifact_utils.decode_split_names(statistics.split_names)
    if missing := sorted(set(splits) - set(names)):
        raise ValueError(
            f"The statistics at {statistics.uri} have no split {missing[0]!r}, only "
            f"{', '.join(names) or 'none'}. Connect the statistics of the examples, or "
            "leave `statistics` out."
        )
    found = [stats_artifact_utils.load_statistics(statistics, name) for name in splits]
    return sum(int(view.proto().datasets[0].num_examples) for view in found)
