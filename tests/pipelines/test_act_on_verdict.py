"""The example that acts on the verdict, with LocalDagRunner."""

import http.server
import json
import threading

import pytest
from ml_metadata import metadata_store
from penguin.act_on_verdict import act_on_verdict
from tfx import v1 as tfx
from tfx.types import standard_artifacts

from tests.executor.user_modules import FLAT, write_module
from tfx_lr_finder import LRFinder, LRFinderResult, artifact


@pytest.fixture
def chat():
    """A server that keeps what is posted to it: its address, and the list."""
    posted = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["Content-Length"])
            posted.append(json.loads(self.rfile.read(length)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            """Prints nothing."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", posted
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def run(penguin_examples, penguin_module, tmp_path, chat):
    """Runs both branches after a node that makes a result; returns what is posted."""

    def run(make_result_node, output):
        examples = tfx.dsl.Importer(
            source_uri=penguin_examples.uri,
            artifact_type=standard_artifacts.Examples,
            properties={"split_names": penguin_examples.split_names},
        ).with_id("Examples")
        channel = examples.outputs["result"]
        node = make_result_node(channel)
        training = {"module_file": penguin_module, "examples": channel}
        nodes = act_on_verdict(
            training,
            node.outputs[output],
            serving_dir=str(tmp_path / "serving"),
            webhook=chat[0],
        )
        pipeline = tfx.dsl.Pipeline(
            pipeline_name="penguin",
            pipeline_root=str(tmp_path / "root"),
            components=[examples, node, *nodes],
            metadata_connection_config=_store(tmp_path),
        )
        tfx.orchestration.LocalDagRunner().run(pipeline)
        return chat[1]

    return run


def _store(folder):
    path = str(folder / "metadata.sqlite")
    return tfx.orchestration.metadata.sqlite_metadata_connection_config(path)


def test_after_an_inconclusive_test_the_run_alerts_and_the_last_model_stays(
    run, tmp_path
):
    module = write_module(tmp_path, FLAT)
    (tmp_path / "serving" / "1").mkdir(parents=True)
    posted = run(
        lambda examples: LRFinder(
            examples=examples,
            module_file=module,
            num_rates=20,
            num_sweeps=1,
            confirm_steps=0,
            on_inconclusive="fallback",
            default_learning_rate=0.1,
        ),
        "lr_finder_result",
    )
    (alert,) = posted
    assert "learning-rate test is INCONCLUSIVE" in alert["text"]
    assert "does not fall" in alert["text"]
    assert [path.name for path in (tmp_path / "serving").iterdir()] == ["1"]
    assert not (tmp_path / "root" / "LRFinderTrainer").exists()
    # In a folder that the runner makes, the page is a file with a name.
    (page,) = (tmp_path / "root").glob("LRFinder/lr_finder_page/*/report.html")
    assert page.read_text().rstrip().endswith("</html>")
    store = metadata_store.MetadataStore(_store(tmp_path))
    (scalars,) = store.get_artifacts_by_type("tfx_lr_finder.LRFinderScalars")
    assert scalars.custom_properties["verdict"].string_value == "INCONCLUSIVE"


def test_after_an_ok_the_run_trains_and_pushes_without_an_alert(
    run, tmp_path, make_report, make_result
):
    good = make_result("good")
    artifact.write_result(good, make_report())
    posted = run(
        lambda _: tfx.dsl.Importer(
            source_uri=good.uri,
            artifact_type=LRFinderResult,
            custom_properties={"verdict": "OK"},
        ).with_id("Result"),
        "result",
    )
    assert posted == []
    (version,) = (tmp_path / "serving").iterdir()
    assert (version / "model.keras").exists()
