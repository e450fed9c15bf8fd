import gzip
import tracemalloc
import types
import zlib

import pytest
import tensorflow as tf

from tests.runtime.sampling.sampled_data import artifact, numbered, write_split
from tfx_lr_finder.runtime.examples import corruption


@pytest.fixture
def shard(tmp_path):
    write_split(tmp_path, "train", [numbered(50)])
    (path,) = (tmp_path / "Split-train").iterdir()
    return path


def fn_args(path):
    return types.SimpleNamespace(train_files=[str(path.parent / "*")], eval_files=None)


def two_parts(content):
    return content + gzip.compress(gzip.decompress(content))


@pytest.mark.parametrize("complete", [bytes, two_parts, lambda _: b""])
def test_complete_and_empty_files_pass_the_check(complete, shard):
    shard.write_bytes(complete(shard.read_bytes()))
    corruption.reject_truncated(fn_args(shard))


@pytest.mark.parametrize("num_bytes", [1, 8, 100])
@pytest.mark.parametrize("part", [bytes, two_parts])
def test_a_file_truncated_anywhere_is_refused_by_name(num_bytes, part, shard):
    shard.write_bytes(part(shard.read_bytes())[:-num_bytes])
    with pytest.raises(ValueError, match=f"{shard}: the file is truncated"):
        corruption.reject_truncated(fn_args(shard))


def test_the_check_never_holds_a_whole_uncompressed_file_in_memory(shard):
    shard.write_bytes(gzip.compress(bytes(200_000_000), 1))
    tracemalloc.start()
    corruption.reject_truncated(fn_args(shard))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


def test_large_files_are_not_checked_in_advance(shard, monkeypatch):
    shard.write_bytes(shard.read_bytes()[:-1])
    monkeypatch.setattr(corruption, "MAX_CHECKED_BYTES", 10)
    corruption.reject_truncated(fn_args(shard))


@pytest.mark.parametrize(
    "error", [KeyError("x"), tf.errors.InvalidArgumentError(None, None, "shapes")]
)
def test_an_error_that_data_did_not_cause_is_unchanged(error, shard, tmp_path):
    shard.write_bytes(b"damaged")
    with (
        pytest.raises(type(error)) as raised,
        corruption.name_damaged_file_on_error(fn_args(shard), [artifact(tmp_path)]),
    ):
        raise error
    assert raised.value is error


def test_a_data_error_is_unchanged_if_no_file_is_damaged(shard, tmp_path):
    error = tf.errors.DataLossError(None, None, "corrupted record")
    with (
        pytest.raises(tf.errors.DataLossError) as raised,
        corruption.name_damaged_file_on_error(fn_args(shard), [artifact(tmp_path)]),
    ):
        raise error
    assert raised.value is error


def test_a_truncation_between_two_records_which_tensorflow_accepts_is_refused(shard):
    compressor = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    content = gzip.decompress(shard.read_bytes())
    end = sum(len(record) + 16 for record in numbered(30))
    half = compressor.compress(content[:end]) + compressor.flush(zlib.Z_SYNC_FLUSH)
    shard.write_bytes(half)
    read = tf.data.TFRecordDataset(str(shard), "GZIP").as_numpy_iterator()
    assert list(read) == numbered(30)
    with pytest.raises(ValueError, match=f"{shard}: the file is truncated"):
        corruption.reject_truncated(fn_args(shard))


def test_the_search_for_the_damage_ends_at_the_deadline(shard, tmp_path, monkeypatch):
    (shard.parent / "later").write_bytes(b"damaged")
    error = tf.errors.DataLossError(None, None, "corrupted record")

    def searched():
        with corruption.name_damaged_file_on_error(
            fn_args(shard), [artifact(tmp_path)]
        ):
            raise error

    with pytest.raises(ValueError, match="later: after record 0: "):
        searched()
    monkeypatch.setattr(corruption, "MAX_SEARCH_SECONDS", -1.0)
    with pytest.raises(tf.errors.DataLossError):
        searched()
