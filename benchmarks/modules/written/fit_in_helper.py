"""`run_fn` calls a function that calls `fit`."""

from benchmarks.modules.written import penguins


def train_and_return(model, fn_args):
    """Trains the model."""
    train = penguins.dataset(fn_args.train_files).repeat()
    held_out = penguins.dataset(fn_args.eval_files)
    model.fit(
        train, steps_per_epoch=fn_args.train_steps, validation_data=held_out, verbose=0
    )
    return model


def run_fn(fn_args):
    """Trains and saves."""
    penguins.save(train_and_return(penguins.compiled(), fn_args), fn_args)
