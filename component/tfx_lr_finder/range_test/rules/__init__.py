"""Rules that read a learning rate off one smoothed curve, all of one signature.

A rule takes the rates and the smoothed losses of a sweep, float64 `[n]` each with
n >= 3, smallest rate first, and returns the rate it suggests, or None where the
curve has no such point. `losses[k]` was measured before the update with
`learning_rates[k]`, so the harm of rate k first shows in `losses[k + 1]`.

Shifting or scaling the losses changes no suggestion; multiplying the rates by a
constant multiplies the suggestion by it.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tfx_lr_finder.range_test.rules.largest_drop import largest_drop
from tfx_lr_finder.range_test.rules.minimum import minimum
from tfx_lr_finder.range_test.rules.slide import slide
from tfx_lr_finder.range_test.rules.steepest import steepest
from tfx_lr_finder.range_test.rules.valley import valley

FloatArray = npt.NDArray[np.float64]
Rule = Callable[[FloatArray, FloatArray], float | None]

RULES: dict[str, Rule] = {
    "valley": valley,
    "steepest": steepest,
    "slide": slide,
    "minimum": minimum,
    "largest_drop": largest_drop,
}

__all__ = ["RULES", "Rule", "largest_drop", "minimum", "slide", "steepest", "valley"]
