"""Compiles the taxi pipeline for Vertex AI Pipelines, submits it, or schedules it.

compile   writes the job as JSON; needs neither credentials nor a project
submit    compiles, and starts one run
schedule  compiles, and creates a schedule from --cron
"""

import dataclasses
import json
import sys
import warnings

from remote import checks, compiling, settings

ROOT_HELP = "gs://BUCKET/FOLDER for all artifacts"


@dataclasses.dataclass(frozen=True, kw_only=True)
class VertexSettings:
    """What only Vertex needs.

    Attributes:
      project: The project's id; None if nothing is sent.
      region: Such as `europe-west4`; None if nothing is sent.
      service_account: Whom the nodes run as; None: the project's default.
    """

    project: str | None
    region: str | None
    service_account: str | None


def main(arguments=None):
    """Returns the exit status of the command line."""
    try:
        options = _parser().parse_args(arguments)
        common = settings.from_options(options, "taxi_vertex.json")
        vertex = _check(options, common)
        job = compiling.compile_pipeline(common, spec_2_1=options.spec == "2.1")
        with open(common.output, "w") as file:
            json.dump(job, file, indent=2, sort_keys=True)
        print(f"Compiled {common.name} to {common.output}")
        if options.action != "compile":
            _send(options.action, common, vertex)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser():
    parser = settings.parser(__doc__, ("compile", "submit", "schedule"))
    settings.add_flags(parser, ROOT_HELP)
    add = settings.flag_adder(parser)
    add("--project", help="id of the Google Cloud project")
    add("--region", help="such as europe-west4")
    add("--service-account", help="whom the nodes run as")
    add("--spec", choices=("2.0", "2.1"), default="2.1", help="version of the schema")
    return parser


def _check(options, common):
    """The settings of Vertex; raises a ValueError for what it would refuse."""
    reason = "Vertex' nodes read and write Google Cloud Storage."
    for flag, value in (
        ("--root", common.root),
        ("--data", common.data),
        ("--serving", common.serving),
        ("--last-good", common.last_good),
    ):
        if value is not None:
            checks.root(flag, value, ("gs",), reason)
    if options.spec == "2.0" and common.span_pattern:
        raise ValueError(
            "--span-pattern needs --spec 2.1: in version 2.0 the span that TFX' driver "
            "finds does not reach the node that reads it."
        )
    if common.gpu.accelerator:
        _check_accelerator(common.gpu)
    if options.action != "compile":
        missing = [f for f in ("project", "region") if not getattr(options, f)]
        if missing:
            flags = " and ".join(f"--{flag}" for flag in missing)
            raise ValueError(f"The action `{options.action}` needs {flags}.")
    return VertexSettings(
        project=options.project,
        region=options.region,
        service_account=options.service_account,
    )


def _check_accelerator(gpu):
    """Refuses what Vertex has no name for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Google's, about versions of Python
        from google.cloud.aiplatform_v1.types import AcceleratorType

    known = [kind.name for kind in AcceleratorType if kind.name.startswith("NVIDIA_")]
    if gpu.accelerator not in known:
        raise ValueError(
            f"--accelerator must be one that Vertex knows, got {gpu.accelerator!r}. It "
            f"knows {', '.join(known)}."
        )
    if gpu.count not in (1, 2, 4, 8, 16):
        raise ValueError(
            f"--accelerator-count must be 1, 2, 4, 8 or 16 on Vertex, got {gpu.count}."
        )


def make_job(common, vertex):
    """The `PipelineJob` of a compiled pipeline; asks Google for credentials."""
    from google.auth import exceptions
    from google.cloud import aiplatform

    try:
        return aiplatform.PipelineJob(
            display_name=common.name,
            template_path=common.output,
            pipeline_root=common.root,
            project=vertex.project,
            location=vertex.region,
        )
    except exceptions.GoogleAuthError as error:
        raise ValueError(
            f"Google Cloud refuses this machine: {error} Run `gcloud auth "
            "application-default login`, or name a key file in "
            "GOOGLE_APPLICATION_CREDENTIALS."
        ) from error


def _send(action, common, vertex):
    """Submits or schedules the compiled pipeline."""
    from google.api_core import exceptions

    job = make_job(common, vertex)
    try:
        if action == "submit":
            job.submit(service_account=vertex.service_account)
            print(f"Submitted: {job.resource_name}")
            return
        schedule = job.create_schedule(
            cron=common.cron,
            display_name=common.name,
            max_concurrent_run_count=1,
            service_account=vertex.service_account,
        )
        print(f"Scheduled ({common.cron} UTC): {schedule.resource_name}")
    except exceptions.GoogleAPIError as error:
        raise ValueError(
            f"Vertex refused to {action} {common.name}: {error} Does "
            f"{vertex.service_account or 'the default service account'} of project "
            f"{vertex.project} exist, and may it read and write {common.root}?"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
