"""What a user module's `lr_finder_fn` returns."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True, eq=False)
class LRFinderFnResult:
    """The model to test and the data to test it on.

    A user module hands these over from `lr_finder_fn(fn_args)`, where `fn_args` is
    the `FnArgs` that `run_fn` gets::

        def lr_finder_fn(fn_args):
            return tfx_lr_finder.LRFinderFnResult(
                model=build_model(),
                train_dataset=input_fn(fn_args.train_files, fn_args),
                eval_dataset=input_fn(fn_args.eval_files, fn_args),
            )

    Attributes:
      model: A compiled Keras model (Keras 3 or tf_keras), or a function without
        arguments that returns one. Its own learning rate does not matter.
      train_dataset: A batched `tf.data.Dataset` of `(features, labels)` or
        `(features, labels, sample_weights)`, as `model.fit` takes it.
      eval_dataset: The same for held-out data; candidates are compared on it.
        None compares them on training batches that no sweep has seen.
      num_train_examples: Examples in one pass over the training data. None counts
        those of the train split, where `train_dataset` repeats and cannot tell; give
        it where the dataset is only a part of that split.
    """

    model: Any
    train_dataset: Any
    eval_dataset: Any = None
    num_train_examples: int | None = None
