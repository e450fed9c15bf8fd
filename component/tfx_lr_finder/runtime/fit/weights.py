"""Recognises the weights of models, without keeping the models alive."""

import weakref
from collections.abc import Iterable
from typing import Any

import tensorflow as tf


class WeightNumbers:
    """Gives each variable a number of its own, for as long as the process runs.

    A number is never used twice, also if a variable is deleted and another one gets
    its memory. So two models share weights if and only if they share numbers.
    """

    def __init__(self) -> None:
        """Has numbered none yet."""
        self._known: dict[int, tuple[weakref.ref[Any], int]] = {}
        self._next = 0

    def of(self, variables: Iterable[Any]) -> frozenset[int]:
        """Returns the numbers of some variables."""
        return frozenset(map(self._number, variables))

    def of_trackable(self, item: Any) -> frozenset[int]:
        """Returns the numbers of all variables in a model or any trackable."""
        variables = list(getattr(item, "weights", None) or ())
        if not variables:
            variables = [
                part
                for part in tf.train.TrackableView(item).descendants()
                if hasattr(part, "assign") and hasattr(part, "trainable")
            ]
        return self.of(variables)

    def _number(self, variable: Any) -> int:
        known = self._known.get(id(variable))
        if known is not None and known[0]() is variable:
            return known[1]
        self._next += 1
        self._known[id(variable)] = (weakref.ref(variable), self._next)
        return self._next
