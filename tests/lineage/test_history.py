import concurrent.futures
import json
import pathlib
import subprocess
import sys

import grpc
import pytest
from click.testing import CliRunner
from ml_metadata import metadata_store
from ml_metadata.proto import (
    metadata_store_pb2,
    metadata_store_service_pb2,
    metadata_store_service_pb2_grpc,
)

from tfx_lr_finder import LRFinderResult, artifact
from tfx_lr_finder.cli.main import main
from tfx_lr_finder.lineage import history, metadata
from tfx_lr_finder.range_test.verdict import Verdict

OUTPUT, INPUT = metadata_store_pb2.Event.OUTPUT, metadata_store_pb2.Event.INPUT
DAY = 86_400_000


class Recorder:
    """Writes runs of ExampleGen -> Transform -> LRFinder as TFX records them."""

    def __init__(self, path):
        config = metadata_store_pb2.ConnectionConfig()
        config.sqlite.filename_uri = str(path)
        self.store = metadata_store.MetadataStore(config)
        pb = metadata_store_pb2
        put = self.store.put_artifact_type
        self._examples = put(pb.ArtifactType(name="Examples"))
        self._result = self.store.put_artifact_type(LRFinderResult()._artifact_type)
        self._execution = self.store.put_execution_type(pb.ExecutionType(name="Node"))
        kinds = ("pipeline", "pipeline_run", "node")
        self._contexts = {
            name: self.store.put_context_type(pb.ContextType(name=name))
            for name in kinds
        }
        self._made = {}

    def _context(self, kind, name):
        if (kind, name) not in self._made:
            context = metadata_store_pb2.Context(
                type_id=self._contexts[kind], name=name
            )
            (self._made[kind, name],) = self.store.put_contexts([context])
        return metadata_store_pb2.Context(
            id=self._made[kind, name], type_id=self._contexts[kind], name=name
        )

    def _execute(self, pipeline, run, inputs, output):
        event = metadata_store_pb2.Event
        pairs = [(i, event(type=INPUT)) for i in inputs]
        pairs.append((output, event(type=OUTPUT)))
        contexts = [
            self._context("pipeline", pipeline),
            self._context("pipeline_run", run),
        ]
        execution = metadata_store_pb2.Execution(type_id=self._execution)
        _, ids, _ = self.store.put_execution(execution, pairs, contexts)
        (stored,) = self.store.get_artifacts_by_id([ids[-1]])
        return stored

    def run(self, result, *, span, fingerprint, pipeline="taxi", name="run"):
        state = metadata_store_pb2.Artifact.LIVE
        kind = {"type_id": self._examples, "state": state}
        source = metadata_store_pb2.Artifact(**kind, uri="examples")
        source.custom_properties["span"].string_value = span
        source.custom_properties["input_fingerprint"].string_value = fingerprint
        source = self._execute(pipeline, name, [], source)
        transformed = metadata_store_pb2.Artifact(**kind, uri="transformed")
        transformed = self._execute(pipeline, name, [source], transformed)
        found = result.mlmd_artifact
        found.type_id, found.state = self._result, state
        return self._execute(pipeline, name, [transformed], found)


@pytest.fixture
def database(tmp_path):
    return tmp_path / "metadata.sqlite"


@pytest.fixture
def recorder(database):
    return Recorder(database)


@pytest.fixture
def record(recorder, make_report, make_result):
    """Records runs that found these rates, in this order."""

    def make(*rates, verdicts=(), fingerprints=(), spans=(), pipeline="taxi"):
        for day, rate in enumerate(rates, start=1):
            verdict = dict(verdicts).get(day, Verdict.OK)
            result = make_result(f"{pipeline}_{day}")
            report = make_report(learning_rate=rate, verdict=verdict)
            artifact.write_result(result, report)
            recorder.run(
                result,
                span=dict(spans).get(day, str(day)),
                fingerprint=dict(fingerprints).get(day, "same"),
                pipeline=pipeline,
                name=f"{pipeline}-{day}",
            )

    return make


def _read(database, pipeline=None):
    return history.read_history(metadata.connect(str(database)), pipeline)


def test_history_has_every_result_in_full_precision_with_span_and_run(record, database):
    record(0.03, 3.2e-7, 1 / 3)
    entries = _read(database)
    assert [entry.learning_rate for entry in entries] == [0.03, 3.2e-7, 1 / 3]
    assert [entry.span for entry in entries] == ["1", "2", "3"]
    assert [entry.run for entry in entries] == ["taxi-1", "taxi-2", "taxi-3"]
    assert {entry.pipeline for entry in entries} == {"taxi"}
    assert all(entry.when.startswith("20") for entry in entries)


def test_changed_data_have_another_fingerprint(record, database):
    record(0.03, 0.03, 0.03, fingerprints={3: "other"})
    data = [entry.data for entry in _read(database)]
    assert data[0] == data[1] != data[2]
    assert all(len(digest) == 8 for digest in data)


def test_the_change_is_measured_from_the_newest_ok_result_before(record, database):
    record(0.01, 1.0, 0.1, verdicts={2: Verdict.LOW_CONFIDENCE})
    assert [entry.change for entry in _read(database)] == pytest.approx(
        [None, 2.0, 1.0]
    )


def test_history_can_be_limited_to_one_pipeline(record, database):
    record(0.01)
    record(0.5, pipeline="penguin")
    (entry,) = _read(database, "penguin")
    assert (entry.pipeline, entry.learning_rate) == ("penguin", 0.5)
    assert len(_read(database)) == 2


def test_an_unknown_pipeline_is_an_error_that_names_the_known_ones(record, database):
    record(0.01)
    with pytest.raises(ValueError, match=r"no pipeline 'txai'\. It has \['taxi'\]"):
        _read(database, "txai")


