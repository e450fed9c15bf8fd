"""LRFinder as a component of Kubeflow Pipelines, for pipelines without TFX.

The module needs only `kfp`::

    from kfp import dsl
    from tfx_lr_finder.kfp import lr_finder

    find_rate = lr_finder(image="registry.example.org/tfx-lr-finder:0.1.0")

    @dsl.pipeline
    def pipeline():
        found = find_rate(lr_finder_fn="my_module.lr_finder_fn", max_lr=1.0)
        train(learning_rate=found.outputs["learning_rate"])

`kubeflow/component/lr_finder.yaml` is the same component as a file.
"""

import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any, Optional

from kfp import dsl

from tfx_lr_finder.range_test.config import RangeTestConfig, help_texts
from tfx_lr_finder.settings import keys
from tfx_lr_finder.settings.gpu_request import GpuRequest
from tfx_lr_finder.settings.inconclusive import InconclusivePolicy
from tfx_lr_finder.settings.request import DEFAULT_MAX_DRIFT_DECADES, EXECUTION_TYPES

COMMAND = ("python", "-m", "tfx_lr_finder.kfp_main")
IMAGE = "tfx-lr-finder:0.1.0"
"""The image in `lr_finder.yaml`, as the Dockerfile's first lines build it."""

_CONFIGS = (RangeTestConfig, InconclusivePolicy, GpuRequest)
"""The configurations whose fields are inputs, with their defaults and texts."""

_INPUTS: Mapping[str, tuple[Any, Any, str]] = {
    keys.LR_FINDER_FN: (
        str,
        None,
        "Dotted path of a function in the image that takes fn_args and returns an "
        "LRFinderFnResult. Set either this or module_file.",
    ),
    keys.MODULE_FILE: (
        dsl.Input[dsl.Artifact],
        None,
        "Python file that defines lr_finder_fn. Set either this or lr_finder_fn.",
    ),
    keys.CUSTOM_CONFIG: (
        dict,
        None,
        "Dict that the function gets as fn_args.custom_config. Kubeflow Pipelines does "
        "not distinguish 1.0 from 1, so whole numbers arrive as int.",
    ),
    keys.TRAIN_DATA: (
        dsl.Input[dsl.Dataset],
        None,
        "Training data, a file or a folder. The function gets the path of each file in "
        "fn_args.train_files.",
    ),
    keys.EVAL_DATA: (
        dsl.Input[dsl.Dataset],
        None,
        "Held-out data, a file or a folder. The function gets the path of each file in "
        "fn_args.eval_files.",
    ),
    keys.PREVIOUS: (
        dsl.Input[dsl.Artifact],
        None,
        "Output `result` of an earlier run. The test also tries its rate, reports a "
        "jump, and falls back to it if on_inconclusive is 'last_good'.",
    ),
}

_OTHERS: Mapping[str, tuple[Any, str]] = {
    keys.MAX_DRIFT_DECADES: (
        DEFAULT_MAX_DRIFT_DECADES,
        "Decades that the rate may differ from the previous one, positive. A larger "
        "jump makes the verdict LOW_CONFIDENCE.",
    ),
    keys.CHECKPOINT_DIR: (
        None,
        "Folder for checkpoints: a gs:// uri, or the path of a mounted volume. Without "
        "it a killed pod starts over.",
    ),
    keys.EVIDENCE_DIR: (
        None,
        "Folder for the reports of inconclusive tests that fail the node: a gs:// uri, "
        "or the path of a mounted volume. By default a folder in checkpoint_dir.",
    ),
    keys.HYPERPARAMETER_NAME: (
        keys.LEARNING_RATE,
        "Name of the rate in the output hyperparameters.",
    ),
}

_OUTPUTS: Mapping[str, tuple[Any, str]] = {
    keys.LEARNING_RATE: (dsl.OutputPath(float), "The learning rate, exact."),
    "verdict": (dsl.OutputPath(str), "OK, LOW_CONFIDENCE or INCONCLUSIVE."),
    "result": (dsl.Output[dsl.Artifact], "The result with all evidence: result.json."),
    "report": (dsl.Output[dsl.HTML], "The report page."),
    "metrics": (dsl.Output[dsl.Metrics], "The rate, its range and the cost."),
    "hyperparameters": (
        dsl.Output[dsl.Artifact],
        "The rate as a KerasTuner configuration.",
    ),
}


def lr_finder(*, image: str = IMAGE) -> Any:
    """Returns the component, to be called in a `@dsl.pipeline`.

    Its inputs and outputs are listed in docs/kubeflow.md, and by
    `help(lr_finder().pipeline_func)`. All checks run in the pod before TensorFlow is
    loaded.

    Args:
      image: The image of the pod. It has this package, and the module that
        `lr_finder_fn` names.

    Returns:
      A container component of kfp.

    Raises:
      ValueError: The image has no name.
    """
    if not isinstance(image, str) or not image.strip():
        raise ValueError(
            f"image must be the name of a container image, got {image!r}. Pass the "
            "image that has tfx-lr-finder and your module."
        )

    def component(*_: Any) -> dsl.ContainerSpec:
        return dsl.ContainerSpec(
            image=image,
            command=list(COMMAND),
            args=["--executor_input", dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER],
        )

    component.__name__ = "lr_finder"
    component.__doc__ = _docstring()
    component.__signature__ = inspect.Signature(_parameters())  # type: ignore[attr-defined]
    return dsl.container_component(component)


def inputs() -> dict[str, tuple[Any, Any, str]]:
    """Returns the type, the default and the help text of each input by name."""
    found = dict(_INPUTS)
    for config in _CONFIGS:
        texts = help_texts(config)
        for field in dataclasses.fields(config):
            kind = EXECUTION_TYPES[field.name]
            found[field.name] = (kind, field.default, texts[field.name])
    for name, (default, text) in _OTHERS.items():
        found[name] = (EXECUTION_TYPES[name], default, text)
    return found


def outputs() -> dict[str, tuple[Any, str]]:
    """Returns the type and the help text of each output by name."""
    return dict(_OUTPUTS)


def _parameters() -> list[inspect.Parameter]:
    """Returns what kfp reads from the signature of a component's function."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    found = [
        inspect.Parameter(name, kind, annotation=annotation)
        for name, (annotation, _) in outputs().items()
    ]
    for name, (annotation, default, _) in inputs().items():
        # kfp does not read `annotation | None`.
        annotation = Optional[annotation] if default is None else annotation  # noqa: UP045
        found.append(
            inspect.Parameter(name, kind, annotation=annotation, default=default)
        )
    return found


def _docstring() -> str:
    """Returns the docstring that kfp takes the descriptions from."""
    lines = ["Finds a learning rate by a range test, and checks it.", "", "Args:"]
    lines += [f"    {name}: {text}" for name, (*_, text) in inputs().items()]
    lines += ["", "Returns:"]
    lines += [f"    {name}: {text}" for name, (_, text) in outputs().items()]
    return "\n".join(lines)
