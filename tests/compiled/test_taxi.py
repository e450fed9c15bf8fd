"""The taxi pipeline as the runners compile it, run by its containers' commands."""

import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tests.compiled.pod import KubeflowPod, Pod
from tests.compiled.taxi_job import MODULES, compile_taxi, span_and_version
from tfx_lr_finder import read_result

pytestmark = pytest.mark.timeout(1800)  # ten processes that each load TFX


def _on_vertex(folder):
    data = str(folder / "data" / "span-2" / "v2")
    good = str(folder / "good")
    job = compile_taxi(folder, False, last_good=good, data=data, span_pattern=None)
    pod = Pod(job, folder / "root", python_path=[MODULES])
    pod.run_all()
    return pod


def _on_kubeflow(folder):
    job = compile_taxi(folder, True, default_learning_rate=1e-3)
    pod = KubeflowPod(job, folder / "root", python_path=[MODULES])
    pod.run_all()
    return pod


@pytest.fixture(scope="module", params=["Vertex, spec 2.0", "Kubeflow, spec 2.1"])
def finished(request, tmp_path_factory):
    """The pod that ran all tasks, the folder, and a function from uri to folder."""
    folder = tmp_path_factory.mktemp("taxi")
    if request.param.startswith("Kubeflow"):
        pod = _on_kubeflow(folder)
        root = pod.bucket / "minio"
        return pod, folder, lambda uri: root / uri.removeprefix("minio://")
    return _on_vertex(folder), folder, pathlib.Path


@pytest.mark.long
def test_the_pushed_model_answers_and_was_trained_with_the_rate_found(
    finished, make_taxi_trip, record_compatibility
):
    pod, folder, place = finished
    report = read_result(str(place(pod.outputs["LRFinder"]["lr_finder_result"]["uri"])))
    run = place(pod.outputs["LRFinderTrainer"]["model_run"]["uri"])
    trained = json.loads((run / "training.json").read_text())
    assert report.learning_rate is not None
    assert trained["learning_rate"] == np.float32(report.learning_rate)
    (version,) = (folder / "serving").iterdir()
    model = tf.saved_model.load(str(version))
    examples = tf.constant([make_taxi_trip(b"Cash")])
    (chance,) = model.signatures["serving_default"](examples=examples).values()
    assert 0 <= chance.numpy().item() <= 1
    backend = "Kubeflow" if isinstance(pod, KubeflowPod) else "Vertex"
    record_compatibility(backend, report.environment["keras"])


@pytest.mark.long
def test_the_console_gets_one_html_file_and_the_scalars(finished):
    pod, _, place = finished
    outputs = pod.outputs["LRFinder"]
    page = place(outputs["lr_finder_page"]["uri"])
    report = place(outputs["lr_finder_result"]["uri"]) / "report.html"
    assert page.read_bytes() == report.read_bytes()
    assert outputs["lr_finder_page"]["type"]["schemaTitle"] == "system.HTML"
    scalars = outputs["lr_finder_scalars"]
    assert scalars["type"]["schemaTitle"] == "system.Metrics"
    rate = outputs["lr_finder_result"]["metadata"]["learning_rate"]
    assert scalars["metadata"]["learning_rate"] == float(rate)
    assert scalars["metadata"]["verdict"] == "OK"


@pytest.mark.long
def test_the_newest_version_of_the_newest_span_was_read(finished):
    pod, _, _ = finished
    newest = (2, 2) if isinstance(pod, KubeflowPod) else (0, 0)  # one data set
    examples = pod.outputs["CsvExampleGen"]["examples"]
    assert span_and_version(examples) == newest
    assert "input_fingerprint" in examples["metadata"]


@pytest.mark.long
def test_every_output_is_under_a_uri_of_the_backend(finished):
    pod, folder, place = finished
    scheme = "minio://" if isinstance(pod, KubeflowPod) else str(folder / "root")
    for outputs in pod.outputs.values():
        for artifact in outputs.values():
            if artifact["uri"] != str(folder / "good"):
                assert artifact["uri"].startswith(scheme)
    assert place(pod.outputs["LRFinderTrainer"]["model"]["uri"]).is_dir()
    texts = json.dumps(pod.outputs)
    assert str(folder / "root" / "pods") not in texts
