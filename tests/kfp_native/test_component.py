"""The component that a pipeline file builds, and the file of it."""

import dataclasses
import json
import pathlib
import runpy

import pytest
import yaml
from kfp import compiler, components, dsl

from tests.test_imports import HEAVY, _run
from tfx_lr_finder import RangeTestConfig
from tfx_lr_finder.kfp import inputs, lr_finder
from tfx_lr_finder.range_test.config import help_texts
from tfx_lr_finder.settings.request import EXECUTION_TYPES, FinderRequest
from tfx_lr_finder.settings.sample import SAMPLE_TYPES

ROOT = pathlib.Path(__file__).parents[2]
FILE = ROOT / "kubeflow" / "component" / "lr_finder.yaml"


def _compiled(component, folder, name="component.yaml"):
    path = folder / name
    compiler.Compiler().compile(component, str(path))
    return yaml.safe_load(path.read_text())


def test_the_file_is_what_the_factory_compiles(tmp_path):
    golden, now = yaml.safe_load(FILE.read_text()), _compiled(lr_finder(), tmp_path)
    regenerate = "run: python docs/generate_kubeflow.py"
    for part in ("components", "deploymentSpec"):
        assert golden[part] == now[part], regenerate
    definitions = "inputDefinitions"
    assert golden["root"][definitions] == now["root"][definitions], regenerate


def test_the_tables_of_the_page_are_what_the_component_has():
    generator = runpy.run_path(str(ROOT / "docs" / "generate_kubeflow.py"))
    page = (ROOT / "docs" / "kubeflow.md").read_text()
    assert page == generator["with_tables"](page), "run: docs/generate_kubeflow.py"
    assert "| `min_lr` | float | `1e-07` |" in page


def test_each_range_test_parameter_is_an_input_with_its_default_and_help(component):
    given = component["inputDefinitions"]["parameters"]
    texts = help_texts(RangeTestConfig)
    for field in dataclasses.fields(RangeTestConfig):
        assert given[field.name].get("defaultValue") == field.default
        assert given[field.name]["description"] == texts[field.name]
        assert given[field.name]["isOptional"]


def test_each_execution_parameter_without_examples_and_run_fn_is_an_input():
    missing = set(EXECUTION_TYPES) - set(inputs())
    assert missing == {*SAMPLE_TYPES, "which_fit"}


def test_the_defaults_of_the_component_are_those_of_a_request(component):
    given = component["inputDefinitions"]["parameters"]
    defaults = {
        name: definition["defaultValue"]
        for name, definition in given.items()
        if "defaultValue" in definition
    }
    named = {"lr_finder_fn": "module.lr_finder_fn"}
    plain = FinderRequest.from_properties(named)
    request = FinderRequest.from_properties({**named, **defaults})
    for name in ("config", "policy", "gpus", "max_drift_decades"):
        assert getattr(request, name) == getattr(plain, name)
    assert request.hyperparameter_name == plain.hyperparameter_name


def test_the_outputs_are_a_float_a_verdict_and_four_artifacts(component):
    outputs = component["outputDefinitions"]
    kinds = {n: d["parameterType"] for n, d in outputs["parameters"].items()}
    assert kinds == {"learning_rate": "NUMBER_DOUBLE", "verdict": "STRING"}
    titles = {
        n: d["artifactType"]["schemaTitle"] for n, d in outputs["artifacts"].items()
    }
    assert titles == {
        "result": "system.Artifact",
        "report": "system.HTML",
        "metrics": "system.Metrics",
        "hyperparameters": "system.Artifact",
    }


def test_the_image_is_a_parameter_of_the_factory(tmp_path):
    compiled = _compiled(lr_finder(image="registry/my-image:7"), tmp_path)
    (executor,) = compiled["deploymentSpec"]["executors"].values()
    assert executor["container"]["image"] == "registry/my-image:7"


@pytest.mark.parametrize("image", ["", "  ", None])
def test_an_image_without_a_name_is_refused(image):
    with pytest.raises(ValueError, match="must be the name of a container image"):
        lr_finder(image=image)


@pytest.mark.parametrize("source", ["file", "factory"])
def test_a_pipeline_passes_the_float_to_any_step(source, tmp_path):
    find_rate = lr_finder()
    if source == "file":
        find_rate = components.load_component_from_file(str(FILE))

    @dsl.container_component
    def train(learning_rate: float):
        return dsl.ContainerSpec(image="i", command=["train"], args=[learning_rate])

    @dsl.pipeline(name="p")
    def pipeline():
        found = find_rate(lr_finder_fn="m.lr_finder_fn", max_lr=1.0)
        train(learning_rate=found.outputs["learning_rate"])

    tasks = _compiled(pipeline, tmp_path)["root"]["dag"]["tasks"]
    source = tasks["train"]["inputs"]["parameters"]["learning_rate"]
    assert source["taskOutputParameter"]["outputParameterKey"] == "learning_rate"


def test_an_unknown_input_is_an_error_in_the_pipeline_file():
    with pytest.raises(TypeError, match="min_rate"):
        lr_finder()(lr_finder_fn="m.f", min_rate=1.0)


def test_the_pipeline_file_needs_neither_tfx_nor_numpy():
    code = """
from tfx_lr_finder.kfp import lr_finder
print(type(lr_finder()).__name__)
"""
    blocked = (*HEAVY, "tfx", "ml_metadata", "numpy", "absl")
    assert _run(code, blocked) == "ContainerComponent\n"


def test_the_pod_checks_its_inputs_without_tensorflow_and_tfx():
    given = {
        "inputs": {"parameterValues": {"lr_finder_fn": "m.f", "min_lr": -1.0}},
        "outputs": {"parameters": {}, "artifacts": {}, "outputFile": "/tmp/none"},
    }
    code = f"""
from tfx_lr_finder import kfp_main
try:
    kfp_main.main(["--executor_input", {json.dumps(json.dumps(given))}])
except SystemExit as end:
    print("code", end.code)
"""
    assert _run(code, (*HEAVY, "tfx", "ml_metadata")) == "code 2\n"
