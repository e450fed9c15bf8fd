"""LRFinder as a custom job of Vertex AI. The job runs here, not on Vertex."""

import json
import subprocess
import sys

import pytest
from google.cloud.aiplatform_v1 import types as vertex_types
from tfx import types
from tfx.extensions.google_cloud_ai_platform import training_clients
from tfx.types import standard_artifacts

from tfx_lr_finder import (
    LRFinderPage,
    LRFinderResult,
    LRFinderScalars,
    read_result,
    vertex,
)

MACHINE = {
    "project": "a-project",
    "region": "europe-west4",
    "image": "registry.example.org/lr-finder:1-gpu",
    "machine_type": "n1-highmem-8",
    "accelerator_type": "NVIDIA_TESLA_T4",
    "accelerator_count": 2,
    "service_account": "finder@a-project.iam.gserviceaccount.com",
}
SEARCH = {"num_rates": 40, "num_sweeps": 1, "confirm_steps": 0, "min_lr": 1e-4}


class Vertex(training_clients.VertexJobClient):
    """TFX's client with a Vertex on this machine: a job's command is a process."""

    jobs = []

    def create_client(self):
        """Connects to nothing."""

    def launch_job(self, project, training_job):
        """Checks the job with Google's client, and runs its command to the end."""
        job = vertex_types.CustomJob(training_job)
        self.jobs.append((project, self._region, job))
        self._job_name = "the-job"
        container = job.job_spec.worker_pool_specs[0].container_spec
        command = [sys.executable, *container.command[1:], *container.args]
        self.done = subprocess.run(command, capture_output=True, text=True, check=False)

    def get_job(self):
        """The job as Vertex describes it."""
        states = vertex_types.JobState
        failed = self.done.returncode != 0
        state = states.JOB_STATE_FAILED if failed else states.JOB_STATE_SUCCEEDED
        error = {"message": self.done.stderr[-2000:]} if failed else None
        return vertex_types.CustomJob(state=state, error=error)


def _finder(module, **changes):
    return vertex.LRFinder(
        types.Channel(type=standard_artifacts.Examples),
        module_file=module,
        custom_job=vertex.CustomJob(**MACHINE),
        custom_config={"seed": 3},
        **{**SEARCH, **changes},
    )


def _run(finder, examples, root):
    """Runs the executor of the node; returns its outputs."""
    outputs = {
        "lr_finder_result": [LRFinderResult()],
        "best_hyperparameters": [standard_artifacts.HyperParameters()],
        "lr_finder_page": [LRFinderPage()],
        "lr_finder_scalars": [LRFinderScalars()],
    }
    for key, (output,) in outputs.items():
        output.uri = str(root / key)
    context = vertex.Executor.Context(
        tmp_dir=str(root / "tmp"),
        unique_id="1",
        beam_pipeline_args=["--runner=FnApiRunner"],
    )
    executor = vertex.Executor(context)
    executor.Do({"examples": [examples]}, outputs, dict(finder.exec_properties))
    return outputs


@pytest.fixture(scope="module")
def patched():
    """TFX connects to the Vertex of this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_clients, "VertexJobClient", Vertex)
        # An executor with Beam options parses these as flags, pytest's own included.
        patch.setattr(sys, "argv", sys.argv[:1])
        Vertex.jobs.clear()
        yield


@pytest.fixture(scope="module")
def finished(patched, penguin_examples, penguin_module, tmp_path_factory):
    """The outputs of the node, and the project, the region and the proto of its job."""
    root = tmp_path_factory.mktemp("vertex")
    outputs = _run(_finder(penguin_module), penguin_examples, root)
    (sent,) = Vertex.jobs
    return outputs, sent


@pytest.mark.long
def test_the_job_is_one_machine_with_its_own_gpus_and_image(finished):
    project, region, job = finished[1]
    assert (project, region) == (MACHINE["project"], MACHINE["region"])
    assert job.job_spec.service_account == MACHINE["service_account"]
    (pool,) = job.job_spec.worker_pool_specs
    machine = pool.machine_spec
    assert (pool.replica_count, machine.machine_type) == (1, MACHINE["machine_type"])
    assert machine.accelerator_type.name == MACHINE["accelerator_type"]
    assert machine.accelerator_count == MACHINE["accelerator_count"]
    assert pool.container_spec.image_uri == MACHINE["image"]
    flag, _, *beam_pipeline_args = pool.container_spec.args
    assert flag == "--temp_directory_path"
    assert "--runner=FnApiRunner" in beam_pipeline_args


@pytest.mark.long
def test_the_user_code_does_not_see_the_job(finished):
    (pool,) = finished[1][2].job_spec.worker_pool_specs
    command = list(pool.container_spec.command)
    properties = json.loads(command[command.index("--exec-properties") + 1])
    assert json.loads(properties["custom_config"]) == {"seed": 3}
    assert "tfx_lr_finder.vertex.JobExecutor" in command


@pytest.mark.long
def test_the_command_of_the_job_finds_a_rate_and_the_node_describes_it(finished):
    (result,) = finished[0]["lr_finder_result"]
    report = read_result(result)
    assert 0 < report.learning_rate <= report.config.max_lr
    rate = result.get_string_custom_property("learning_rate")
    assert float(rate) == report.learning_rate
    assert result.get_string_custom_property("verdict") == report.verdict.name
    assert result.get_string_custom_property("result_sha256")
    (scalars,) = finished[0]["lr_finder_scalars"]
    shown = scalars.get_float_custom_property("learning_rate")
    assert shown == pytest.approx(report.learning_rate)


@pytest.mark.long
def test_a_failed_job_fails_the_node_with_the_error_of_the_job(
    patched, penguin_examples, penguin_module, tmp_path
):
    finder = _finder(penguin_module, on_no_gpu="fail")
    with pytest.raises(RuntimeError, match="2 GPUs requested, 0 found"):
        _run(finder, penguin_examples, tmp_path)


def test_an_invalid_parameter_is_refused_before_a_job_starts(
    patched, penguin_examples, tmp_path
):
    finder = _finder("module.py")
    properties = {**finder.exec_properties, "min_lr": 20.0}
    executor = vertex.Executor(vertex.Executor.Context(tmp_dir=str(tmp_path)))
    before = len(Vertex.jobs)
    with pytest.raises(ValueError, match="min_lr"):
        executor.Do({"examples": [penguin_examples]}, {}, properties)
    assert len(Vertex.jobs) == before


def test_the_job_requests_the_gpus_that_the_test_expects():
    properties = _finder("module.py").exec_properties
    assert properties["requested_gpus"] == MACHINE["accelerator_count"]
    assert _finder("module.py", requested_gpus=1).exec_properties["requested_gpus"] == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"project": ""}, "needs project"),
        ({"region": None}, "needs region"),
        ({"accelerator_count": 0}, "go together, got 'NVIDIA_TESLA_T4' and 0"),
        ({"accelerator_type": ""}, "go together, got '' and 2"),
    ],
    ids=str,
)
def test_an_incomplete_job_is_refused(changes, expected):
    with pytest.raises(ValueError, match=expected):
        vertex.CustomJob(**{**MACHINE, **changes})
