"""The types of the values that a range test works with."""

import math
from typing import Annotated, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]

Rate: TypeAlias = Annotated[float, "a positive, finite number"]
"""A learning rate; the reader of a report refuses any other number."""


def check_rate(rate: float, name: str = "learning_rate") -> float:
    """Returns a rate that was read from a file.

    Args:
      rate: The number in the file.
      name: The name of its field in that file.

    Raises:
      ValueError: The rate is not positive or not finite.
    """
    if not (math.isfinite(rate) and rate > 0):
        raise ValueError(
            f"The learning-rate report holds {name}={rate}, wanted a positive, "
            "finite number: the file was edited. Run the finder again."
        )
    return rate
