"""Compiles the taxi pipeline for Vertex AI Pipelines, submits it, or schedules it."""

import dataclasses
import json
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from remote import checks, compiling, settings
from remote.settings import option

ACTIONS = {
    "compile": "write the job as JSON",
    "submit": "compile, and start one run",
    "schedule": "compile, and create a schedule from --cron",
}
GPU_COUNTS = (1, 2, 4, 8, 16)


@dataclasses.dataclass(frozen=True, kw_only=True)
class VertexSettings(settings.Settings):
    """The settings of this runner. The help of a field describes it."""

    output: str = option("taxi_vertex.json", help="File for the compiled pipeline.")
    project: str | None = option(None, help="Id of the Google Cloud project.")
    region: str | None = option(None, help="Region, such as europe-west4.")
    service_account: str | None = option(
        None, help="Service account of the nodes. Default: the one of the project."
    )
    spec: str = option(
        "2.1", help="Version of the pipeline schema.", choices=("2.0", "2.1")
    )

    def __post_init__(self) -> None:
        """Checks the settings for what Vertex would refuse late.

        Raises:
          ValueError: If a setting is not valid.
        """
        super().__post_init__()
        reason = "the nodes of Vertex read and write Google Cloud Storage."
        for name in ("root", "data", "serving", "last_good"):
            value = getattr(self, name)
            if value is not None:
                checks.root(f"--{name.replace('_', '-')}", value, ("gs",), reason)
        if self.spec == "2.0" and self.span_pattern:
            raise ValueError(
                "--span-pattern needs --spec 2.1: with version 2.0, the span that the "
                "driver of TFX finds does not reach the node that reads it."
            )
        if self.accelerator:
            _check_accelerator(self.accelerator, self.accelerator_count)


def _check_accelerator(accelerator: str, count: int) -> None:
    """Checks that Vertex has this type and number of GPUs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # from Google, about versions of Python
        from google.cloud.aiplatform_v1.types import AcceleratorType

    known = [
        kind.name for kind in list(AcceleratorType) if kind.name.startswith("NVIDIA_")
    ]
    if accelerator not in known:
        raise ValueError(
            f"--accelerator must be a type of Vertex, got {accelerator!r}. Vertex has "
            f"{', '.join(known)}."
        )
    if count not in GPU_COUNTS:
        raise ValueError(
            f"--accelerator-count must be 1, 2, 4, 8 or 16 on Vertex, got {count}."
        )


@settings.command(VertexSettings, ACTIONS, help=__doc__ or "")
def command(action: str, chosen: VertexSettings) -> None:
    r"""Compiles, and performs the action."""
    missing = [f"--{f}" for f in ("project", "region") if not getattr(chosen, f)]
    if action != "compile" and missing:
        raise ValueError(f"The action {action!r} needs {' and '.join(missing)}.")
    job = compiling.compile_pipeline(chosen, spec_2_1=chosen.spec == "2.1")
    with open(chosen.output, "w") as file:
        json.dump(job, file, indent=2, sort_keys=True)
    print(f"Compiled {chosen.name} to {chosen.output}")
    if action != "compile":
        _send(action, chosen)


def make_job(chosen: VertexSettings) -> Any:
    """The `PipelineJob` of a compiled pipeline. Google is asked for credentials.

    Raises:
      ValueError: If Google refuses.
    """
    from google.auth import exceptions
    from google.cloud import aiplatform

    try:
        return aiplatform.PipelineJob(
            display_name=chosen.name,
            template_path=chosen.output,
            pipeline_root=chosen.root.rstrip("/"),
            project=chosen.project,
            location=chosen.region,
        )
    except exceptions.GoogleAuthError as error:
        raise ValueError(
            f"Google Cloud refuses this machine: {error} Run `gcloud auth "
            "application-default login`, or name a key file in "
            "GOOGLE_APPLICATION_CREDENTIALS."
        ) from error


def _send(action: str, chosen: VertexSettings) -> None:
    """Submits or schedules the compiled pipeline."""
    from google.api_core import exceptions

    job = make_job(chosen)
    try:
        if action == "submit":
            job.submit(service_account=chosen.service_account)
            print(f"Submitted: {job.resource_name}")
            return
        schedule = job.create_schedule(
            cron=chosen.cron,
            display_name=chosen.name,
            max_concurrent_run_count=1,
            service_account=chosen.service_account,
        )
        print(f"Scheduled ({chosen.cron} UTC): {schedule.resource_name}")
    except exceptions.GoogleAPIError as error:
        raise ValueError(
            f"Vertex refused to {action} {chosen.name}: {error} Does "
            f"{chosen.service_account or 'the default service account'} of project "
            f"{chosen.project} exist, and may it read and write {chosen.root}?"
        ) from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line, and returns its exit status."""
    return settings.run(command, arguments)


if __name__ == "__main__":
    sys.exit(main())
