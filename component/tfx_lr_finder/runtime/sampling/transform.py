"""Apply the transform graph to a sample of raw examples."""

from collections.abc import Sequence

import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform import impl_helper
from tfx_bsl.coders import example_coder

_BATCH_SIZE = 256


def transform(records: Sequence[bytes], transform_graph: str) -> list[bytes]:
    """Returns the transformed examples in the same order, as Transform writes them.

    Args:
      records: Serialized raw `tf.Example`s.
      transform_graph: Folder of the transform graph.

    Returns:
      Serialized transformed `tf.Example`s.

    Raises:
      ValueError: The examples do not fit the raw schema.
    """
    output = tft.TFTransformOutput(transform_graph)
    layer = output.transform_features_layer()
    schema = output.transformed_metadata.schema
    converter = impl_helper.make_tensor_to_arrow_converter(schema)
    encoder = example_coder.RecordBatchToExamplesEncoder(schema)
    raw_spec = output.raw_feature_spec()
    transformed: list[bytes] = []
    for start in range(0, len(records), _BATCH_SIZE):
        batch = tf.constant(list(records[start : start + _BATCH_SIZE]))
        try:
            raw = tf.io.parse_example(batch, raw_spec)
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(
                "The sample does not fit the raw schema of the transform graph at "
                f"{transform_graph}: {error.message}. If the examples "
                "are already transformed, leave out sample_transform."
            ) from error
        features = layer(raw)
        transformed.extend(encoder.encode(converter.convert(dict(features))))
    return transformed
