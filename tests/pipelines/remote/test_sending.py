"""The real clients: kfp's against a local server that keeps what it is sent.

Nothing here knows Kubeflow's server or Vertex; what is checked is the requests.
"""

import pytest
import run_kubeflow
import run_vertex
from google.auth import credentials

IMAGE = ("--image", "registry.example.org/lr-finder:1")
KUBEFLOW = (
    *IMAGE,
    *("--root", "minio://mlpipeline/v2", "--data", "gs://bucket/data"),
    *("--serving", "gs://bucket/serving", "--span-pattern", "span-{SPAN}/*"),
    *("--accelerator", "nvidia.com/gpu"),
)


def _kubeflow(server, tmp_path, action, *flags):
    output = ("--output", str(tmp_path / "pipeline.yaml"))
    return run_kubeflow.main(
        [action, *KUBEFLOW, *output, "--endpoint", server.url, *flags]
    )


pytestmark = [
    pytest.mark.filterwarnings("ignore:This client only works:FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:kfp_server_api"),
]


def test_a_run_sends_the_pipeline_and_its_platform_document(
    kfp_server, tmp_path, capsys
):
    assert _kubeflow(kfp_server, tmp_path, "run") == 0
    (sent,) = kfp_server.sent("POST /apis/v2beta1/runs")
    spec = sent["pipeline_spec"]["pipeline_spec"]
    assert spec["schemaVersion"] == "2.1.0"
    assert set(sent["pipeline_spec"]["platform_spec"]) == {"platforms"}
    assert sent["runtime_config"]["pipeline_root"] == "minio://mlpipeline/v2"
    assert sent["service_account"] == "lr-finder-runner"
    caching = spec["root"]["dag"]["tasks"]["CsvExampleGen"]["cachingOptions"]
    assert not caching.get("enableCache")
    assert "Started: the-run" in capsys.readouterr().out


def test_a_schedule_becomes_a_recurring_run(kfp_server, tmp_path, capsys):
    assert _kubeflow(kfp_server, tmp_path, "schedule", "--cron", "30 4 * * *") == 0
    (sent,) = kfp_server.sent("POST /apis/v2beta1/recurringruns")
    assert sent["trigger"]["cron_schedule"]["cron"] == "0 30 4 * * *"
    assert int(sent["max_concurrency"]) == 1
    assert sent["no_catchup"] is True
    assert sent["mode"] == "ENABLE"
    assert "Scheduled (30 4 * * * UTC): the-schedule" in capsys.readouterr().out


def test_an_upload_sends_the_file(kfp_server, tmp_path, capsys):
    assert _kubeflow(kfp_server, tmp_path, "upload") == 0
    (sent,) = kfp_server.requests["POST /apis/v2beta1/pipelines/upload"]
    assert b"tfx_lr_finder.kfp_entrypoint" in sent
    assert "Uploaded: the-pipeline" in capsys.readouterr().out


def test_a_refusal_is_one_sentence_with_the_reason(kfp_server, tmp_path, capsys):
    del kfp_server.answers["POST /apis/v2beta1/runs"]
    assert _kubeflow(kfp_server, tmp_path, "run") == 1
    printed = capsys.readouterr().err
    assert "refused to run: 403" in printed
    assert "nobody may" in printed


def _vertex(tmp_path, *flags):
    return [
        *("submit", *IMAGE, "--project", "a-project", "--region", "europe-west4"),
        *("--root", "gs://bucket/root", "--data", "gs://bucket/data"),
        *("--serving", "gs://bucket/serving", *flags),
        *("--output", str(tmp_path / "job.json")),
    ]


def test_vertex_client_takes_the_compiled_job(tmp_path):
    """It is parsed by Google's own client, which then asks for the network."""
    from google.cloud import aiplatform

    arguments = ["compile", *_vertex(tmp_path)[1:]]
    assert run_vertex.main(arguments) == 0
    job = aiplatform.PipelineJob(
        display_name="taxi",
        template_path=str(tmp_path / "job.json"),
        pipeline_root="gs://bucket/root",
        project="a-project",
        location="europe-west4",
        credentials=credentials.AnonymousCredentials(),
    )
    sent = job.to_dict()
    executors = sent["pipelineSpec"]["deploymentSpec"]["executors"]
    assert executors["LRFinder_executor"]["container"]["image"] == IMAGE[1]
    assert sent["runtimeConfig"]["gcsOutputDirectory"] == "gs://bucket/root"
