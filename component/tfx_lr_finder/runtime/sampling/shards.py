"""Write the shards of a sample."""

from collections.abc import Sequence

import pyarrow as pa
from apache_beam.io.filesystems import FileSystems

from tfx_lr_finder.runtime.examples import record_files

NUM_SHARDS = 4


def write_shards(
    folder: str, records: Sequence[bytes], schemas: set[bytes], transform_graph: str
) -> None:
    """Writes a sample into files whose sizes differ by at most one example.

    Args:
      folder: Where the shards go.
      records: The sample.
      schemas: Serialized schemas of the Parquet files; empty for TFRecords.
      transform_graph: Folder of the transform graph to apply, or "".

    Raises:
      ValueError: The Parquet schemas conflict, or the transform graph does not fit.
    """
    name, suffix = "data_tfrecord", ".gz"
    if schemas:
        name, suffix = "data_parquet", ".parquet"
        schema = _unified(schemas)
    if transform_graph and records:
        name = "transformed_examples"
        # Here, and not at the top: it loads TensorFlow Transform.
        from tfx_lr_finder.runtime.sampling import transform

        records = transform.transform(records, transform_graph)
    num_shards = max(1, min(NUM_SHARDS, len(records)))
    for shard in range(num_shards):
        file = f"{name}-{shard:05d}-of-{num_shards:05d}{suffix}"
        path = FileSystems.join(folder, file)
        if schemas:
            record_files.write_parquet(path, records[shard::num_shards], schema)
        else:
            record_files.write_tfrecords(path, records[shard::num_shards])


def _unified(schemas: set[bytes]) -> bytes:
    """Returns one schema with the columns of all."""
    read = [
        pa.ipc.read_schema(pa.py_buffer(schema)).remove_metadata()
        for schema in sorted(schemas)
    ]
    try:
        return bytes(pa.unify_schemas(read).serialize())
    except pa.ArrowException as error:
        raise ValueError(
            f"The Parquet files of a split have columns of different types: {error}. "
            "Write them with one schema."
        ) from error
