"""The optimizer has a `LearningRateSchedule`."""

import keras

from benchmarks.modules.written import penguins


def run_fn(fn_args):
    """Trains and saves."""
    train = penguins.dataset(fn_args.train_files).repeat()
    held_out = penguins.dataset(fn_args.eval_files)
    decay = keras.optimizers.schedules.CosineDecay(0.01, fn_args.train_steps)
    model = penguins.compiled(keras.optimizers.Adam(decay))
    model.fit(
        train, steps_per_epoch=fn_args.train_steps, validation_data=held_out, verbose=0
    )
    penguins.save(model, fn_args)
