"""Stops when the held-out loss no longer falls, and restores the best weights."""

import keras

from benchmarks.modules.written import penguins


def run_fn(fn_args):
    """Trains and saves."""
    train = penguins.dataset(fn_args.train_files)
    held_out = penguins.dataset(fn_args.eval_files)
    model = penguins.compiled("adam")
    stop = keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True)
    model.fit(train, epochs=40, validation_data=held_out, callbacks=[stop], verbose=0)
    penguins.save(model, fn_args)
