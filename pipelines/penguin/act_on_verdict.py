"""A pipeline that trains and pushes after an OK only, and alerts otherwise.

`create_pipeline` is the penguin pipeline with the branch below it. The branch reads the
custom property `verdict`, so it works with LocalDagRunner and compiles for Kubeflow v2
and Vertex AI.
"""

from collections.abc import Mapping
from typing import Any

from penguin import pipeline
from penguin.verdict_alert import VerdictAlert
from tfx import types
from tfx import v1 as tfx

from tfx_lr_finder import LRFinder, LRFinderTrainer

UNUSED_RATE = 1e-3
"""With a rate to fall back to, LRFinder ends well and the branch decides."""


def act_on_verdict(
    training: Mapping[str, Any],
    lr_finder_result: types.BaseChannel,
    *,
    serving_dir: str,
    webhook: str = "",
) -> list[Any]:
    """The nodes of both branches. A run skips those of the other branch.

    Args:
      training: Arguments of every Trainer.
      lr_finder_result: The output of an LRFinder that does not fail if its test is
        inconclusive: with `on_inconclusive="fallback"` or `"last_good"`.
      serving_dir: Folder to which Pusher copies the model. The last one stays there
        unless the verdict is OK.
      webhook: See `VerdictAlert`.
    """
    verdict = verdict_of(lr_finder_result)
    with tfx.dsl.Cond(verdict == "OK"):
        trainer = LRFinderTrainer(**training, lr_finder_result=lr_finder_result)
        pusher = tfx.components.Pusher(
            model=trainer.outputs["model"],
            push_destination=tfx.proto.PushDestination(
                filesystem=tfx.proto.PushDestination.Filesystem(
                    base_directory=serving_dir
                )
            ),
        )
    with tfx.dsl.Cond(verdict != "OK"):
        alert = VerdictAlert(lr_finder_result=lr_finder_result, webhook=webhook)
    return [trainer, pusher, alert]


def verdict_of(lr_finder_result: types.BaseChannel) -> Any:
    """The verdict of a result, to be compared in `tfx.dsl.Cond`.

    Without `set_key`, TFX's compiler for Kubeflow v2 writes a wrong condition for a
    node that has the result among its inputs. The condition then names an input that
    the node does not have.
    """
    result = lr_finder_result.future()[0]
    result.set_key(None)
    return result.custom_property("verdict")


def create_pipeline(
    *, serving_dir: str, webhook: str = "", **options: Any
) -> tfx.dsl.Pipeline:
    """The penguin pipeline, which pushes a model only if the verdict is OK.

    Args:
      serving_dir: See `act_on_verdict`.
      webhook: See `act_on_verdict`.
      **options: See `pipeline.create_pipeline`.
    """

    def branches(training: Mapping[str, Any], lr_finder: LRFinder) -> list[Any]:
        result = lr_finder.outputs["lr_finder_result"]
        return act_on_verdict(
            training, result, serving_dir=serving_dir, webhook=webhook
        )

    policy = {"on_inconclusive": "fallback", "default_learning_rate": UNUSED_RATE}
    return pipeline.create_pipeline(
        make_trainer=branches, lr_finder_options=policy, **options
    )
