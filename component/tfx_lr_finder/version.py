"""The version of the installed distribution, read from its metadata."""

import importlib.metadata
import platform

DISTRIBUTION = "tfx-lr-finder"


def _installed_version() -> str:
    """Returns the version, `0+uninstalled` for a source tree without an install."""
    try:
        return importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return "0+uninstalled"


def describe() -> str:
    """Returns one line with the versions of this package, TFX, TensorFlow and Keras."""
    others = []
    for name in ("tfx", "tensorflow", "tensorflow-cpu", "keras", "tf-keras"):
        try:
            others.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    python = f"Python {platform.python_version()}"
    return f"{DISTRIBUTION} {__version__} ({', '.join([*others, python])})"


__version__ = _installed_version()
