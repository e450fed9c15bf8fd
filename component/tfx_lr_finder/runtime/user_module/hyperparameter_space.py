"""The hyperparameters that a user module defines for itself, without a Tuner."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from absl import logging

from tfx_lr_finder.runtime.fit.intercept import Function, replaced
from tfx_lr_finder.settings.hyperparameters import check_replaceable


class OwnHyperparameters:
    """The `HyperParameters` that user code makes while it builds its model."""

    def __init__(self) -> None:
        """Has seen none yet."""
        self._made: list[Any] = []

    def add(self, made: Any) -> None:
        """Remembers an object; its entries may follow later."""
        self._made.append(made)

    def config(self, name: str) -> dict[str, Any] | None:
        """Returns the one set that the module made; None if there are none or several.

        Args:
          name: Name of the learning rate, which must be replaceable in the set.
        """
        found: list[dict[str, Any]] = []
        for made in self._made:
            config = made.get_config()
            if config["space"] and config not in found:
                found.append(config)
        if len(found) != 1:
            return None
        try:
            check_replaceable(found[0], name)
        except ValueError as error:
            logging.warning(
                "LRFinder: best_hyperparameters has the learning rate alone, without "
                "the module's own hyperparameters: %s",
                error,
            )
            return None
        logging.info(
            "LRFinder: best_hyperparameters has the hyperparameters that the module "
            "defines, %s, with the learning rate.",
            sorted(found[0]["values"]),
        )
        return found[0]


@contextlib.contextmanager
def recorded_hyperparameters() -> Iterator[OwnHyperparameters]:
    """Records the KerasTuner hyperparameters that are made in the block.

    KerasTuner is not imported for this: a module that uses it has imported it.

    Yields:
      The record.
    """
    own = OwnHyperparameters()
    tuner = sys.modules.get("keras_tuner")
    if tuner is None:
        yield own
        return

    def wrap(original: Function) -> Function:
        def init(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            own.add(self)

        return init

    with replaced(tuner.HyperParameters, "__init__", wrap):
        yield own
