"""Compiles the taxi pipeline for Kubeflow Pipelines 2 on Kubernetes, and runs it."""

import dataclasses
import sys
from collections.abc import Sequence

from remote import checks, compiling, kfp_api, kubernetes, settings
from remote.settings import option

ACTIONS = {
    "compile": "write the pipeline and its platform document as YAML",
    "upload": "compile, and upload a new version of the pipeline",
    "run": "compile, and start one run",
    "schedule": "compile, and create a recurring run from --cron",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class KubeflowSettings(settings.Settings):
    """The settings of this runner. The help of a field describes it."""

    root: str = option(
        help="Bucket for all artifacts: gs://, s3:// or minio://BUCKET/FOLDER."
    )
    output: str = option("taxi_kubeflow.yaml", help="File for the compiled pipeline.")
    endpoint: str | None = option(
        None,
        help="Address of the API, such as http://localhost:8888. Required by all "
        "actions except 'compile'.",
    )
    namespace: str = option("kubeflow", help="Namespace of the runs.")
    service_account: str = option(
        "lr-finder-runner", help="Service account of the pods."
    )
    experiment: str = option("lr-finder", help="Experiment of the runs.")
    node_selector: tuple[str, ...] = option(
        (), help="KEY=VALUE of a label that the GPU's node must have. Repeatable."
    )
    toleration: tuple[str, ...] = option(
        (), help="KEY[=VALUE]:EFFECT of a taint that the GPU's node has. Repeatable."
    )
    spot: str | None = option(
        None, help="Use spot nodes of this cloud.", choices=tuple(kubernetes.SPOT)
    )
    volume: tuple[str, ...] = option(
        (), help="CLAIM:PATH, mounted in the pods that use PATH. Repeatable."
    )

    def __post_init__(self) -> None:
        """Checks the settings for what Kubeflow Pipelines would refuse late.

        Raises:
          ValueError: If a setting is not valid.
        """
        super().__post_init__()
        reason = "the launcher of Kubeflow Pipelines keeps artifacts in buckets only."
        checks.root("--root", self.root, ("gs", "s3", "minio"), reason)
        placement = self.placement
        for name in ("data", "serving", "checkpoint_dir", "evidence_dir"):
            value = getattr(self, name)
            if value is not None:
                flag = f"--{name.replace('_', '-')}"
                kubernetes.check_reachable(flag, value, placement)
        kubernetes.check_last_good(self.last_good)
        kubernetes.check_accelerator(self.accelerator)

    @property
    def placement(self) -> kubernetes.Placement:
        """The nodes and the volumes of the pods."""
        return kubernetes.Placement.from_options(
            node_selector=self.node_selector,
            toleration=self.toleration,
            spot=self.spot,
            accelerator=self.accelerator,
            volume=self.volume,
        )


@settings.command(KubeflowSettings, ACTIONS, help=__doc__ or "")
def command(action: str, chosen: KubeflowSettings) -> None:
    r"""Compiles, and performs the action."""
    if action != "compile":
        if not chosen.endpoint:
            raise ValueError(
                f"The action {action!r} needs --endpoint, such as "
                "http://localhost:8888 behind `kubectl --namespace kubeflow "
                "port-forward svc/ml-pipeline 8888`."
            )
        kfp_api.check_answers(chosen.endpoint)
    spec = compiling.compile_pipeline(chosen)["pipelineSpec"]
    kubernetes.always_look_for_spans(spec)
    platform = kubernetes.platform_document(spec, chosen.gpu_nodes, chosen.placement)
    kubernetes.write(chosen.output, spec, platform)
    print(f"Compiled {chosen.name} to {chosen.output}")
    if chosen.endpoint and action != "compile":
        _send(action, chosen, chosen.endpoint)


def _send(action: str, chosen: KubeflowSettings, endpoint: str) -> None:
    """Uploads, runs or schedules the compiled pipeline."""
    api = kfp_api.Api(endpoint, chosen.namespace, chosen.experiment)
    if action == "upload":
        print(f"Uploaded: {api.upload(chosen)}")
    elif action == "run":
        print(f"Started: {api.run(chosen, chosen.service_account)}")
    else:
        recurring_run = api.schedule(chosen, chosen.service_account)
        print(f"Scheduled ({chosen.cron} UTC): {recurring_run}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line, and returns its exit status."""
    return settings.run(command, arguments)


if __name__ == "__main__":
    sys.exit(main())
