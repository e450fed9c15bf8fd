import gzip
import random

import pytest
import tensorflow as tf

from tests.runtime.sampling.sampled_data import numbered
from tfx_lr_finder.runtime.examples import record_files
from tfx_lr_finder.runtime.sampling.labels import label_reader

KINDS = ("", "GZIP")


def _write(folder, records, kind):
    path = folder / ("file.gz" if kind else "file")
    with tf.io.TFRecordWriter(str(path), kind) as writer:
        for record in records:
            writer.write(record)
    return path


def _read(path):
    """The records before a damage, and the damage."""
    records = []
    try:
        records.extend(record_files.read_records(str(path), record_files.TFRECORD))
    except record_files.DamagedFileError as error:
        return records, str(error)
    return records, None


@pytest.mark.parametrize("kind", KINDS)
def test_records_of_any_length_are_read_as_tensorflow_wrote_them(kind, tmp_path):
    rng = random.Random(0)
    lengths = [rng.choice((0, 1, 3000, 90_000)) for _ in range(300)] + [700_000]
    records = [rng.randbytes(length) for length in lengths]
    assert _read(_write(tmp_path, records, kind)) == (records, None)


def test_tensorflow_reads_what_write_tfrecords_wrote(tmp_path):
    records = [*numbered(50), b""]
    path = str(tmp_path / "folder" / "file")
    record_files.write_tfrecords(path, records)
    read = tf.data.TFRecordDataset(path, "GZIP").as_numpy_iterator()
    assert list(read) == records


def test_a_gzip_file_without_its_end_is_damaged_even_if_every_record_is_there(tmp_path):
    path = _write(tmp_path, numbered(50), "GZIP")
    path.write_bytes(path.read_bytes()[:-1])
    read = tf.data.TFRecordDataset(str(path), "GZIP").as_numpy_iterator()
    assert list(read) == numbered(50)
    assert _read(path)[1].startswith("EOFError: Compressed file ended before")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("place", "reason"), [(201, "Mismatch of length mask"), (250, "of data mask")]
)
def test_a_flipped_bit_is_found_by_its_record_without_quoting_it(
    place, reason, kind, tmp_path
):
    content = bytearray(_write(tmp_path, [b"x" * 84] * 9, "").read_bytes())
    content[place] ^= 1  # each record has 100 bytes
    path = tmp_path / ("damaged.gz" if kind else "damaged")
    path.write_bytes(gzip.compress(content) if kind else bytes(content))
    records, damage = _read(path)
    assert records == [b"x" * 84] * 2
    assert damage.endswith(reason)


@pytest.mark.parametrize(
    ("payload", "made"),
    [
        ("FORMAT_TF_EXAMPLE", tf.train.Example),
        ("FORMAT_TF_SEQUENCE_EXAMPLE", tf.train.SequenceExample),
    ],
)
@pytest.mark.parametrize("ending", [b"", b"\xff nonsense"])
def test_a_record_that_is_not_an_example_with_features_is_refused(
    ending, payload, made
):
    example = made()
    assert "not a tf." in label_reader(payload, "")(ending, [])[1]
    features = example.features if hasattr(example, "features") else example.context
    features.feature["a"].int64_list.value.append(1)
    record = example.SerializeToString()
    assert label_reader(payload, "")(record, []) == (None, "")
    assert label_reader(payload, "a")(record, []) == ("1", "")
    if ending:
        assert "not a tf." in label_reader(payload, "")(record + ending, [])[1]
