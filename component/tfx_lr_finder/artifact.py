"""LRFinderResult: the artifact, its reader and its writer.

`result.json` is the source of truth. ML Metadata rounds every double to six decimals,
so the custom properties hold the learning rate as a string. There are no declared
properties, because Kubeflow v2 does not compile them.
"""

import json
import os
from typing import Any

from tfx import types
from tfx.types import artifact, system_artifacts

from tfx_lr_finder import result_file, storage
from tfx_lr_finder.range_test.report import SCHEMA_VERSION, LRFinderReport
from tfx_lr_finder.settings import keys
from tfx_lr_finder.settings.hyperparameters import merge_learning_rate

HYPERPARAMETERS_FILE = "best_hyperparameters.txt"


class LRFinderResult(artifact.Artifact):
    """What a learning-rate range test found.

    Kubeflow v2 and Vertex AI import the class by its type name in every pod that
    touches the artifact: do not rename it.
    """

    TYPE_NAME = result_file.TYPE_NAME
    TYPE_ANNOTATION = system_artifacts.Metrics


def write_result(result: types.Artifact, report: LRFinderReport) -> None:
    """Writes a report into an artifact: the file, and the custom properties.

    Args:
      result: The output artifact; its uri may be remote.
      report: The report.
    """
    result_file.write_report(result.uri, report)
    set_properties(result, report)


def set_properties(result: types.Artifact, report: LRFinderReport) -> None:
    """Sets what people and conditions read from ML Metadata, as custom properties."""
    for name, value in _custom_properties(report).items():
        if isinstance(value, int):
            result.set_int_custom_property(name, value)
        else:
            result.set_string_custom_property(name, value)


def read_result(result: types.Artifact | str) -> LRFinderReport:
    """Returns the report of an artifact, in full precision.

    Args:
      result: An `LRFinderResult`, or the uri of one.

    Returns:
      The report.

    Raises:
      ValueError: There is no `result.json`, this account may not read it, or it is
        truncated, edited or of another schema.
    """
    return result_file.read_report(result if isinstance(result, str) else result.uri)


def _custom_properties(report: LRFinderReport) -> dict[str, str | int]:
    """Returns what people and conditions can read from ML Metadata."""
    low, high = report.learning_rate_range or (None, None)
    return {
        "learning_rate": _in_full(report.learning_rate),
        "min_learning_rate": _in_full(low),
        "max_learning_rate": _in_full(high),
        "verdict": report.verdict.name,
        "reasons": " ".join(report.reasons),
        "source": report.source,
        "stop_reason": report.stop_reason.name,
        "rule": report.rule,
        "steps_spent": int(report.steps_spent),
        "num_rates": report.config.resolved_num_rates,
        "optimizer": str(report.environment.get("optimizer", "")),
        "keras": str(report.environment.get("keras", "")),
        "schema_version": SCHEMA_VERSION,
    }


def _in_full(rate: float | None) -> str:
    """Returns the shortest text that parses to the same float."""
    return "" if rate is None else repr(float(rate))


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
