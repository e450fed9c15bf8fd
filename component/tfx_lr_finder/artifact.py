"""The artifacts of LRFinder and their writers.

`result.json` is the source of truth. ML Metadata rounds every double to six decimals,
so the custom properties hold the learning rate as a string. There are no declared
properties, because Kubeflow v2 does not compile them.
"""

import json
import math
import os
from typing import Any

from tfx import types
from tfx.types import artifact, system_artifacts

from tfx_lr_finder import console, result_file, storage
from tfx_lr_finder.range_test.report import LRFinderReport
from tfx_lr_finder.settings import keys
from tfx_lr_finder.settings.hyperparameters import merge_learning_rate

HYPERPARAMETERS_FILE = "best_hyperparameters.txt"
PAGE_FILE = "report.html"


class LRFinderResult(artifact.Artifact):
    """What a learning-rate range test found.

    Kubeflow v2 and Vertex AI import the class by its type name in every pod that
    touches the artifact: do not rename it.
    """

    TYPE_NAME = result_file.TYPE_NAME
    TYPE_ANNOTATION = system_artifacts.Metrics


class LRFinderPage(artifact.Artifact):
    """The report as one HTML file, for the console of the backend.

    Kubeflow v2 and Vertex AI import the class by its type name, as `LRFinderResult`.
    """

    TYPE_NAME = console.PAGE_TYPE


class LRFinderScalars(artifact.Artifact):
    """The learning rate and the verdict as values, for the console of the backend.

    They are custom properties, to look at only: ML Metadata rounds the rates. Read
    the rate from the `LRFinderResult`.
    """

    TYPE_NAME = console.SCALARS_TYPE
    TYPE_ANNOTATION = system_artifacts.Metrics


def write_result(result: types.Artifact, report: LRFinderReport) -> None:
    """Writes a report into an artifact: the file, and the custom properties.

    Args:
      result: The output artifact; its uri may be remote.
      report: The report.
    """
    digest = result_file.write_report(result.uri, report)
    _set_properties(result, report, digest)


def describe_written(result: types.Artifact) -> LRFinderReport:
    """Sets the custom properties of a result that another process wrote.

    Args:
      result: The output artifact. Its uri holds the file.

    Returns:
      The report in the file.
    """
    report, digest = result_file.read_with_digest(result.uri)
    _set_properties(result, report, digest)
    return report


def _set_properties(
    result: types.Artifact, report: LRFinderReport, digest: str
) -> None:
    """Sets what people and conditions read from ML Metadata."""
    result.set_string_custom_property(result_file.DIGEST, digest)
    for name, value in result_file.custom_properties(report).items():
        if isinstance(value, int):
            result.set_int_custom_property(name, value)
        else:
            result.set_string_custom_property(name, value)


def page_file(page: types.Artifact) -> str:
    """Returns the path of the page of an `LRFinderPage`.

    The consoles read the artifact's uri as the file itself. LocalDagRunner makes a
    folder of the uri, and the page is then a file in it.

    Args:
      page: The output artifact.
    """
    uri: str = page.uri
    return os.path.join(uri, PAGE_FILE) if storage.is_folder(uri) else uri


def write_scalars(scalars: types.Artifact, report: LRFinderReport) -> None:
    """Writes what a console shows as values of a run.

    ML Metadata rounds floats to six decimals, so a rate below 5e-7 becomes 0 there.
    `log10_learning_rate` keeps its size.

    Args:
      scalars: The output artifact. It gets custom properties and no file.
      report: The report. A rate that it lacks is left out.
    """
    low, high = report.learning_rate_range or (None, None)
    rate = report.learning_rate
    values = {
        "learning_rate": rate,
        "log10_learning_rate": None if rate is None else math.log10(rate),
        "min_learning_rate": low,
        "max_learning_rate": high,
        "steps_spent": report.steps_spent,
        "seconds": round(sum(report.seconds.values()), 1),
    }
    for name, value in values.items():
        if value is not None:
            scalars.set_float_custom_property(name, float(value))
    scalars.set_string_custom_property("verdict", report.verdict.name)
    scalars.set_string_custom_property("source", report.source)


def write_hyperparameters(
    result: types.Artifact,
    learning_rate: float | None,
    base_config: dict[str, Any] | None = None,
    name: str = keys.LEARNING_RATE,
) -> None:
    """Writes a `HyperParameters` artifact that sets the learning rate.

    Args:
      result: The output artifact. It will hold exactly one file, as the stock Trainer
        requires.
      learning_rate: The rate, positive and finite.
      base_config: Other hyperparameters to keep; see `merge_learning_rate`.
      name: Name of the rate.
    """
    config = merge_learning_rate(base_config, learning_rate, name)
    path = os.path.join(result.uri, HYPERPARAMETERS_FILE)
    storage.write_whole(path, json.dumps(config).encode())
