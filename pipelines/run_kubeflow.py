"""Compiles the taxi pipeline for open-source Kubeflow Pipelines v2, and runs it there.

compile   writes the pipeline and its platform document as YAML; needs no cluster
upload    compiles, and uploads it as a new version of the pipeline
run       compiles, and starts one run
schedule  compiles, and creates a recurring run from --cron
"""

import sys

import yaml
from remote import checks, compiling, kfp_api, kubernetes, settings

ROOT_HELP = "gs://, s3:// or minio://BUCKET/FOLDER for all artifacts"


def main(arguments=None):
    """Returns the exit status of the command line."""
    try:
        options = _parser().parse_args(arguments)
        common = settings.from_options(options, "taxi_kubeflow.yaml")
        placement = _check(options, common)
        spec = compiling.compile_pipeline(common)["pipelineSpec"]
        kubernetes.always_look_for_spans(spec)
        documents = [spec, *kubernetes.platform_documents(spec, common, placement)]
        with open(common.output, "w") as file:
            yaml.safe_dump_all(documents, file, sort_keys=True)
        print(f"Compiled {common.name} to {common.output}")
        if options.action != "compile":
            _send(options, common)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser():
    parser = settings.parser(__doc__, ("compile", "upload", "run", "schedule"))
    settings.add_flags(parser, ROOT_HELP)
    add = settings.flag_adder(parser)
    add("--endpoint", help="address of the API, such as http://localhost:8888")
    add("--namespace", default="kubeflow", help="namespace of the runs")
    add("--service-account", default="lr-finder-runner", help="whom the pods run as")
    add("--experiment", default="lr-finder", help="experiment of the runs")
    add("--node-selector", action="append", help="KEY=VALUE for the GPU's node")
    add("--toleration", action="append", help="KEY[=VALUE]:EFFECT for the GPU's node")
    add("--spot", choices=tuple(kubernetes.SPOT), help="take spot nodes of that cloud")
    add("--volume", action="append", help="CLAIM:PATH, mounted where PATH is used")
    return parser


def _check(options, common):
    """Where the pods go; raises a ValueError for what Kubernetes would refuse."""
    checks.root(
        "--root",
        common.root,
        ("gs", "s3", "minio"),
        "the launcher of Kubeflow Pipelines keeps artifacts in a bucket only.",
    )
    checks.kubernetes_name("--namespace", options.namespace)
    checks.kubernetes_name("--service-account", options.service_account)
    placement = kubernetes.Placement.from_options(options)
    for flag, value in (("--data", common.data), ("--serving", common.serving)):
        kubernetes.check_reachable(flag, value, placement)
    kubernetes.check_last_good(common.last_good)
    kubernetes.check_accelerator(common.gpu.accelerator)
    if options.action != "compile" and not options.endpoint:
        raise ValueError(
            f"The action `{options.action}` needs --endpoint, such as "
            "http://localhost:8888 behind `kubectl --namespace kubeflow port-forward "
            "svc/ml-pipeline 8888`."
        )
    if options.action != "compile":
        kfp_api.check_answers(options.endpoint)
    return placement


def _send(options, common):
    """Uploads, runs or schedules the compiled pipeline."""
    api = kfp_api.Api(options.endpoint, options.namespace, options.experiment)
    if options.action == "upload":
        print(f"Uploaded: {api.upload(common)}")
    elif options.action == "run":
        print(f"Started: {api.run(common, options.service_account)}")
    else:
        identity = api.schedule(common, options.service_account)
        print(f"Scheduled ({common.cron} UTC): {identity}")


if __name__ == "__main__":
    sys.exit(main())
