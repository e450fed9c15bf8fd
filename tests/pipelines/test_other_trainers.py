"""The stock Trainer and Vertex's, with the rate as a hyperparameter."""

import json
import os
import pathlib
import subprocess
import sys

import ml_metadata as mlmd
import pytest
from google.cloud.aiplatform_v1 import types as vertex_types
from google.protobuf import json_format
from ml_metadata.proto import metadata_store_pb2
from penguin.other_trainers import on_vertex
from tfx.extensions.google_cloud_ai_platform import training_clients
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner
from tfx.types import artifact_utils, standard_artifacts

from tests.pipelines.other_trainers_pipeline import create
from tfx_lr_finder import read_result

ROOT = pathlib.Path(__file__).parents[2]
VERTEX = {"project": "p", "region": "europe-west4", "image": "registry/image:1"}
VERTEX_EXECUTOR = "tfx.extensions.google_cloud_ai_platform.trainer.executor"
INPUTS = {
    "examples": "Examples",
    "transform_graph": "TransformGraph",
    "hyperparameters": "HyperParameters",
}

pytestmark = pytest.mark.long


class Client(training_clients.VertexJobClient):
    """TFX's own client without its connection, which needs an account."""

    def create_client(self):
        """Connects to nothing."""


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    """The folder of a run with the stock Trainer."""
    root = tmp_path_factory.mktemp("stock")
    command = [sys.executable, "-m", "tests.pipelines.other_trainers_pipeline"]
    path = os.pathsep.join([str(ROOT / "pipelines"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [*command, str(root)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path.rstrip(os.pathsep)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return root


def _found(root):
    (folder,) = root.glob("artifacts/LRFinder/lr_finder_result/*")
    return read_result(str(folder)).learning_rate


def _trained(folder):
    return json.loads((folder / "training.json").read_text())


def test_the_stock_trainer_trains_with_the_rate_found(stock):
    (model_run,) = stock.glob("artifacts/Trainer/model_run/*")
    assert _trained(model_run)["learning_rate"] == pytest.approx(_found(stock))


@pytest.fixture(scope="module")
def for_vertex(tmp_path_factory):
    """The same pipeline with Vertex's Trainer, not run."""
    return create(tmp_path_factory.mktemp("vertex"), on_vertex(**VERTEX))


def test_the_pipeline_with_vertex_trainer_compiles(for_vertex, tmp_path):
    path = str(tmp_path / "pipeline.json")
    config = kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig()
    runner = kubeflow_v2_dag_runner.KubeflowV2DagRunner(config, output_filename=path)
    runner.run(for_vertex)
    spec = json.loads(pathlib.Path(path).read_text())["pipelineSpec"]
    task = spec["root"]["dag"]["tasks"]["Trainer"]
    assert task["inputs"]["artifacts"]["hyperparameters"] == {
        "taskOutputArtifact": {
            "producerTask": "LRFinder",
            "outputArtifactKey": "best_hyperparameters",
        }
    }
    label = spec["components"][task["componentRef"]["name"]]["executorLabel"]
    container = spec["deploymentSpec"]["executors"][label]["container"]
    assert any(VERTEX_EXECUTOR in argument for argument in container["args"])


@pytest.fixture(scope="module")
def custom_job(for_vertex, stock, tmp_path_factory):
    """The job that Vertex's Trainer would ask for, after the finder of `stock`."""
    (trainer,) = (c for c in for_vertex.components if c.id == "Trainer")
    connection = metadata_store_pb2.ConnectionConfig()
    connection.sqlite.filename_uri = str(stock / "metadata.sqlite")
    store = mlmd.MetadataStore(connection)
    inputs = {}
    for name, type_name in INPUTS.items():
        (found,) = store.get_artifacts_by_type(type_name)
        kind = store.get_artifact_type(type_name)
        inputs[name] = [artifact_utils.deserialize_artifact(kind, found)]
    outputs = {
        "model": [standard_artifacts.Model()],
        "model_run": [standard_artifacts.ModelRun()],
    }
    root = tmp_path_factory.mktemp("job")
    for name, (output,) in outputs.items():
        output.uri = str(root / name)
    properties = dict(trainer.exec_properties)
    for name, value in properties.items():
        if hasattr(value, "DESCRIPTOR"):
            properties[name] = json_format.MessageToJson(value)
    arguments = json.loads(properties["custom_config"])["ai_platform_training_args"]
    assert arguments.pop("project") == "p"
    client = Client(VERTEX["region"])
    job = client.create_training_job(
        inputs,
        outputs,
        properties,
        "tfx.components.trainer.executor.GenericExecutor",
        arguments,
        None,
        None,
    )
    return vertex_types.CustomJob(job), root


def test_the_custom_job_is_one_machine_with_the_image_and_the_finders_output(
    custom_job, stock
):
    (pool,) = custom_job[0].job_spec.worker_pool_specs
    assert pool.container_spec.image_uri == VERTEX["image"]
    assert (pool.replica_count, pool.machine_spec.machine_type) == (1, "n1-standard-4")
    (given,) = stock.glob("artifacts/LRFinder/best_hyperparameters/*")
    command = list(pool.container_spec.command)
    given_inputs = json.loads(command[command.index("--inputs") + 1])
    (hyperparameters,) = given_inputs["hyperparameters"]
    assert hyperparameters["artifact"]["uri"] == str(given)


def test_the_command_of_the_custom_job_trains_with_the_rate_found(custom_job, stock):
    """As a process here, which is what Vertex starts in the image: not on Vertex."""
    job, root = custom_job
    _, *command = job.job_spec.worker_pool_specs[0].container_spec.command
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-5000:]
    seen = _trained(root / "model_run")
    assert seen["learning_rate"] == pytest.approx(_found(stock))
