"""The types of the values that a range test works with."""

from typing import Annotated, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]

Rate: TypeAlias = Annotated[float, "a positive, finite number"]
"""A learning rate; the reader of a report refuses any other number."""
