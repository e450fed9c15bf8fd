"""Trains by epochs, and ignores the steps of TrainArgs."""

from benchmarks.modules.written import penguins


def run_fn(fn_args):
    """Trains and saves."""
    train = penguins.dataset(fn_args.train_files)
    held_out = penguins.dataset(fn_args.eval_files)
    model = penguins.compiled("adam")
    model.fit(train, epochs=20, validation_data=held_out, verbose=0)
    penguins.save(model, fn_args)
