"""A text model whose vocabulary is adapted inside `run_fn`."""

import keras
import numpy as np
import tensorflow as tf

from benchmarks.modules.written import penguins


def _texts(files):
    x, y = penguins.arrays(files)
    words = np.round(8.0 * x).astype(int)
    names = [name.partition("_mm")[0].replace("_", "") for name in penguins.FEATURES]
    texts = [
        " ".join(f"{n}{w}" for n, w in zip(names, row, strict=True)) for row in words
    ]
    return tf.data.Dataset.from_tensor_slices((texts, y)).batch(penguins.BATCH_SIZE)


def run_fn(fn_args):
    """Trains and saves."""
    train, held_out = _texts(fn_args.train_files), _texts(fn_args.eval_files)
    vectorize = keras.layers.TextVectorization(200, output_sequence_length=4)
    vectorize.adapt(train.map(lambda text, _: text))
    layers = [keras.Input((), dtype="string"), vectorize]
    layers += [keras.layers.Embedding(200, 16), keras.layers.GlobalAveragePooling1D()]
    model = keras.Sequential([*layers, keras.layers.Dense(penguins.NUM_SPECIES)])
    model.compile("adam", penguins.loss())
    model.fit(train, epochs=30, validation_data=held_out, verbose=0)
    penguins.save(model, fn_args)
