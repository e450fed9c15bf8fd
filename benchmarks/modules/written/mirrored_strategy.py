"""Builds the model under a MirroredStrategy."""

import tensorflow as tf

from benchmarks.modules.written import penguins


def run_fn(fn_args):
    """Trains and saves."""
    strategy = tf.distribute.MirroredStrategy()
    size = penguins.BATCH_SIZE * strategy.num_replicas_in_sync
    train = penguins.dataset(fn_args.train_files, size).repeat()
    held_out = penguins.dataset(fn_args.eval_files, size)
    with strategy.scope():
        model = penguins.compiled("adam")
    model.fit(
        train, steps_per_epoch=fn_args.train_steps, validation_data=held_out, verbose=0
    )
    penguins.save(model, fn_args)
