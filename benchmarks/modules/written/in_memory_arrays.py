"""`fit` gets arrays and a batch size."""

from benchmarks.modules.written import penguins


def run_fn(fn_args):
    """Trains and saves."""
    x, y = penguins.arrays(fn_args.train_files)
    held_out = penguins.arrays(fn_args.eval_files)
    model = penguins.compiled("adam")
    model.fit(x, y, batch_size=32, epochs=30, validation_data=held_out, verbose=0)
    penguins.save(model, fn_args)
