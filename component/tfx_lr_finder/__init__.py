"""A TFX component that finds the learning rate, and a Trainer that uses it.

Every public name is loaded on first use (PEP 562), so that `import tfx_lr_finder`
costs nothing: a pipeline file needs no TensorFlow, and a pod that only reads the
`LRFinderResult` type needs no Beam.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfx_lr_finder.artifact import LRFinderResult, read_result
    from tfx_lr_finder.component import LRFinder
    from tfx_lr_finder.fn_args import LRFinderFnResult, learning_rate
    from tfx_lr_finder.lineage.keeper import LastGoodKeeper, last_good_importer
    from tfx_lr_finder.lineage.resolver import last_good_resolver
    from tfx_lr_finder.range_test.config import RangeTestConfig
    from tfx_lr_finder.range_test.report import LRFinderReport
    from tfx_lr_finder.runtime.find import find_learning_rate
    from tfx_lr_finder.schedules.cyclical import Cyclical
    from tfx_lr_finder.schedules.momentum import MomentumCycle
    from tfx_lr_finder.schedules.one_cycle import OneCycle
    from tfx_lr_finder.trainer import LRFinderTrainer
    from tfx_lr_finder.version import __version__

_HOMES = {
    "Cyclical": "schedules.cyclical",
    "LRFinder": "component",
    "LRFinderFnResult": "fn_args",
    "LRFinderReport": "range_test.report",
    "LRFinderResult": "artifact",
    "LRFinderTrainer": "trainer",
    "LastGoodKeeper": "lineage.keeper",
    "MomentumCycle": "schedules.momentum",
    "OneCycle": "schedules.one_cycle",
    "RangeTestConfig": "range_test.config",
    "__version__": "version",
    "find_learning_rate": "runtime.find",
    "last_good_importer": "lineage.keeper",
    "last_good_resolver": "lineage.resolver",
    "learning_rate": "fn_args",
    "read_result": "artifact",
}

__all__ = [
    "Cyclical",
    "LRFinder",
    "LRFinderFnResult",
    "LRFinderReport",
    "LRFinderResult",
    "LRFinderTrainer",
    "LastGoodKeeper",
    "MomentumCycle",
    "OneCycle",
    "RangeTestConfig",
    "__version__",
    "find_learning_rate",
    "last_good_importer",
    "last_good_resolver",
    "learning_rate",
    "read_result",
]


def __getattr__(name: str) -> Any:
    """Returns a public name, importing the module that defines it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_HOMES[name]}")
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Returns the public names, loaded or not."""
    return sorted({*globals(), *__all__})
