import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.components.trainer import fn_args_utils
from tfx_bsl.public import tfxio

from tests.runtime.sampling.sampled_data import data, numbered
from tfx_lr_finder.runtime.examples import interleave

SCHEMA = text_format.Parse(
    """
    feature { name: "number" type: INT presence { min_fraction: 1 } shape {
      dim { size: 1 } } }
    feature { name: "label" type: BYTES presence { min_fraction: 1 } shape {
      dim { size: 1 } } }
    """,
    schema_pb2.Schema(),
)


@pytest.fixture
def fn_args(tmp_path):
    """Arguments with 40 shards that each hold one label only."""
    shards = [
        numbered(50, first=50 * shard, label=lambda _, shard=shard: f"label {shard}")
        for shard in range(40)
    ]
    return fn_args_utils.get_common_fn_args(
        {"examples": [data(tmp_path, shards)]},
        {"train_args": "{}", "eval_args": "{}"},
    )


def _batches(fn_args, **options):
    given = tfxio.TensorFlowDatasetOptions(
        **{"batch_size": 40, "shuffle": False, "num_epochs": 1, **options}
    )
    factory = fn_args.data_accessor.tf_dataset_factory
    return factory(fn_args.train_files, given, SCHEMA)


def _labels(batch):
    return set(tf.reshape(batch["label"], [-1]).numpy().tolist())


def test_the_first_batch_comes_from_every_shard(fn_args, tmp_path):
    as_tfx = next(iter(_batches(fn_args)))
    assert len(_labels(as_tfx)) < 20
    (artifact,) = [data(tmp_path / "other", [numbered(1)])]
    interleave.interleave_shards([artifact], fn_args)
    assert len(_labels(next(iter(_batches(fn_args))))) == 40
    shuffled = next(iter(_batches(fn_args, shuffle=True, shuffle_seed=1)))
    assert len(_labels(shuffled)) > 20


def test_every_example_comes_once_with_features_as_tfx_parses_them(fn_args, tmp_path):
    by_tfx = _batches(fn_args)
    (artifact,) = [data(tmp_path / "other", [numbered(1)])]
    interleave.interleave_shards([artifact], fn_args)
    ours = _batches(fn_args, shuffle=True, shuffle_seed=1)
    assert ours.element_spec == by_tfx.element_spec
    numbers = [int(n) for batch in ours for n in tf.reshape(batch["number"], [-1])]
    assert sorted(numbers) == list(range(2000))
    assert numbers != sorted(numbers)
    with_label = _batches(fn_args, label_key="label").element_spec
    assert list(with_label[0]) == ["number"]
