"""The version of the installed distribution, from one source: its metadata."""

import importlib.metadata

DISTRIBUTION = "tfx-lr-finder"


def installed_version() -> str:
    """Returns the version of the installed `tfx-lr-finder` distribution.

    Returns:
      A PEP 440 version, or `0+uninstalled` where the package is imported from
      a source tree that was never installed.
    """
    try:
        return importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return "0+uninstalled"


__version__ = installed_version()
