"""Shows the report and the scalars of an LRFinder in the consoles of the backends.

The consoles of Kubeflow Pipelines and Vertex AI render an artifact by the title of its
type: `system.HTML` as a page, `system.Metrics` as a table of values. TFX has no
artifact class with these titles and cannot import them. The two outputs of LRFinder
therefore have types of this package, which every entrypoint can import. After
compiling, `show_in_console` replaces them by the titles of the consoles, which only
`tfx_lr_finder.kfp_entrypoint` can import.
"""

import copy
from typing import Any

PAGE_TYPE = "tfx_lr_finder.LRFinderPage"
SCALARS_TYPE = "tfx_lr_finder.LRFinderScalars"
"""Types of the two outputs; also the import paths of their classes."""

TITLES = {PAGE_TYPE: "system.HTML", SCALARS_TYPE: "system.Metrics"}
"""Each type and the title by which a console renders it."""

ENTRYPOINT = "tfx_lr_finder.kfp_entrypoint"

_SCHEMA_VERSION = "0.0.1"

Json = dict[str, Any]


def show_in_console(job: Json) -> Json:
    """Returns a compiled pipeline whose LRFinder nodes are shown in the console.

    Call it on the output of TFX's runner before you submit the job::

        config = KubeflowV2DagRunnerConfig(
            default_commands=["python", "-m", "tfx_lr_finder.kfp_entrypoint"],
            use_pipeline_spec_2_1=True,
        )
        job = KubeflowV2DagRunner(config).run(pipeline, write_out=False)
        job = show_in_console(job)

    Args:
      job: What `KubeflowV2DagRunner` returned or wrote, or its `pipelineSpec`.

    Raises:
      ValueError: A node with these outputs does not start with the entrypoint of this
        package. Its pod could not import the new types.
    """
    job = copy.deepcopy(job)
    spec = job.get("pipelineSpec", job)
    for name, component in spec["components"].items():
        definitions = component.get("outputDefinitions", {}).get("artifacts", {})
        titles = {key: _title(value) for key, value in definitions.items()}
        titles = {key: title for key, title in titles.items() if title}
        if titles:
            _check_entrypoint(name, spec, component)
        for key, title in titles.items():
            definitions[key]["artifactType"] = {
                "schemaTitle": title,
                "schemaVersion": _SCHEMA_VERSION,
            }
    return job


def register_titles() -> None:
    """Lets TFX's entrypoint, in this process, import the titles of the consoles."""
    # Imported late: it loads TFX. The entrypoint has its folder from TFX anyway.
    from tfx.orchestration.kubeflow.v2 import compiler_utils

    for type_name, title in TITLES.items():
        compiler_utils.TITLE_TO_CLASS_PATH[title] = type_name


def _title(definition: Json) -> str | None:
    """Returns the console's title for an output; None if it is of another type."""
    schema = definition.get("artifactType", {}).get("instanceSchema", "")
    declared = schema.partition("\n")[0].removeprefix("title: ")
    return TITLES.get(declared)


def _check_entrypoint(name: str, spec: Json, component: Json) -> None:
    """Checks that a component's container starts with our entrypoint."""
    executor = spec["deploymentSpec"]["executors"][component["executorLabel"]]
    command = list(executor.get("container", {}).get("command", []))
    if ENTRYPOINT not in command:
        raise ValueError(
            f"The node {name!r} starts with {command}, which cannot import the types "
            "that the console shows. Compile with KubeflowV2DagRunnerConfig("
            f"default_commands=['python', '-m', '{ENTRYPOINT}'], ...), or leave out "
            "show_in_console."
        )
