"""What user code imports: the result of `lr_finder_fn`, and the rate in `run_fn`."""

import dataclasses
import math
import numbers
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from tfx_lr_finder.settings import keys

if TYPE_CHECKING:
    from tfx_lr_finder.range_test.report import LRFinderReport

FIT = "fit"
HYPERPARAMETERS = "hyperparameters"
WARN = "warn"
FAIL = "fail"
CONSTANT = "constant"
ONE_CYCLE = "one_cycle"
CYCLICAL = "cyclical"
REPORT = "lr_finder_report"
CHOICES = {keys.APPLY: (FIT, HYPERPARAMETERS), keys.ON_UNUSED: (WARN, FAIL)}


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


def check_choices(**values: Any) -> None:
    """Checks the values of `apply` and `on_unused`.

    Args:
      **values: Either or both, by name.

    Raises:
      ValueError: If a value is none of its choices.
    """
    for name, value in values.items():
        if value not in CHOICES[name]:
            raise ValueError(
                f"{name} must be one of {', '.join(map(repr, CHOICES[name]))}, got "
                f"{value!r}."
            )


def learning_rate(
    fn_args: Any, default: float | None = None, *, name: str = keys.LEARNING_RATE
) -> float:
    """Returns the learning rate that was found, inside `run_fn(fn_args)`.

    It serves under `LRFinderTrainer`, under the stock Trainer with
    `best_hyperparameters`, and while LRFinder itself runs `run_fn` up to its `fit`
    (then it is some rate, which does not matter).

    Args:
      fn_args: What `run_fn` got.
      default: The rate where none was handed over.
      name: The `hyperparameter_name` of the rate; for the stock Trainer only, since
        `LRFinderTrainer` hands it over under `learning_rate` as well.

    Returns:
      The rate, positive.

    Raises:
      ValueError: If there is none, and no default.
    """
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


def attach(fn_args: Any, report: "LRFinderReport") -> None:
    """Puts the report where `report_of` finds it.

    Args:
      fn_args: The arguments of `run_fn`; changed.
      report: A report with a rate.
    """
    setattr(fn_args, REPORT, report)


def report_of(fn_args: Any) -> "LRFinderReport | None":
    """Returns the report that `LRFinderTrainer` attached, None elsewhere."""
    report: LRFinderReport | None = getattr(fn_args, REPORT, None)
    return report


def rate_from(fn_args: Any, kind: str) -> float:
    """Returns the rate found for a kind of schedule, inside `run_fn(fn_args)`.

    Args:
      fn_args: What `run_fn` got. Where it has no report, as under the stock Trainer,
        the one rate that was handed over serves.
      kind: See `rate_for`.

    Raises:
      ValueError: If no rate was handed over.
    """
    rate = learning_rate(fn_args)
    report = report_of(fn_args)
    return rate if report is None else rate_for(report, kind)


def rate_for(report: "LRFinderReport", kind: str) -> float:
    """Returns the rate found for a kind of schedule.

    Args:
      report: A result with a rate.
      kind: "constant", "cosine" for any schedule that decays, "one_cycle", or
        "cyclical" for the upper end of the range. A `schedule` other than "constant"
        that LRFinder was told goes before the first two: the schedule may be in a
        callback.

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
    """Returns a rate that was handed over, checked."""
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not (math.isfinite(value) and value > 0):
        raise ValueError(
            f"The hyperparameter {name!r} that was handed over is {value!r}, wanted a "
            "positive, finite number. Is something else called so in custom_config or "
            "among the hyperparameters? Choose another hyperparameter_name."
        )
    return float(value)


class Watched(dict[str, Any]):
    """A dict that tells when certain entries, or all of them, are read.

    Args:
      entries: What it holds.
      names: The entries that matter.
      on_read: Called when one of them is read, or all entries are.
    """

    def __init__(
        self, entries: dict[str, Any], names: set[str], on_read: Callable[[], None]
    ) -> None:
        """Copies the entries."""
        super().__init__(entries)
        self._names = names
        self._on_read = on_read

    def __getitem__(self, name: str) -> Any:
        """Returns an entry."""
        if name in self._names:
            self._on_read()
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Returns an entry, or the default."""
        if name in self._names:
            self._on_read()
        return super().get(name, default)

    def pop(self, name: str, *default: Any) -> Any:
        """Returns an entry and takes it out."""
        if name in self._names:
            self._on_read()
        return super().pop(name, *default)

    def __iter__(self) -> Iterator[str]:
        """Iterates over the names; with it, `{**watched}` reads entry by entry."""
        return super().__iter__()

    def items(self) -> Any:
        """Returns all entries."""
        self._on_read()
        return super().items()

    def values(self) -> Any:
        """Returns all values."""
        self._on_read()
        return super().values()

    def __reduce__(self) -> Any:
        """Copies and pickles as a plain dict."""
        return dict, (dict(super().items()),)
