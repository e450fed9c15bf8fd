"""Weights the classes, which changes the loss that `fit` minimizes."""

from benchmarks.modules.written import penguins


def run_fn(fn_args):
    """Trains and saves."""
    train = penguins.dataset(fn_args.train_files)
    held_out = penguins.dataset(fn_args.eval_files)
    model = penguins.compiled("rmsprop")
    model.fit(
        train,
        epochs=20,
        class_weight={0: 1.0, 1: 2.0, 2: 1.5},
        validation_data=held_out,
        verbose=0,
    )
    penguins.save(model, fn_args)
