"""The entrypoint's parts; tests/compiled runs it whole."""

import copy
import json
import re
import subprocess
import sys

import pytest

from tfx_lr_finder import kfp_entrypoint, kfp_folders
from tfx_lr_finder.kfp_folders import Folders
from tfx_lr_finder.version import describe

DECLARED = {
    "artifacts": {
        "examples": {
            "artifactType": {"instanceSchema": "title: tfx.Examples\ntype: object\n"}
        }
    },
    "parameters": {"seed": {"parameterType": "NUMBER_INTEGER"}},
}
EXECUTOR_INPUT = {
    "inputs": {
        "artifacts": {
            "examples": {
                "artifacts": [
                    {
                        "uri": "minio://mlpipeline/v2/examples",
                        "type": {"instanceSchema": ""},
                        "metadata": {"span": 3},
                    }
                ]
            }
        },
        "parameterValues": {"seed": 0},
    },
    "outputs": {
        "artifacts": {
            "model": {
                "artifacts": [
                    {
                        "name": "model",
                        "uri": "s3://bucket/model",
                        "type": {"instanceSchema": "title: tfx.Model\n"},
                    }
                ]
            },
            "executor-logs": {
                "artifacts": [
                    {"uri": "s3://bucket/l", "type": {"schemaTitle": "system.Artifact"}}
                ]
            },
        },
        "outputFile": "/tmp/kfp_outputs/output_metadata.json",
    },
}


@pytest.fixture(scope="module")
def repaired():
    return kfp_entrypoint.repaired(EXECUTOR_INPUT, DECLARED, Folders())


@pytest.mark.parametrize(
    "given",
    [{"instanceSchema": ""}, {}, {"schemaTitle": "system.Artifact"}],
    ids=["empty", "none", "the backend's own"],
)
def test_an_input_gets_its_compiled_type(given):
    executor_input = copy.deepcopy(EXECUTOR_INPUT)
    (examples,) = executor_input["inputs"]["artifacts"]["examples"]["artifacts"]
    examples["type"] = given
    result = kfp_entrypoint.repaired(executor_input, DECLARED, Folders())
    (examples,) = result["inputs"]["artifacts"]["examples"]["artifacts"]
    assert examples["type"] == DECLARED["artifacts"]["examples"]["artifactType"]
    assert examples["name"]
    assert examples["metadata"] == {"span": 3}


def test_the_output_of_logs_is_removed(repaired):
    assert list(repaired["outputs"]["artifacts"]) == ["model"]


def test_artifacts_point_to_the_folders_of_the_launcher(repaired):
    (examples,) = repaired["inputs"]["artifacts"]["examples"]["artifacts"]
    (model,) = repaired["outputs"]["artifacts"]["model"]["artifacts"]
    assert examples["uri"] == "/minio/mlpipeline/v2/examples"
    assert model["uri"] == "/s3/bucket/model"


def test_parameters_and_the_output_file_are_unchanged(repaired):
    assert repaired["inputs"]["parameterValues"] == {"seed": 0}
    assert repaired["outputs"]["outputFile"] == EXECUTOR_INPUT["outputs"]["outputFile"]


@pytest.mark.parametrize(
    "uri", ["gs://b/a/x", "s3://b/a", "minio://b/a", "/data/x", "relative", ""]
)
def test_a_folder_becomes_the_uri_it_came_from(uri):
    folders = Folders("/somewhere")
    written = {"artifacts": [{"uri": folders.to_local(uri), "metadata": {"n": 1.0}}]}
    expected = {"artifacts": [{"uri": uri, "metadata": {"n": 1.0}}]}
    assert folders.to_remote(written) == expected


def test_only_a_file_based_example_gen_gets_a_driver():
    assert not kfp_entrypoint.wants_driver(EXECUTOR_INPUT)
    reader = {
        "inputs": {"parameterValues": {"input_base": "/data", "input_config": "{}"}},
        "outputs": {"artifacts": {"examples": {}}},
    }
    assert kfp_entrypoint.wants_driver(reader)


def test_the_metadata_of_the_driver_is_set_on_the_output():
    outputs = {"artifacts": {"examples": {"artifacts": [{"uri": "x"}]}}}
    found = {"artifacts": {"examples": {"artifacts": [{"metadata": {"span": 7.0}}]}}}
    result = kfp_entrypoint.with_driver_output({"outputs": outputs}, found)
    (examples,) = result["outputs"]["artifacts"]["examples"]["artifacts"]
    assert examples == {"uri": "x", "metadata": {"span": 7.0}}
    assert "metadata" not in outputs["artifacts"]["examples"]["artifacts"][0]


def test_on_vertex_every_argument_reaches_tfx_unchanged(monkeypatch):
    monkeypatch.delenv(kfp_folders.POD_VARIABLE, raising=False)
    monkeypatch.setattr(sys, "argv", [])
    seen = {}
    monkeypatch.setattr(
        "runpy.run_module", lambda module, **_: seen.update({module: sys.argv[1:]})
    )
    arguments = ["--executor_class_path", "a.B", "--json_serialized_invocation_args"]
    arguments += [json.dumps(EXECUTOR_INPUT), "--direct_num_workers=1"]
    kfp_entrypoint.main(arguments)
    (given,) = seen.values()
    assert given == arguments


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ImportError("Could not import tfx_lr_finder.X"), "needs tfx-lr-finder"),
        (ModuleNotFoundError("No module named 'kfp'", name="kfp"), "Python 3.10 or"),
        (ModuleNotFoundError("No module named 'taxi_module'"), "the user module"),
        (PermissionError(13, "Permission denied"), "may not write"),
        (OSError(30, "Read-only file system"), "may not write"),
    ],
)
def test_an_error_of_the_pod_ends_with_advice(error, expected, monkeypatch, capfd):
    def fail(*_, **__):
        raise error

    monkeypatch.delenv(kfp_folders.POD_VARIABLE, raising=False)
    monkeypatch.setattr("runpy.run_module", fail)
    monkeypatch.setattr(sys, "argv", [])
    with pytest.raises(SystemExit, match=re.escape(expected)) as end:
        kfp_entrypoint.main([])
    assert str(error) in str(end.value)
    assert "Traceback" in capfd.readouterr().err


def test_any_other_error_is_raised_unchanged(monkeypatch):
    def fail(*_, **__):
        raise ValueError("min_lr must be positive")

    monkeypatch.delenv(kfp_folders.POD_VARIABLE, raising=False)
    monkeypatch.setattr("runpy.run_module", fail)
    monkeypatch.setattr(sys, "argv", [])
    with pytest.raises(ValueError, match="min_lr must be positive"):
        kfp_entrypoint.main([])


def test_version_prints_the_version_and_exits():
    command = [sys.executable, "-m", "tfx_lr_finder.kfp_entrypoint", "--version"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout == describe() + "\n"
    assert done.stdout.startswith("tfx-lr-finder 0.")
