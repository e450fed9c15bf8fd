"""A node that says why a learning rate was not found. It runs in the image's pods."""

import json
import urllib.request

from absl import logging
from tfx import v1 as tfx

from tfx_lr_finder import LRFinderResult, read_result

TIMEOUT_SECONDS = 30


@tfx.dsl.components.component
def VerdictAlert(
    lr_finder_result: tfx.dsl.components.InputArtifact[LRFinderResult],
    webhook: tfx.dsl.components.Parameter[str] = "",
) -> None:
    """Logs the verdict and its reasons, and posts them to a chat.

    Args:
      lr_finder_result: The result whose verdict is not OK.
      webhook: Address that takes `{"text": ...}`, as those of Slack and Google Chat do.
        Without one, the alert goes to the log only. TFX writes the address to its log.
        If it is a secret, read it from a secret of the pod instead.
    """
    report = read_result(lr_finder_result)
    text = (
        f"The learning-rate test is {report.verdict.name}, so the last model stays in "
        f"place. {' '.join(report.reasons)} Report: {lr_finder_result.uri}"
    )
    logging.error("%s", text)
    if webhook:
        post = urllib.request.Request(
            webhook,
            data=json.dumps({"text": text}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(post, timeout=TIMEOUT_SECONDS):
            pass
