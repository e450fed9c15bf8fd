"""The learning rate on its way to `run_fn`, and whether `run_fn` took it."""

from collections.abc import Callable, Iterator
from typing import Any

from tfx_lr_finder import keys

FIT = "fit"
HYPERPARAMETERS = "hyperparameters"
WARN = "warn"
FAIL = "fail"
CHOICES = {keys.APPLY: (FIT, HYPERPARAMETERS), keys.ON_UNUSED: (WARN, FAIL)}


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


def learning_rate(fn_args: Any, default: float | None = None) -> float:
    """Returns the learning rate that was found, inside `run_fn(fn_args)`.

    It serves under `LRFinderTrainer`, under the stock Trainer with
    `best_hyperparameters`, and while LRFinder itself runs `run_fn` up to its `fit`
    (then it is some rate, which does not matter).

    Args:
      fn_args: What `run_fn` got.
      default: The rate where none was handed over.

    Returns:
      The rate, positive.

    Raises:
      ValueError: If there is none, and no default.
    """
    config = fn_args.custom_config or {}
    values = (fn_args.hyperparameters or {}).get("values") or {}
    for place in (config, values):
        if place.get(keys.LEARNING_RATE) is not None:
            return float(place[keys.LEARNING_RATE])
    if default is not None:
        return float(default)
    raise ValueError(
        "fn_args has no learning rate, neither in custom_config nor in "
        "hyperparameters. Train with LRFinderTrainer(lr_finder_result=...) or "
        "Trainer(hyperparameters=lr_finder.outputs['best_hyperparameters']), or pass "
        "learning_rate(fn_args, default=...)."
    )


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
