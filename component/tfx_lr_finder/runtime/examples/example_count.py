"""The number of examples in one epoch of the train split."""

from collections.abc import Sequence

import tensorflow as tf
from tfx import types
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.types import artifact_utils

from tfx_lr_finder.fn_args import LRFinderFnResult
from tfx_lr_finder.runtime.examples import formats
from tfx_lr_finder.settings import keys

MAX_BYTES = 100 * 1024**2
"""Files of more than this size in total are not counted, to save time."""


def num_train_examples(
    found: LRFinderFnResult,
    input_dict: dict[str, list[types.Artifact]],
    train_splits: Sequence[str],
    sampled: int | None = None,
) -> int | None:
    """Returns the number of examples in one epoch of the training data.

    Args:
      found: The user's model and data; a number that the user gave takes precedence.
      input_dict: See `count_train_examples`.
      train_splits: See `count_train_examples`.
      sampled: The size of the training sample; None without a sample.

    Returns:
      The number; None if it is unknown, or if the dataset is finite and needs none.
    """
    if found.num_train_examples is not None:
        return found.num_train_examples
    if int(found.train_dataset.cardinality()) >= 0:
        return None
    if sampled is not None:
        return sampled
    return count_train_examples(input_dict, train_splits)


def count_train_examples(
    input_dict: dict[str, list[types.Artifact]], train_splits: Sequence[str]
) -> int | None:
    """Returns the number of records of the train splits.

    Args:
      input_dict: The examples and, optionally, their statistics.
      train_splits: Names of the training splits.

    Returns:
      The number; None without statistics if the files are not TFRecords or exceed
      100 MiB in total.
    """
    if input_dict.get(keys.STATISTICS):
        return _in_statistics(input_dict[keys.STATISTICS], train_splits)
    artifacts = input_dict[keys.EXAMPLES]
    compressions = {formats.tfrecord_compression(artifact) for artifact in artifacts}
    if len(compressions) != 1 or None in compressions:
        return None
    files = formats.split_files(artifacts, train_splits)
    if sum(tf.io.gfile.stat(file).length for file in files) > MAX_BYTES:
        return None
    records = tf.data.TFRecordDataset(files, compressions.pop())
    return int(records.reduce(tf.constant(0, tf.int64), lambda number, _: number + 1))


def _in_statistics(artifacts: list[types.Artifact], splits: Sequence[str]) -> int:
    """Returns the number of examples that the statistics count in some splits."""
    statistics = artifact_utils.get_single_instance(artifacts)
    names = artifact_utils.decode_split_names(statistics.split_names)
    if missing := sorted(set(splits) - set(names)):
        raise ValueError(
            f"The statistics at {statistics.uri} have no split {missing[0]!r}, only "
            f"{', '.join(names) or 'none'}. Connect the statistics of the examples, or "
            "leave out `statistics`."
        )
    found = [stats_artifact_utils.load_statistics(statistics, name) for name in splits]
    return sum(int(view.proto().datasets[0].num_examples) for view in found)
