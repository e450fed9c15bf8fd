"""The taxi pipeline as the runners compile it, with folders instead of buckets."""

import pathlib
import shutil

import tfx
from remote import compiling, settings

from tests.compiled.pod import make_folder

MODULES = pathlib.Path(compiling.__file__).parents[1] / "taxi" / "module"
CSV = pathlib.Path(tfx.__path__[0], "examples/chicago_taxi_pipeline/data/simple")


def compile_taxi(folder, spec_2_1, **changes):
    """Writes spans of data and compiles; no runner would let folders pass.

    Args:
      folder: Gets `data`, `serving` and `root`.
      spec_2_1: The version of the schema.
      **changes: Settings.
    """
    for version in ("span-1/v7", "span-2/v1", "span-2/v2"):
        shutil.copytree(CSV, folder / "data" / version)
    for name in ("serving", "root", "good"):
        make_folder(folder / name)
    options = {
        "root": str(folder / "root"),
        "data": str(folder / "data"),
        "serving": str(folder / "serving"),
        "span_pattern": "span-{SPAN}/v{VERSION}/*",
        "image": "example.org/tfx-lr-finder:0",
        "output": str(folder / "job"),
        **changes,
    }
    checked = settings.Settings(**options)
    return compiling.compile_pipeline(checked, spec_2_1=spec_2_1)


def span_and_version(examples):
    """What an ExampleGen read, as numbers; TFX marks a property of both kinds."""
    metadata = examples["metadata"]
    return tuple(
        int(metadata.get(name, metadata.get(f"custom:{name}", 0)))
        for name in ("span", "version")
    )
