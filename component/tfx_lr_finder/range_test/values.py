"""The types of the values that a range test works with, and their distance."""

import math
from typing import Annotated, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]

Rate: TypeAlias = Annotated[float, "a positive, finite number"]
"""A learning rate; the reader of a report refuses any other number."""


def decades_between(first: float | None, second: float | None) -> float | None:
    """Returns the decades from one rate to another, None if one is missing.

    Args:
      first: A rate, or None.
      second: A rate, or None.
    """
    if first is None or second is None:
        return None
    return math.log10(second) - math.log10(first)
