"""Two outputs with a loss each: the species, and the body mass."""

import keras

from benchmarks.modules.written import penguins


def _two_labels(files):
    def split(x, y):
        return x[:, :3], {"species": y, "mass": x[:, 3:]}

    return penguins.dataset(files).map(split)


def run_fn(fn_args):
    """Trains and saves."""
    inputs = keras.Input((3,))
    hidden = keras.layers.Dense(32, "relu")(inputs)
    species = keras.layers.Dense(penguins.NUM_SPECIES, name="species")(hidden)
    mass = keras.layers.Dense(1, name="mass")(hidden)
    model = keras.Model(inputs, {"species": species, "mass": mass})
    model.compile("adam", {"species": penguins.loss(), "mass": "mse"})
    held_out = _two_labels(fn_args.eval_files)
    train = _two_labels(fn_args.train_files)
    model.fit(train, epochs=20, validation_data=held_out, verbose=0)
    penguins.save(model, fn_args)
