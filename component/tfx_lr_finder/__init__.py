"""A TFX component that finds a learning rate, and a Trainer that uses it.

Each public name is loaded on first use (PEP 562), so that `import tfx_lr_finder` is
cheap: a pipeline file needs no TensorFlow, and a pod that only reads an
`LRFinderResult` needs no Beam.
"""

import importlib
from typing import TYPE_CHECKING, Any

_HOMES = {
    "Cyclical": "schedules.cyclical",
    "LRFinder": "component",
    "LRFinderFnResult": "fn_args",
    "LRFinderPage": "artifact",
    "LRFinderReport": "range_test.report",
    "LRFinderResult": "artifact",
    "LRFinderScalars": "artifact",
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
    "read_result": "result_file",
    "show_in_console": "console",
}
"""Each public name and the module that defines it."""

_TFX = ("ml_metadata", "tfx")

__all__ = sorted(_HOMES)

if TYPE_CHECKING:
    from tfx_lr_finder.artifact import LRFinderPage as LRFinderPage
    from tfx_lr_finder.artifact import LRFinderResult as LRFinderResult
    from tfx_lr_finder.artifact import LRFinderScalars as LRFinderScalars
    from tfx_lr_finder.component import LRFinder as LRFinder
    from tfx_lr_finder.console import show_in_console as show_in_console
    from tfx_lr_finder.fn_args import LRFinderFnResult as LRFinderFnResult
    from tfx_lr_finder.fn_args import learning_rate as learning_rate
    from tfx_lr_finder.lineage.keeper import LastGoodKeeper as LastGoodKeeper
    from tfx_lr_finder.lineage.keeper import last_good_importer as last_good_importer
    from tfx_lr_finder.lineage.resolver import last_good_resolver as last_good_resolver
    from tfx_lr_finder.range_test.config import RangeTestConfig as RangeTestConfig
    from tfx_lr_finder.range_test.report import LRFinderReport as LRFinderReport
    from tfx_lr_finder.result_file import read_result as read_result
    from tfx_lr_finder.runtime.find import find_learning_rate as find_learning_rate
    from tfx_lr_finder.schedules.cyclical import Cyclical as Cyclical
    from tfx_lr_finder.schedules.momentum import MomentumCycle as MomentumCycle
    from tfx_lr_finder.schedules.one_cycle import OneCycle as OneCycle
    from tfx_lr_finder.trainer import LRFinderTrainer as LRFinderTrainer
    from tfx_lr_finder.version import __version__ as __version__


def __getattr__(name: str) -> Any:
    """Imports the module that defines a public name, and returns the name's value."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(f"{__name__}.{_HOMES[name]}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _TFX:
            raise
        raise ImportError(
            f"{name} needs TFX, and {error.name} is not installed. Install "
            "tfx-lr-finder with its dependencies. find_learning_rate, read_result and "
            "the schedules work without TFX."
        ) from error
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Returns the public names, loaded or not."""
    return sorted({*globals(), *__all__})
