"""What user code imports: the result of `lr_finder_fn`, and the rate in `run_fn`."""

import dataclasses
import math
import numbers
from typing import TYPE_CHECKING, Any

from tfx_lr_finder.settings import keys

if TYPE_CHECKING:
    from tfx_lr_finder.range_test.report import LRFinderReport

CONSTANT = "constant"
ONE_CYCLE = "one_cycle"
CYCLICAL = "cyclical"


@dataclasses.dataclass(frozen=True, eq=False)
class LRFinderFnResult:
    """The model to test and the data to test it on.

    A user module returns it from `lr_finder_fn(fn_args)`. `fn_args` is the `FnArgs`
    that `run_fn` gets::

        def lr_finder_fn(fn_args):
            return tfx_lr_finder.LRFinderFnResult(
                model=build_model(),
                train_dataset=input_fn(fn_args.train_files, fn_args),
                eval_dataset=input_fn(fn_args.eval_files, fn_args),
            )

    Attributes:
      model: A compiled Keras model (Keras 3 or tf_keras), or a function without
        arguments that returns one. The learning rate it is compiled with does not
        matter.
      train_dataset: A batched `tf.data.Dataset` of `(features, labels)` or
        `(features, labels, sample_weights)`, as `model.fit` takes it.
      eval_dataset: Held-out batches of the same form, used to compare candidates. If
        None, LRFinder holds out about one training row in five.
      num_train_examples: Number of examples in one pass over the training data. If
        None and `train_dataset` repeats without end, LRFinder counts the train split.
        Set it if the dataset covers only part of that split.
    """

    model: Any
    train_dataset: Any
    eval_dataset: Any = None
    num_train_examples: int | None = None


@dataclasses.dataclass(kw_only=True, eq=False)
class FinderFnArgs:
    """What the component of Kubeflow Pipelines passes to `lr_finder_fn`.

    The attributes have the names that TFX's `FnArgs` gives them, so that one
    `lr_finder_fn` runs in both.

    Attributes:
      train_files: Paths of the files of `train_data`, sorted.
      eval_files: Paths of the files of `eval_data`, sorted.
      custom_config: The input `custom_config`, or None.
      train_steps: The input `train_steps`, or None.
      working_dir: A scratch folder.
      hyperparameters: None.
    """

    train_files: list[str]
    eval_files: list[str]
    custom_config: dict[str, Any] | None
    train_steps: int | None
    working_dir: str
    hyperparameters: dict[str, Any] | None = None

    def __getattr__(self, name: str) -> Any:
        """Raises an error that says what exists instead."""
        raise AttributeError(
            f"fn_args has no {name!r} in a Kubeflow Pipelines component. It has "
            "train_files, eval_files, custom_config, train_steps and working_dir. "
            "Pass anything else in custom_config."
        )


@dataclasses.dataclass(kw_only=True, eq=False)
class PassedResult:
    """What `LRFinderTrainer` passes to `run_fn` in `fn_args.lr_finder`.

    Attributes:
      report: The result of LRFinder; it has a learning rate.
      was_read: Whether `run_fn` asked for the rate through this module.
    """

    report: "LRFinderReport"
    was_read: bool = False


def passed_report(fn_args: Any) -> "LRFinderReport | None":
    """Returns the report that `LRFinderTrainer` passed, None under another Trainer.

    Args:
      fn_args: The argument of `run_fn`. The report counts as read afterwards.
    """
    passed: PassedResult | None = getattr(fn_args, "lr_finder", None)
    if passed is None:
        return None
    passed.was_read = True
    return passed.report


def learning_rate(
    fn_args: Any, default: float | None = None, *, name: str = keys.LEARNING_RATE
) -> float:
    """Returns the learning rate that LRFinder found, inside `run_fn(fn_args)`.

    It works under `LRFinderTrainer` and under the stock Trainer with
    `best_hyperparameters`. While LRFinder itself runs `run_fn` up to its `fit`, it
    returns a placeholder, which the range test replaces.

    Args:
      fn_args: The argument of `run_fn`.
      default: The rate to return if no rate was passed.
      name: The `hyperparameter_name` of the rate. Only the stock Trainer needs it:
        `LRFinderTrainer` always passes the rate as `learning_rate` too.

    Returns:
      The rate, positive.

    Raises:
      ValueError: If no rate was passed and there is no default, or the value is not
        a positive number.
    """
    passed_report(fn_args)
    config = fn_args.custom_config or {}
    values = (fn_args.hyperparameters or {}).get("values") or {}
    for place, key in ((config, keys.LEARNING_RATE), (values, name)):
        if place.get(key) is not None:
            return _positive(place[key], key)
    if default is not None:
        return float(default)
    raise ValueError(
        "fn_args has no learning rate, neither in custom_config nor in "
        "hyperparameters. Train with LRFinderTrainer(lr_finder_result=...) or "
        "Trainer(hyperparameters=lr_finder.outputs['best_hyperparameters']), or pass "
        "learning_rate(fn_args, default=...)."
    )


def rate_from(fn_args: Any, kind: str) -> float:
    """Returns the rate found for a kind of schedule, inside `run_fn(fn_args)`.

    Args:
      fn_args: The argument of `run_fn`. Under the stock Trainer, which passes one
        rate and no report, that rate is returned.
      kind: See `rate_for`.

    Raises:
      ValueError: If no rate was passed.
    """
    report = passed_report(fn_args)
    return learning_rate(fn_args) if report is None else rate_for(report, kind)


def rate_for(report: "LRFinderReport", kind: str) -> float:
    """Returns the rate found for a kind of schedule.

    Args:
      report: A result with a rate.
      kind: "constant", "cosine" for any schedule that decays, "one_cycle", or
        "cyclical" for the upper end of the range. If LRFinder ran with a `schedule`
        other than "constant", the first two return the rate for that schedule,
        because a callback may implement it.

    Raises:
      ValueError: If the report has no rate.
    """
    if report.learning_rate is None:
        raise ValueError(
            f"The result has no learning rate to train with: its verdict is "
            f"{report.verdict.name}. {' '.join(report.reasons)}"
        )
    if kind == CYCLICAL:
        _, highest = report.learning_rate_range or (None, report.learning_rate)
        return highest
    if kind != ONE_CYCLE and report.config.schedule != CONSTANT:
        return report.learning_rate
    return report.learning_rates_by_schedule.get(kind, report.learning_rate)


def _positive(value: Any, name: str) -> float:
    """Returns a rate as a float, checked."""
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not (math.isfinite(value) and value > 0):
        raise ValueError(
            f"The learning rate {name!r} in fn_args must be a positive, finite number, "
            f"got {value!r}. If custom_config or the hyperparameters use this name for "
            "something else, set another hyperparameter_name."
        )
    return float(value)
