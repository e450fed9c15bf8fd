"""The newest earlier result that was OK: found by a resolver, read in the executor."""

import datetime
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from absl import logging
from ml_metadata import metadata_store
from tfx import types
from tfx.dsl.components.common import resolver

from tfx_lr_finder.artifact import LRFinderResult, read_result
from tfx_lr_finder.range_test.report import LRFinderReport, Verdict
from tfx_lr_finder.settings import keys
from tfx_lr_finder.settings.inconclusive import EarlierResult

Artifacts: TypeAlias = dict[str, list[types.Artifact]]

NUM_RESULTS = 20


class LatestOkStrategy(resolver.ResolverStrategy):
    """Resolves the newest results whose verdict is OK, none if there is none.

    Unlike `LatestArtifactStrategy`, which fails a run until as many artifacts exist
    as it is asked for, and so always fails the first run of a pipeline.

    Its import path is part of every compiled pipeline: do not move it.
    """

    def __init__(self, num_results: int = NUM_RESULTS) -> None:
        """Keeps how many results are wanted at most.

        Args:
          num_results: At least 1; more than one, in case the newest cannot be read.
        """
        self._num_results = num_results

    def resolve_artifacts(
        self, store: metadata_store.MetadataStore, input_dict: Artifacts
    ) -> Artifacts:
        """Returns the newest OK results of each channel, newest first.

        Args:
          store: Not used; the artifacts bring their properties.
          input_dict: All results of this pipeline's earlier runs.
        """
        return {
            key: newest_first(filter(_is_ok, results))[: self._num_results]
            for key, results in input_dict.items()
        }


def last_good_resolver(
    lr_finder_id: str = "LRFinder", num_results: int = NUM_RESULTS
) -> resolver.Resolver:
    """Returns the node that finds this pipeline's earlier OK results.

    ::

        last_good = last_good_resolver()
        lr_finder = LRFinder(
            ..., previous=last_good.outputs["previous"], on_inconclusive="last_good"
        )

    Both are components of the pipeline. Since its input changes with every run, an
    `LRFinder` with `previous` runs anew where it could have been cached.

    Kubeflow v2 and Vertex cannot compile this node: their resolvers find no custom
    types. There, `last_good_importer` feeds `previous`.

    Args:
      lr_finder_id: Id of the `LRFinder` whose results are wanted.
      num_results: How many at most, in case the newest cannot be read.
    """
    channel = types.Channel(
        type=LRFinderResult,
        producer_component_id=lr_finder_id,
        output_key=keys.LR_FINDER_RESULT,
    )
    node = resolver.Resolver(
        strategy_class=LatestOkStrategy,
        config={"num_results": num_results},
        **{keys.PREVIOUS: channel},
    )
    return node.with_id(f"LastGood.{lr_finder_id}")


def find_last_good(
    results: Sequence[types.Artifact], report: LRFinderReport
) -> EarlierResult | None:
    """Returns the newest earlier result whose rate may stand in, or None.

    Its file says that its verdict is OK, and it is of the same optimizer: a rate
    found for Adam says nothing about SGD. Others are passed over, with a log line.

    Args:
      results: Earlier results, in any order.
      report: The inconclusive report: names the optimizer and the schedule.
    """
    for result in newest_first(results):
        try:
            earlier = read_result(result)
        except Exception as error:  # whatever a remote file system may raise
            logging.warning("LRFinder: passing over %s: %s", name_of(result), error)
            continue
        objection = _objection(earlier, report)
        if objection is None:
            return EarlierResult(report=earlier, name=name_of(result))
        logging.info("LRFinder: passing over %s: %s", name_of(result), objection)
    return None


def newest_ok(results: Sequence[types.Artifact]) -> LRFinderReport | None:
    """Returns the report of the newest earlier result that was OK, or None.

    Args:
      results: Earlier results, in any order; those that cannot be read are passed over.
    """
    for result in newest_first(results):
        try:
            report = read_result(result)
        except Exception as error:  # whatever a remote file system may raise
            logging.warning("LRFinder: passing over %s: %s", name_of(result), error)
            continue
        if report.verdict is Verdict.OK:
            return report
    return None


def _objection(earlier: LRFinderReport, report: LRFinderReport) -> str | None:
    """Returns why an earlier result cannot stand in, or None."""
    if earlier.verdict is not Verdict.OK:
        return f"its verdict is {earlier.verdict.name}"
    then, now = (r.environment.get("optimizer") for r in (earlier, report))
    if then != now:
        return f"it is of the optimizer {then}, and now it is {now}"
    if report.config.schedule not in earlier.learning_rates_by_schedule:
        return f"it has no rate for the schedule {report.config.schedule!r}"
    return None


def _is_ok(result: types.Artifact) -> bool:
    return bool(result.get_string_custom_property("verdict") == Verdict.OK.name)


def newest_first(results: Iterable[types.Artifact]) -> list[types.Artifact]:
    """Returns the artifacts by the time of their making, the newest first."""

    def age(result: types.Artifact) -> tuple[int, int]:
        return result.mlmd_artifact.create_time_since_epoch, result.id

    return sorted(results, key=age, reverse=True)


def name_of(result: types.Artifact) -> str:
    """Returns a result's number, time and uri, as far as it has them."""
    number = f" {result.id}" if result.id else ""
    milliseconds = result.mlmd_artifact.create_time_since_epoch
    when = ""
    if milliseconds:
        moment = datetime.datetime.fromtimestamp(
            milliseconds / 1000, tz=datetime.timezone.utc
        )
        when = f" of {moment:%Y-%m-%d %H:%M:%S} UTC"
    return f"LRFinderResult{number}{when} at {result.uri}"
