"""A KerasTuner search inside `run_fn`, then a `fit` of the best model."""

import keras_tuner

from benchmarks.modules.written import penguins


def _build(space):
    optimizer = space.Choice("optimizer", ["adam", "rmsprop"])
    return penguins.compiled(optimizer)


def run_fn(fn_args):
    """Searches, trains and saves."""
    held_out = penguins.dataset(fn_args.eval_files)
    train = penguins.dataset(fn_args.train_files)
    tuner = keras_tuner.RandomSearch(
        _build,
        objective="val_loss",
        max_trials=2,
        seed=0,
        directory=fn_args.model_run_dir,
        overwrite=True,
    )
    tuner.search(train, epochs=2, validation_data=held_out, verbose=0)
    model = tuner.hypermodel.build(tuner.get_best_hyperparameters()[0])
    model.fit(
        train, epochs=fn_args.train_steps // 15, validation_data=held_out, verbose=0
    )
    penguins.save(model, fn_args)
