"""The last good result in a fixed folder, for runners whose resolvers cannot find it.

Kubeflow v2 and Vertex AI resolve standard artifact types only. There, `LastGoodKeeper`
copies a good result to a folder at the end of a run, and `last_good_importer` imports
it at the start of the next run.
"""

from typing import Any

from absl import logging
from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.components.common import importer
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import (
    ChannelParameter,
    ComponentSpec,
    ExecutionParameter,
)

from tfx_lr_finder import result_file
from tfx_lr_finder.artifact import LRFinderResult
from tfx_lr_finder.range_test.report import LRFinderReport, Verdict
from tfx_lr_finder.result_file import read_result
from tfx_lr_finder.settings import keys


def last_good_importer(uri: str) -> importer.Importer:
    """Returns the node that imports the result that a `LastGoodKeeper` keeps.

    ::

        last_good = last_good_importer("gs://bucket/last_good")
        lr_finder = LRFinder(
            ..., previous=last_good.outputs["previous"], on_inconclusive="last_good"
        )
        keeper = LastGoodKeeper(
            lr_finder_result=lr_finder.outputs["lr_finder_result"],
            model_blessing=evaluator.outputs["blessing"],
            destination="gs://bucket/last_good",
        )

    Add all three to the components of the pipeline. Before the first good run the
    folder is empty, which LRFinder treats as no previous result.

    Args:
      uri: The keeper's `destination`.
    """
    node = importer.Importer(
        source_uri=uri, artifact_type=LRFinderResult, output_key=keys.PREVIOUS
    )
    return node.with_id("LastGood")


class LastGoodKeeperSpec(ComponentSpec):
    """Channels and execution parameters of `LastGoodKeeper`."""

    PARAMETERS = {keys.DESTINATION: ExecutionParameter(type=str)}
    INPUTS = {
        keys.LR_FINDER_RESULT: ChannelParameter(type=LRFinderResult),
        keys.MODEL_BLESSING: ChannelParameter(
            type=standard_artifacts.ModelBlessing, optional=True
        ),
    }
    OUTPUTS: dict[str, ChannelParameter] = {}


class Executor(base_executor.BaseExecutor):
    """Copies a good result to a fixed folder.

    Compiled pipelines contain its import path: do not move it.
    """

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Copies the result if its verdict is OK and the Evaluator blessed the model.

        Args:
          input_dict: `lr_finder_result`, and optionally `model_blessing`.
          output_dict: Empty.
          exec_properties: `destination`.

        Raises:
          ValueError: The result cannot be read.
        """
        del output_dict
        result = artifact_utils.get_single_instance(input_dict[keys.LR_FINDER_RESULT])
        report = read_result(result)
        blessings = input_dict.get(keys.MODEL_BLESSING) or []
        reason = _reason_to_skip(report, blessings)
        destination = exec_properties[keys.DESTINATION]
        if reason:
            logging.info("LastGoodKeeper: %s is unchanged: %s", destination, reason)
            return
        result_file.write_report(destination, report)
        logging.info("LastGoodKeeper: %s now holds %s", destination, result.uri)


def _reason_to_skip(
    report: LRFinderReport, blessings: list[types.Artifact]
) -> str | None:
    """Returns why the keeper does not keep a result, or None."""
    if report.verdict is not Verdict.OK:
        return f"this run's verdict is {report.verdict.name}"
    if any(not _is_blessed(blessing) for blessing in blessings):
        return "this run's model was not blessed"
    return None


def _is_blessed(blessing: types.Artifact) -> bool:
    return int(blessing.get_int_custom_property("blessed") or 0) == 1


class LastGoodKeeper(base_component.BaseComponent):
    """Keeps the newest good `LRFinderResult` in a fixed folder.

    A result is good if its verdict is OK and, with `model_blessing`, the Evaluator
    blessed the model that was trained with it. See `last_good_importer`.
    """

    SPEC_CLASS = LastGoodKeeperSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        lr_finder_result: types.BaseChannel,
        destination: str,
        model_blessing: types.BaseChannel | None = None,
    ) -> None:
        """Builds the component.

        Args:
          lr_finder_result: Channel of the run's `LRFinderResult`.
          destination: Folder or bucket prefix for the result. Each newer good result
            replaces the one in it.
          model_blessing: Channel of the Evaluator's `ModelBlessing`.

        Raises:
          ValueError: The destination is empty.
        """
        if not destination:
            raise ValueError(
                "LastGoodKeeper needs a destination, a folder or a bucket prefix such "
                f"as 'gs://bucket/last_good', got {destination!r}."
            )
        optional = {keys.MODEL_BLESSING: model_blessing} if model_blessing else {}
        super().__init__(
            LastGoodKeeperSpec(
                lr_finder_result=lr_finder_result, destination=destination, **optional
            )
        )
