"""Whatever `fit` takes becomes the batches that `fit` would train on."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tests.keras_models import mlp
from tfx_lr_finder.runtime.loop import inputs

X = np.arange(80.0).reshape(20, 4)
Y = np.arange(20)
WEIGHT = np.linspace(0.0, 1.0, 20)


@pytest.fixture(scope="module")
def model():
    return mlp(keras)


def convert(value, model, batch_size=None, max_batches=100, **options):
    return inputs.as_dataset(
        value,
        "training dataset",
        model,
        batch_size=batch_size,
        max_batches=max_batches,
        **options,
    )


def batches(start=0, stop=20, size=8):
    for low in range(start, stop, size):
        yield X[low : low + size], Y[low : low + size]


class Batches(keras.utils.PyDataset):
    """Three batches; each index can be read again."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return list(batches())[index]


class OldBatches(tf_keras.utils.Sequence):
    """The same for tf_keras."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return list(batches())[index]


FORMS = {
    "arrays": lambda: (X, Y),
    "tensors": lambda: (tf.constant(X), tf.constant(Y)),
    "PyDataset": Batches,
    "Sequence": OldBatches,
    "generator": batches,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_batches_as_often_as_they_are_read(form, model):
    size = 8 if form in ("arrays", "tensors") else None
    dataset = convert(FORMS[form](), model, size)
    assert int(dataset.cardinality()) == 3
    for _ in range(2):
        for (x, y), (wanted_x, wanted_y) in zip(dataset, batches(), strict=True):
            assert x.dtype == "float32"
            np.testing.assert_array_equal(x, wanted_x)
            np.testing.assert_array_equal(y, wanted_y)


def test_the_batch_size_of_arrays_is_32_as_in_fit(model):
    rows = np.zeros([70, 4]), np.zeros(70)
    assert [len(x) for x, _ in convert(rows, model)] == [32, 32, 6]


def test_dicts_and_lists_of_arrays_keep_their_structure(model):
    by_name = convert(({"a": X, "b": Y}, Y, WEIGHT), model, 20)
    (((features, labels, weights),)) = list(by_name)
    assert set(features) == {"a", "b"}
    np.testing.assert_array_equal(labels, Y)
    np.testing.assert_allclose(weights, WEIGHT, rtol=1e-6)
    (((first, second), _),) = list(convert(([X, Y], Y), model, 20))
    np.testing.assert_array_equal(first, X)
    np.testing.assert_array_equal(second, Y)


def test_shuffled_rows_stay_with_their_labels_and_repeat_with_the_seed(model):
    def order(**options):
        ((x, y),) = list(convert((X, Y), model, 20, seed=1, **options))
        np.testing.assert_array_equal(x[:, 0], 4 * y)
        return y.numpy().tolist()

    assert order() == order() != Y.tolist()
    once = convert((X, Y), model, 20, seed=1, reshuffle=False)
    (first,), (second,) = ([y.numpy().tolist() for _, y in once] for _ in range(2))
    assert first == second


def test_an_endless_generator_gives_only_what_the_test_needs(model):
    def endless():
        while True:
            yield X, Y

    dataset = convert(endless(), model, max_batches=5)
    assert int(dataset.cardinality()) == tf.data.INFINITE_CARDINALITY


class Endless(keras.utils.PyDataset):
    """Keras 3 knows no length if `num_batches` is None."""

    num_batches = None

    def __getitem__(self, index):
        return X + index, Y


class CountedBatches(keras.utils.PyDataset):
    """Three batches, counted by `num_batches`, which Keras 3 allows."""

    num_batches = 3

    def __getitem__(self, index):
        return list(batches())[index]


def test_a_pydataset_may_be_endless_or_count_its_batches_itself(model):
    endless = convert(Endless(), model, max_batches=5)
    assert int(endless.cardinality()) == tf.data.INFINITE_CARDINALITY
    np.testing.assert_array_equal([x[0, 0] for x, _ in endless.take(5)], range(5))
    assert int(convert(CountedBatches(), model).cardinality()) == 3


@pytest.mark.parametrize(
    ("length", "message"),
    [(0, "its length is 0"), (-1, "its length is -1"), (2.5, "2.5. Return a whole")],
)
def test_a_pydataset_has_a_whole_number_of_batches(model, length, message):
    class Wrong(CountedBatches):
        num_batches = length

    with pytest.raises(ValueError, match=message):
        convert(Wrong(), model, seed=0)


def test_the_batches_of_a_pydataset_are_shuffled_with_the_seed(model):
    def order(seed):
        dataset = convert(Batches(), model, seed=seed)
        return [[int(y[0]) for _, y in dataset] for _ in range(2)]

    assert order(None)[0] == [0, 8, 16]
    first, second = order(3)
    assert first == second != [0, 8, 16]
    assert sorted(first) == [0, 8, 16]


class Many(keras.utils.PyDataset):
    """10^12 batches, each of its index."""

    def __len__(self):
        return 10**12

    def __getitem__(self, index):
        return np.full([1, 4], index, "float32"), np.full([1], index)


def test_only_the_batches_that_are_needed_are_drawn_of_many(model):
    dataset = convert(Many(), model, max_batches=5, seed=1)
    assert int(dataset.cardinality()) == 10**12
    drawn = [int(y[0]) for _, y in dataset.take(7)]
    assert len(set(drawn[:5])) == 5
    assert drawn[5:] == drawn[:2]
    assert np.std(drawn[:5]) > 1e10


def given(batch, form):
    """The same batch three times, from a generator or a PyDataset."""

    class Same(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return batch

    return iter([batch] * 3) if form == "generator" else Same()


TEXT = np.array(["good", "bad", "ugly"])
NO_BATCHES = [
    (None, "A batch of the training dataset has no features"),
    ((None, Y), "A batch of the training dataset has no features"),
    ((b"good", 1), "has the single value b'good', expected an array"),
    (["good", "bad"], "has the single value b'good', expected an array"),
]


@pytest.mark.parametrize("form", ["generator", "PyDataset"])
@pytest.mark.parametrize(("batch", "message"), NO_BATCHES)
def test_what_is_no_batch_is_refused_with_a_sentence(form, batch, message, model):
    with pytest.raises(ValueError, match=message):
        convert(given(batch, form), model)


@pytest.mark.parametrize("form", ["generator", "PyDataset"])
@pytest.mark.parametrize("text", [TEXT, TEXT.astype("S"), TEXT.astype(object)])
def test_batches_of_text_become_strings(form, text, model):
    for x, y in convert(given((text, Y[:3]), form), model):
        assert x.numpy().tolist() == [b"good", b"bad", b"ugly"]
        assert y.shape == (3,)


def test_the_characters_of_text_count_toward_the_limit_of_memory(model, monkeypatch):
    monkeypatch.setattr(inputs, "MAX_GENERATOR_BYTES", 1000)
    with pytest.raises(ValueError, match="gave more than .* in 2 batches"):
        convert(given((["a" * 600], [1]), "generator"), model)


def test_a_dataset_is_returned_unchanged(model):
    dataset = tf.data.Dataset.from_tensors((X, Y))
    assert convert(dataset, model) is dataset


BAD = [
    ((X, Y[:5]), {}, r"different numbers of rows: \[5, 20\]"),
    ((X, X, X, Y), {}, r"tuple of 4 arrays, expected \(x, y\)"),
    (iter(()), {}, "generator is at its end"),
]


@pytest.mark.parametrize(("value", "options", "message"), BAD)
def test_data_that_do_not_fit_together_are_refused(value, options, message, model):
    with pytest.raises(ValueError, match=message):
        convert(value, model, **options)


def test_a_batch_size_that_fits_no_arrays_is_refused():
    inputs.check_batch_size(np.int64(8), (X, Y))
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        inputs.check_batch_size(0, (X, Y))
    with pytest.raises(ValueError, match="batch_size=8 is for arrays only"):
        inputs.check_batch_size(8, Batches())


def test_a_generator_beyond_the_limit_of_memory_is_refused(model, monkeypatch):
    monkeypatch.setattr(inputs, "MAX_GENERATOR_BYTES", 150)
    with pytest.raises(ValueError, match="gave more than .* in 4 batches"):
        convert(batches(size=2), model)
