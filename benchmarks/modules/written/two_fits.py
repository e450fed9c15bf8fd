"""Two phases: the head alone, then the whole network at a smaller rate."""

import keras

from benchmarks.modules.written import penguins


def run_fn(fn_args):
    """Trains and saves."""
    train = penguins.dataset(fn_args.train_files).repeat()
    held_out = penguins.dataset(fn_args.eval_files)
    steps = fn_args.train_steps // 2
    model = penguins.network()
    for rate, trainable in ((1e-2, False), (1e-3, True)):
        model.layers[0].trainable = trainable
        model.compile(keras.optimizers.Adam(rate), penguins.loss())
        model.fit(train, steps_per_epoch=steps, validation_data=held_out, verbose=0)
    penguins.save(model, fn_args)
