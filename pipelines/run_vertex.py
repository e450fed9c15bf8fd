"""Compiles the taxi pipeline for Vertex AI Pipelines, submits it, or schedules it."""

import dataclasses
import json
import sys
from collections.abc import Sequence
from typing import Any

from remote import checks, compiling, settings, vertex
from remote.resources import TRAINER
from remote.settings import option

ACTIONS = {
    "compile": "write the job as JSON",
    "submit": "compile, and start one run",
    "schedule": "compile, and create a schedule from --cron",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class VertexSettings(settings.Settings):
    """The settings of this runner. The help of a field describes it."""

    output: str = option("taxi_vertex.json", help="File for the compiled pipeline.")
    project: str | None = option(
        None,
        help="Id of the Google Cloud project. Required by 'submit', 'schedule' and "
        "--machine-type.",
    )
    region: str | None = option(
        None,
        help="Region, such as europe-west4. Required by 'submit', 'schedule' and "
        "--machine-type.",
    )
    machine_type: str | None = option(
        None,
        help="Type of machine, such as n1-standard-8. LRFinder then runs as a custom "
        "job on a machine of its own, with the GPUs of --accelerator.",
    )
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
        places = ("root", "data", "serving", "last_good")
        for name in (*places, "checkpoint_dir", "evidence_dir"):
            value = getattr(self, name)
            if value is not None:
                checks.root(f"--{name.replace('_', '-')}", value, ("gs",), reason)
        if self.spec == "2.0" and self.span_pattern:
            raise ValueError(
                "--span-pattern needs --spec 2.1: with version 2.0, the span that the "
                "driver of TFX finds does not reach the node that reads it."
            )
        if self.accelerator:
            vertex.check_accelerator(self.accelerator, self.accelerator_count)
        if self.machine_type:
            self.check_given("--machine-type", "project", "region")
            vertex.check_machine_type(self.machine_type)

    def check_given(self, what: str, *names: str) -> None:
        """Checks that some options are given, which something else needs."""
        missing = [f"--{name}" for name in names if not getattr(self, name)]
        if missing:
            raise ValueError(f"{what} needs {' and '.join(missing)}.")

    @property
    def custom_job(self) -> dict[str, Any] | None:
        """The custom job that runs LRFinder; None runs it in its own pod."""
        if not self.machine_type:
            return None
        return {
            "project": self.project,
            "region": self.region,
            "image": self.gpu_image or self.image,
            "machine_type": self.machine_type,
            "accelerator_type": self.accelerator or "",
            "accelerator_count": self.num_gpus,
            "service_account": self.service_account or "",
        }

    @property
    def training_nodes(self) -> tuple[str, ...]:
        """The nodes whose pods train. LRFinder's only waits for a custom job."""
        return (TRAINER,) if self.machine_type else super().training_nodes


@settings.command(VertexSettings, ACTIONS, help=__doc__ or "")
def command(action: str, chosen: VertexSettings) -> None:
    r"""Compiles, and performs the action."""
    if action != "compile":
        chosen.check_given(f"The action {action!r}", "project", "region")
        checks.google_credentials(f"The action {action!r} sends the job to Vertex.")
    job = compiling.compile_pipeline(chosen, spec_2_1=chosen.spec == "2.1")
    with open(chosen.output, "w") as file:
        json.dump(job, file, indent=2, sort_keys=True)
    print(f"Compiled {chosen.name} to {chosen.output}")
    if action != "compile":
        _send(action, chosen)


def _send(action: str, chosen: VertexSettings) -> None:
    """Submits or schedules the compiled pipeline."""
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError
    from google.cloud import aiplatform

    try:
        job: Any = aiplatform.PipelineJob(
            display_name=chosen.name,
            template_path=chosen.output,
            pipeline_root=chosen.root.rstrip("/"),
            project=chosen.project,
            location=chosen.region,
        )
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
    except (exceptions.GoogleAPIError, GoogleAuthError) as error:
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
