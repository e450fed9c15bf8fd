import io
import random

import pytest
import tensorflow as tf
from google.protobuf.message import DecodeError

from tests.runtime.sampling.sampled_data import numbered
from tfx_lr_finder.runtime.examples.tfrecords import (
    Damaged,
    pack_tfrecords,
    read_tfrecords,
)
from tfx_lr_finder.runtime.sampling import labels as sample_labels

KINDS = ("", "GZIP")


def _written(folder, records, kind):
    """What TensorFlow makes of some records."""
    path = folder / "file"
    with tf.io.TFRecordWriter(str(path), kind) as writer:
        for record in records:
            writer.write(record)
    return path.read_bytes()


def _read(content, kind):
    """The records before a damage, and the damage."""
    records = []
    try:
        for record in read_tfrecords(io.BytesIO(content), bool(kind)):
            records.append(record)
    except (Damaged, EOFError) as error:
        return records, error
    return records, None


@pytest.mark.parametrize("kind", KINDS)
def test_records_of_any_length_are_read_as_tensorflow_wrote_them(kind, tmp_path):
    """They end anywhere in the blocks that are read, and some are longer than one."""
    rng = random.Random(0)
    lengths = [rng.choice((0, 1, 3000, 90_000)) for _ in range(300)] + [700_000]
    records = [rng.randbytes(length) for length in lengths]
    content = _written(tmp_path, records, kind)
    assert _read(content, kind) == (records, None)


def test_tensorflow_reads_what_is_packed(tmp_path):
    records = [*numbered(50), b""]
    path = tmp_path / "file"
    path.write_bytes(pack_tfrecords(records))
    read = tf.data.TFRecordDataset(str(path), "GZIP").as_numpy_iterator()
    assert list(read) == records


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_before_a_damage_is_read(kind, tmp_path):
    records = [random.Random(i).randbytes(5000) for i in range(200)]
    content = _written(tmp_path, records, kind)
    read, error = _read(content[: len(content) // 2 - 9], kind)
    assert error is not None
    assert 95 <= len(read) <= 100
    assert read == records[: len(read)]


def test_a_damage_is_placed_where_it_lies(tmp_path):
    records = [b"x" * 84] * 1000  # 100 bytes each with its frame
    content = bytearray(_written(tmp_path, records, ""))
    content[40_000] ^= 1
    read, error = _read(content, "")
    assert (len(read), error.position) == (400, 40_000)
    assert "length of a record" in str(error)
    read, error = _read(content[:30_050], "")
    assert (len(read), error.position) == (300, 30_000)


def test_a_record_of_a_wrong_checksum_is_none_and_the_next_ones_are_read(tmp_path):
    content = bytearray(_written(tmp_path, [b"x" * 84] * 9, ""))
    content[250] ^= 1
    records, error = _read(content, "")
    assert records == [b"x" * 84] * 2 + [None] + [b"x" * 84] * 6
    assert error is None


def _is_example(record):
    example = tf.train.Example()
    try:
        num_bytes = example.ParseFromString(record)
    except DecodeError:
        return False
    return num_bytes == len(record) and len(example.features.feature) > 0


@pytest.mark.filterwarnings("ignore:Unexpected end-group tag:RuntimeWarning")
def test_an_example_is_what_parses_to_its_end_and_has_a_feature():
    """The quick look at a record's first bytes agrees with the parsed message."""
    read_label = sample_labels.label_reader("FORMAT_TF_EXAMPLE", "")
    rng = random.Random(0)
    bytes_of_tags = b"\x00\x01\x02\x0a\x12\x80"
    records = [bytes(rng.choices(bytes_of_tags, k=n % 9)) for n in range(4000)]
    records += numbered(20) + [record[:-1] for record in numbered(20)]
    seen = set()
    for record in records:
        is_example = _is_example(record)
        assert (read_label(record, []) == (None, "")) == is_example
        seen.add(is_example)
    assert seen == {True, False}
