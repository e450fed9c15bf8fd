"""The options that LRFinderTrainer has beyond the stock Trainer's."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfx_lr_finder.settings import keys
from tfx_lr_finder.settings.parameters import is_deferred
from tfx_lr_finder.settings.which_fit import FIRST, as_text

OPTIMIZER = "optimizer"

_CHOICES = {
    keys.SET_RATE_ON: (OPTIMIZER, keys.HYPERPARAMETERS),
    keys.ON_UNUSED: (keys.WARN, keys.FAIL),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainerOptions:
    """How LRFinderTrainer passes the rate on to `run_fn`.

    Attributes:
      set_rate_on: "optimizer" sets the rate of the optimizer when `run_fn` calls
        `fit`. "hyperparameters" only puts the rate into `fn_args`.
      which_fit: The `fit` that gets the rate; see `settings.which_fit`.
      on_unused: "warn" or "fail" if there is a doubt that the model that `run_fn` saved
        used the rate.
      hyperparameter_name: Name of the rate in `fn_args.hyperparameters`.
    """

    set_rate_on: str = OPTIMIZER
    which_fit: str = FIRST
    on_unused: str = keys.WARN
    hyperparameter_name: str = keys.LEARNING_RATE

    def __post_init__(self) -> None:
        """Raises a ValueError if a value is not one of its choices."""
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                raise ValueError(
                    f"{name} must be one of {', '.join(map(repr, choices))}, got "
                    f"{value!r}."
                )
        as_text(self.which_fit)

    @classmethod
    def from_properties(cls, properties: Mapping[str, Any]) -> "TrainerOptions":
        """Returns the options; a missing or not yet known value has its default."""
        names = {field.name for field in dataclasses.fields(cls)}
        return cls(
            **{
                name: value
                for name, value in properties.items()
                if name in names and value is not None and not is_deferred(value)
            }
        )
