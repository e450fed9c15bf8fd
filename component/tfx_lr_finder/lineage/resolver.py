"""The node that finds the OK results of previous runs in ML Metadata."""

from typing import TypeAlias

from ml_metadata import metadata_store
from tfx import types
from tfx.dsl.components.common import resolver

from tfx_lr_finder.artifact import LRFinderResult
from tfx_lr_finder.lineage.previous import newest_first
from tfx_lr_finder.range_test.verdict import Verdict
from tfx_lr_finder.settings import keys

Artifacts: TypeAlias = dict[str, list[types.Artifact]]

NUM_RESULTS = 20


class LatestOkStrategy(resolver.ResolverStrategy):
    """Resolves the newest results whose verdict is OK, if there are any.

    Unlike `LatestArtifactStrategy`, it does not fail the first run of a pipeline, when
    there is no result yet.

    Compiled pipelines contain its import path: do not move it.
    """

    def __init__(self, num_results: int = NUM_RESULTS) -> None:
        """Sets the largest number of results.

        Args:
          num_results: At least 1. With more, LRFinder can use an older result if the
            newest cannot be read.
        """
        self._num_results = num_results

    def resolve_artifacts(
        self, store: metadata_store.MetadataStore, input_dict: Artifacts
    ) -> Artifacts:
        """Returns the newest OK results of each channel, newest first.

        Args:
          store: Not used, because the artifacts carry their properties.
          input_dict: All results of this pipeline's previous runs.
        """
        return {
            key: newest_first(filter(_is_ok, results))[: self._num_results]
            for key, results in input_dict.items()
        }


def last_good_resolver(
    lr_finder_id: str = "LRFinder", num_results: int = NUM_RESULTS
) -> resolver.Resolver:
    """Returns the node that finds the OK results of this pipeline's previous runs.

    ::

        last_good = last_good_resolver()
        lr_finder = LRFinder(
            ..., previous=last_good.outputs["previous"], on_inconclusive="last_good"
        )

    Add both to the components of the pipeline. An `LRFinder` with `previous` is never
    cached, because that input changes with every run.

    Kubeflow v2 and Vertex AI cannot compile this node, because their resolvers find no
    custom types. Use `last_good_importer` there.

    Args:
      lr_finder_id: Id of the `LRFinder` node whose results it finds.
      num_results: Largest number of results. With more than one, LRFinder can use an
        older result if the newest cannot be read.
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


def _is_ok(result: types.Artifact) -> bool:
    return bool(result.get_string_custom_property("verdict") == Verdict.OK.name)
