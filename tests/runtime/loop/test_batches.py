import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfx_lr_finder.runtime.loop.batches import Batches


def rows():
    """20 rows in 7 batches, of a dataset whose size TensorFlow does not know."""
    numbers = tf.data.Dataset.range(20).filter(lambda number: number >= 0)
    return numbers.map(lambda number: (float(number), number)).batch(3)


def train_batches(dataset, num_replayed):
    return Batches(
        dataset, tf.distribute.get_strategy(), "training dataset", None, num_replayed
    )


@pytest.mark.parametrize(
    ("dataset", "num_replayed", "expected"),
    [(rows(), 8, 7), (rows(), 30, 7), (rows(), 7, None), (rows().repeat(), 30, None)],
    ids=["the end was read", "several passes", "the end was not read", "endless"],
)
def test_the_size_is_known_once_the_end_of_a_pass_was_read(
    dataset, num_replayed, expected
):
    assert train_batches(dataset, num_replayed).num_batches == expected


def test_replayed_batches_are_those_of_the_dataset_pass_after_pass():
    replayed = train_batches(rows(), 10).replayed_batches()
    labels = [batch[1].numpy() for batch in itertools.islice(replayed, 10)]
    one_pass = [batch[1].numpy() for batch in rows()]
    for found, expected in zip(labels, one_pass + one_pass[:3], strict=True):
        np.testing.assert_array_equal(found, expected)
