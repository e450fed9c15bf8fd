"""Damaged examples in a run of the whole executor without a sample."""

import gzip
import re

import numpy as np
import pytest
import tensorflow as tf

from tests.faults import modules, run_executor

SHARDS = 2
PER_SHARD = 128


def _records(rng):
    for _ in range(PER_SHARD):
        x = rng.normal(size=4)
        example = tf.train.Example()
        example.features.feature["x"].float_list.value.extend(x)
        example.features.feature["y"].float_list.value.append(x.sum())
        yield example.SerializeToString(deterministic=True)


def _write(path, records, kind="GZIP"):
    with tf.io.TFRecordWriter(str(path), kind) as writer:
        for record in records:
            writer.write(record)


@pytest.fixture
def shards(tmp_path):
    """The files of the train split."""
    rng = np.random.default_rng(0)
    for split in ("train", "eval"):
        folder = tmp_path / "examples" / f"Split-{split}"
        folder.mkdir(parents=True)
        for shard in range(SHARDS):
            _write(folder / f"data-{shard}.gz", _records(rng))
    return sorted((tmp_path / "examples/Split-train").iterdir())


def truncate(path):
    content = path.read_bytes()
    path.write_bytes(content[: 2 * len(content) // 3])


def truncate_within_a_record(path):
    """Leaves a valid gzip file whose content ends within a record."""
    plain = path.with_name("plain")
    _write(plain, _records(np.random.default_rng(1)), "")
    content = plain.read_bytes()
    plain.unlink()
    path.write_bytes(gzip.compress(content[: len(content) // 2 + 30]))


def flip_a_bit(path):
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[len(content) // 2 + 30] ^= 1
    path.write_bytes(gzip.compress(bytes(content)))


def insert_an_invalid_example(path):
    rng = np.random.default_rng(1)
    _write(path, [*list(_records(rng))[:60], b"\xff nonsense", *_records(rng)])


def write_garbage(path):
    path.write_bytes(b"this is no compressed file" * 100)


DAMAGE = {
    truncate: "the file is truncated",
    truncate_within_a_record: "after record 64: ValueError: .*Fewer than",
    flip_a_bit: "after record 64: ValueError: .*Mismatch of data mask",
    insert_an_invalid_example: "record 61: not a tf.Example",
    write_garbage: "not a valid gzip file",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_named_and_nothing_is_written(damage, shards, tmp_path):
    damage(shards[1])
    root = tmp_path / "root"
    place = f"The examples cannot be read: {shards[1]}: "
    with pytest.raises(ValueError, match=f"^{re.escape(place)}{DAMAGE[damage]}"):
        run_executor.run(
            root, text=modules.READING, examples=str(tmp_path / "examples")
        )
    assert not (root / "lr_finder_result").exists()
    assert not (root / "best_hyperparameters").exists()
