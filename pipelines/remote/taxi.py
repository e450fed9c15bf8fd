"""The taxi pipeline with what a cluster adds: GPUs, and a kept last good result."""

import functools
from collections.abc import Callable
from typing import Any

from remote.settings import Settings
from taxi.pipeline import create_components
from tfx import v1 as tfx

from tfx_lr_finder import LastGoodKeeper, LRFinder, last_good_importer, vertex


def make_pipeline(settings: Settings) -> tfx.dsl.Pipeline:
    """The pipeline that the settings describe."""
    lr_finder_options: dict[str, Any] = {
        "default_learning_rate": settings.default_learning_rate,
        "requested_gpus": settings.num_gpus,
        "on_no_gpu": settings.on_no_gpu,
        "checkpoint_dir": settings.checkpoint_dir,
        "evidence_dir": settings.evidence_dir,
    }
    importers = []
    if settings.last_good is not None:
        importers.append(last_good_importer(settings.last_good))
        lr_finder_options["previous"] = importers[0].outputs["previous"]
        lr_finder_options["on_inconclusive"] = "last_good"
    elif settings.default_learning_rate is not None:
        lr_finder_options["on_inconclusive"] = "fallback"
    components = create_components(
        data_root=settings.data,
        module=settings.module,
        serving_dir=settings.serving,
        span_pattern=settings.span_pattern,
        seed=settings.seed,
        lr_finder_options=lr_finder_options,
        make_lr_finder=_make_lr_finder(settings),
    )
    keepers = []
    if settings.last_good is not None:
        nodes = {node.id: node for node in components}
        keeper = LastGoodKeeper(
            lr_finder_result=nodes["LRFinder"].outputs["lr_finder_result"],
            model_blessing=nodes["Evaluator"].outputs["blessing"],
            destination=settings.last_good,
        )
        keepers.append(keeper)
    return tfx.dsl.Pipeline(
        pipeline_name=settings.name,
        pipeline_root=settings.root.rstrip("/"),
        components=[*components, *importers, *keepers],
        enable_cache=not settings.no_cache,
        beam_pipeline_args=["--runner=FnApiRunner"],
    )


def _make_lr_finder(settings: Settings) -> Callable[..., LRFinder]:
    """What makes the LRFinder: in its own pod, or in a custom job of Vertex."""
    if settings.custom_job is None:
        return LRFinder
    custom_job = vertex.CustomJob(**settings.custom_job)
    return functools.partial(vertex.LRFinder, custom_job=custom_job)
