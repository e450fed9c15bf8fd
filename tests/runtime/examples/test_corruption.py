import gzip
import tracemalloc
import types

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


@pytest.mark.parametrize("whole", [bytes, two_parts, lambda _: b""])
def test_whole_and_empty_files_pass(whole, shard):
    shard.write_bytes(whole(shard.read_bytes()))
    corruption.refuse_cut(fn_args(shard))


@pytest.mark.parametrize("num_bytes", [1, 8, 100])
@pytest.mark.parametrize("part", [bytes, two_parts])
def test_a_file_that_is_cut_anywhere_is_refused_by_name(num_bytes, part, shard):
    shard.write_bytes(part(shard.read_bytes())[:-num_bytes])
    with pytest.raises(ValueError, match=f"{shard}: its compression has no end"):
        corruption.refuse_cut(fn_args(shard))


def test_what_a_small_file_unpacks_to_is_never_in_memory_at_once(shard):
    shard.write_bytes(gzip.compress(bytes(200_000_000), 1))
    tracemalloc.start()
    corruption.refuse_cut(fn_args(shard))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


def test_large_files_are_not_looked_through(shard, monkeypatch):
    shard.write_bytes(shard.read_bytes()[:-1])
    monkeypatch.setattr(corruption, "MOST_BYTES", 10)
    corruption.refuse_cut(fn_args(shard))


@pytest.mark.parametrize(
    "error", [KeyError("x"), tf.errors.InvalidArgumentError(None, None, "shapes")]
)
def test_an_error_that_data_did_not_cause_stays_as_it_is(error, shard, tmp_path):
    shard.write_bytes(b"damaged")
    with (
        pytest.raises(type(error)),
        corruption.named(fn_args(shard), [artifact(tmp_path)]),
    ):
        raise error


def test_an_error_over_data_that_are_whole_stays_as_it_is(shard, tmp_path):
    error = tf.errors.DataLossError(None, None, "corrupted record")
    with (
        pytest.raises(tf.errors.DataLossError),
        corruption.named(fn_args(shard), [artifact(tmp_path)]),
    ):
        raise error


def test_the_search_for_the_damage_ends_in_time(shard):
    shard.write_bytes(gzip.compress(b"damaged"))
    assert "it ends within" in corruption.first_damage([str(shard)], 1e9)
    write_split(shard.parent.parent, "train", [numbered(50)])
    assert corruption.first_damage([str(shard)], 0.0) is None
