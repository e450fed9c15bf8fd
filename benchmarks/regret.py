"""What a learning rate gives away, from the losses of a grid of rates."""

import numpy as np
import numpy.typing as npt

REGRET_CAP = 2.0


def regrets(losses: npt.ArrayLike, untrained: float) -> npt.NDArray[np.float64]:
    """Returns the regret of each rate: 0 for the best, 1 for the untrained model.

    Args:
      losses: The loss after training at each rate; not finite if it diverged.
      untrained: The loss before training, above the lowest of these.

    Returns:
      float64 `[rates]`, at most `REGRET_CAP`.
    """
    values = np.asarray(losses, np.float64)
    values = np.where(np.isfinite(values), values, np.inf)
    gain = untrained - np.min(values)
    return np.minimum((values - np.min(values)) / gain, REGRET_CAP)