def test_a_store_without_results_is_an_error(recorder, database):
    with pytest.raises(ValueError, match="has no LRFinderResult"):
        _read(database)


def test_an_invalid_rate_in_the_store_is_read_as_no_rate(
    recorder, database, make_result
):
    result = make_result()
    result.set_string_custom_property("learning_rate", "<script>")
    recorder.run(result, span="1", fingerprint="x")
    (entry,) = _read(database)
    assert (entry.learning_rate, entry.verdict) == (None, "")


def test_reading_does_not_change_the_store(record, database):
    record(0.01)
    before = database.read_bytes()
    _read(database)
    assert database.read_bytes() == before


def test_a_missing_store_is_an_error_and_is_not_created(tmp_path):
    with pytest.raises(
        ValueError, match="no readable metadata store at .*No such file"
    ):
        metadata.connect(str(tmp_path / "absent.sqlite"))
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_not_a_database_is_an_error(tmp_path):
    (tmp_path / "file").write_text("this is no database")
    with pytest.raises(ValueError, match="file is not a database"):
        metadata.connect(str(tmp_path / "file"))


def test_a_database_without_ml_metadata_is_an_error_and_is_not_changed(tmp_path):
    import sqlite3

    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE mine (x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(ValueError, match="no such table: MLMDEnv"):
        metadata.connect(str(path))
    assert path.read_bytes() == before


def test_a_locked_store_is_an_error_that_says_so(record, database):
    record(0.01)
    hold = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('BEGIN EXCLUSIVE'); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(ValueError, match="another process holds a lock"):
            metadata.connect(str(database))
        holder.stdin.close()


@pytest.mark.parametrize(
    "location",
    [
        "http://host",
        "mysql://",
        "mysql://host",
        "grpc://",
        "grpc://host:door",
        "gs://bucket/metadata",
    ],
)
def test_an_unsupported_location_is_an_error_that_names_the_supported_ones(location):
    with pytest.raises(ValueError, match="grpc://host:port"):
        metadata.connect(location)


def test_a_mysql_location_becomes_ml_metadatas_configuration(monkeypatch):
    monkeypatch.setenv(metadata.MYSQL_PASSWORD, "secret")
    config = metadata.connection_config("mysql://me@db.test:3307/metadb").mysql
    assert (config.host, config.port, config.database) == ("db.test", 3307, "metadb")
    assert (config.user, config.password) == ("me", "secret")
    assert config.skip_db_creation


def test_the_error_of_an_unreachable_mysql_server_hides_the_password():
    with pytest.raises(ValueError, match="does not answer") as raised:
        metadata.connect("mysql://me:secret@127.0.0.1:1/metadb")
    assert "secret" not in str(raised.value)
    assert "me:***@127.0.0.1" in str(raised.value)


def test_an_unreachable_grpc_endpoint_is_an_error():
    with pytest.raises(ValueError, match="'grpc://localhost:1' does not answer"):
        metadata.connect("grpc://localhost:1")


@pytest.fixture
def endpoint(recorder):
    """A gRPC server with ML Metadata's own service, as Kubeflow runs one."""
    service = metadata_store_service_pb2.DESCRIPTOR.services_by_name[
        "MetadataStoreService"
    ]

    def answer(method):
        def handle(self, request, context):
            response = method.output_type._concrete_class()
            recorder.store._call(method.name, request, response)
            return response

        return handle

    base = metadata_store_service_pb2_grpc.MetadataStoreServiceServicer
    handlers = {method.name: answer(method) for method in service.methods}
    servicer = type("Servicer", (base,), handlers)()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=1))
    metadata_store_service_pb2_grpc.add_MetadataStoreServiceServicer_to_server(
        servicer, server
    )
    port = server.add_insecure_port("localhost:0")
    server.start()
    yield f"grpc://localhost:{port}"
    server.stop(None).wait()


def test_a_grpc_endpoint_returns_the_same_history_as_the_file(
    record, database, endpoint
):
    record(0.03, 3.2e-7)
    assert _read(endpoint) == _read(database)


def _command(*arguments):
    runner = CliRunner(env={"COLUMNS": "160"})
    return runner.invoke(main, ["history", *map(str, arguments)])


def test_lr_finder_history_lists_date_span_rate_verdict_and_change(record, database):
    doubt, other = {2: Verdict.LOW_CONFIDENCE}, {2: "other"}
    record(0.01, 0.5, verdicts=doubt, fingerprints=other, spans={1: "2"})
    done = _command("--metadata", database, "--pipeline", "taxi", "--plot")
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].strip() == "2 results of taxi"
    (row,) = [line for line in lines if "LOW_CONFIDENCE" in line]
    for said in (" 2 ", "changed", "0.5", "+1.70", "confirmed"):
        assert said in row
    assert "1e-1" in done.stdout


def test_lr_finder_history_prints_the_newest_results_as_json(record, database):
    record(0.01, 3.2e-7)
    done = _command("--metadata", database, "--json", "--last", 1)
    (entry,) = json.loads(done.stdout)
    assert entry["learning_rate"] == 3.2e-7
    assert entry["uri"].endswith("taxi_2")


def test_lr_finder_history_explains_an_error_in_one_sentence(tmp_path):
    done = _command("--metadata", tmp_path / "absent")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("lr-finder: There is no readable metadata store")
    assert done.stderr.count("\n") == 1


def test_an_sqlite_path_may_be_written_as_a_uri(record, database):
    record(0.03)
    assert pathlib.Path(database).is_absolute()
    assert len(_read(f"sqlite://{database}")) == 1
