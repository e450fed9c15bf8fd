"""Learning-rate schedules after Smith, and the scaled schedules of saved models.

Importing this package registers all of them with Keras, so that `load_model` finds
them.
"""

from tfx_lr_finder.schedules.cyclical import Cyclical
from tfx_lr_finder.schedules.momentum import MomentumCycle
from tfx_lr_finder.schedules.one_cycle import OneCycle
from tfx_lr_finder.schedules.scaled import SCALED_SCHEDULES

__all__ = ["SCALED_SCHEDULES", "Cyclical", "MomentumCycle", "OneCycle"]
