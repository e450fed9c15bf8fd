"""A callback lowers the rate during the training."""

import keras

from benchmarks.modules.written import penguins


def run_fn(fn_args):
    """Trains and saves."""
    train = penguins.dataset(fn_args.train_files)
    held_out = penguins.dataset(fn_args.eval_files)
    model = penguins.compiled(keras.optimizers.SGD(0.01, momentum=0.9))
    lower = keras.callbacks.ReduceLROnPlateau(patience=2, factor=0.3)
    model.fit(train, epochs=20, validation_data=held_out, callbacks=[lower], verbose=0)
    penguins.save(model, fn_args)
