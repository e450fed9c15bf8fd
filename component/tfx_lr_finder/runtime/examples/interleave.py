"""Read all shards in turn, so that sorted files are mixed in every batch.

TFX's data accessor opens only as many files at a time as the machine has processors.
If the files are sorted by day or by class, its first batches hold few days or classes.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tfx import types
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx_bsl.tfxio import dataset_options
from tfx_bsl.tfxio.tf_example_record import TFExampleRecord

from tfx_lr_finder.runtime.examples import formats

MAX_OPEN_FILES = 256
"""Largest number of files open at a time. When one ends, the next one opens."""


class _InterleavedExamples(TFExampleRecord):
    """TFX's reader of `tf.Example`s with another order of the records."""

    def __init__(self, file_pattern: list[str], schema: Any) -> None:
        super().__init__(
            file_pattern, schema=schema, telemetry_descriptors=["LRFinder"]
        )
        self._patterns = file_pattern

    def TensorFlowDataset(
        self, options: dataset_options.TensorFlowDatasetOptions
    ) -> tf.data.Dataset:
        spec, names = self._GetTfExampleParserConfig()
        records = interleaved(self._patterns, options)
        batches = records.batch(
            options.batch_size,
            drop_remainder=options.drop_final_batch or options.num_epochs is None,
        )
        parsed = batches.map(
            lambda batch: self._RenameFeatures(tf.io.parse_example(batch, spec), names),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        if options.label_key is not None:
            parsed = self._PopLabelFeatureFromDataset(parsed, options.label_key)
        return parsed.prefetch(tf.data.AUTOTUNE)


def interleaved(
    patterns: list[str], options: dataset_options.TensorFlowDatasetOptions
) -> tf.data.Dataset:
    """Returns the records of all files in turn, shuffled and repeated.

    Args:
      patterns: Patterns of TFRecord files; a name that ends with `.gz` is compressed.
      options: The options of TFX's data accessor.

    Returns:
      Scalar strings.
    """
    files = sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern))
    names = tf.data.Dataset.from_tensor_slices(files)
    if options.shuffle:
        names = names.shuffle(max(1, len(files)), seed=options.shuffle_seed)

    def read(file: tf.Tensor) -> tf.data.Dataset:
        compressed = tf.strings.regex_full_match(file, r".*\.gz")
        kind = tf.where(compressed, "GZIP", "")
        return tf.data.TFRecordDataset(file, kind)

    records = names.interleave(
        read,
        cycle_length=max(1, min(len(files), MAX_OPEN_FILES)),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    if options.shuffle:
        records = records.shuffle(options.shuffle_buffer_size, options.shuffle_seed)
    return records if options.num_epochs == 1 else records.repeat(options.num_epochs)


def interleave_shards(artifacts: list[types.Artifact], fn_args: FnArgs) -> None:
    """Makes `fn_args.data_accessor` read all shards in turn.

    This applies to TFRecords of `tf.Example`; TFX reads other formats as before.

    Args:
      artifacts: The examples.
      fn_args: The arguments of the user's input function; changed in place.
    """
    if formats.payload_format(artifacts) != formats.TF_EXAMPLE:
        return
    if any(map(formats.is_parquet, artifacts)):
        return
    factory: Callable[..., tf.data.Dataset] = _dataset
    fn_args.data_accessor = fn_args.data_accessor._replace(tf_dataset_factory=factory)


def _dataset(
    file_pattern: list[str],
    options: dataset_options.TensorFlowDatasetOptions,
    schema: Any = None,
) -> tf.data.Dataset:
    patterns = [file_pattern] if isinstance(file_pattern, str) else list(file_pattern)
    return _InterleavedExamples(patterns, schema).TensorFlowDataset(options)
