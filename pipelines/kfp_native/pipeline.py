"""Penguins with the KFP SDK: prepare, find the rate, train with it, evaluate.

One file runs on Kubeflow Pipelines 2 and on Vertex AI Pipelines::

    python pipelines/kfp_native/pipeline.py --image IMAGE --output penguin.yaml
"""

import argparse
import sys
import types
from collections.abc import Sequence
from typing import Any

from kfp import compiler, dsl

from tfx_lr_finder.kfp import lr_finder

STEPS = ("python", "-m", "penguin_steps")
DEFAULT_LEARNING_RATE = 1e-2  # written by hand, for an inconclusive test


def _steps(image: str) -> types.SimpleNamespace:
    """Returns the components that run the module's commands in an image."""

    def step(name: str, **options: Any) -> dsl.ContainerSpec:
        args = [name]
        for option, value in options.items():
            args += [f"--{option.replace('_', '-')}", value]
        return dsl.ContainerSpec(image=image, command=list(STEPS), args=args)

    @dsl.container_component
    def prepare(
        source: str,
        train_data: dsl.Output[dsl.Dataset],
        eval_data: dsl.Output[dsl.Dataset],
    ) -> dsl.ContainerSpec:
        return step(
            "prepare",
            source=source,
            train_data=train_data.path,
            eval_data=eval_data.path,
        )

    @dsl.container_component
    def train(
        train_data: dsl.Input[dsl.Dataset],
        learning_rate: float,
        steps: int,
        model: dsl.Output[dsl.Model],
        rate_used: dsl.OutputPath(float),  # type: ignore[valid-type]
    ) -> dsl.ContainerSpec:
        return step(
            "train",
            train_data=train_data.path,
            learning_rate=learning_rate,
            steps=steps,
            model=model.path,
            rate_used=rate_used,
        )

    @dsl.container_component
    def evaluate(
        eval_data: dsl.Input[dsl.Dataset],
        model: dsl.Input[dsl.Model],
        accuracy: dsl.OutputPath(float),  # type: ignore[valid-type]
    ) -> dsl.ContainerSpec:
        return step(
            "evaluate", eval_data=eval_data.path, model=model.path, accuracy=accuracy
        )

    @dsl.container_component
    def review(result: dsl.Input[dsl.Artifact]) -> dsl.ContainerSpec:
        return step("review", result=result.path)

    return types.SimpleNamespace(
        prepare=prepare, train=train, evaluate=evaluate, review=review
    )


def build(image: str, accelerator: str | None = None) -> Any:
    """Returns the pipeline.

    Args:
      image: The image with this package and the module `penguin_steps`.
      accelerator: The GPU of the node that runs LRFinder: a type of Vertex
        (`NVIDIA_TESLA_T4`) or the resource of Kubernetes (`nvidia.com/gpu`). None for
        the CPU.
    """
    steps, find_rate = _steps(image), lr_finder(image=image)

    @dsl.pipeline(name="penguin-lr-finder")
    def penguin(
        source: str = "",
        train_steps: int = 500,
        seed: int = 0,
        min_lr: float = 1e-7,
        max_lr: float = 10.0,
        checkpoint_dir: str = "",
    ) -> None:
        data = steps.prepare(source=source)
        found = find_rate(
            lr_finder_fn="penguin_steps.lr_finder_fn",
            train_data=data.outputs["train_data"],
            eval_data=data.outputs["eval_data"],
            train_steps=train_steps,
            seed=seed,
            min_lr=min_lr,
            max_lr=max_lr,
            checkpoint_dir=checkpoint_dir,
            on_inconclusive="fallback",
            default_learning_rate=DEFAULT_LEARNING_RATE,
            requested_gpus=1 if accelerator else 0,
        )
        found.set_memory_limit("4G").set_cpu_limit("2")
        # A preempted pod runs again, and resumes if there is a checkpoint_dir.
        found.set_retry(num_retries=3, backoff_duration="60s", backoff_factor=2.0)
        if accelerator:
            found.set_accelerator_type(accelerator).set_accelerator_limit(1)
        with dsl.If(found.outputs["verdict"] == "INCONCLUSIVE", name="no-rate"):
            steps.review(result=found.outputs["result"])
        with dsl.Else(name="rate-found"):
            trained = steps.train(
                train_data=data.outputs["train_data"],
                learning_rate=found.outputs["learning_rate"],
                steps=train_steps,
            )
            steps.evaluate(
                eval_data=data.outputs["eval_data"], model=trained.outputs["model"]
            )

    return penguin


def main(arguments: Sequence[str]) -> None:
    """Compiles the pipeline into a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", required=True, help="The image of every step.")
    parser.add_argument("--accelerator", help="The GPU of the node with LRFinder.")
    parser.add_argument("--output", required=True, help="The .yaml file to write.")
    options = parser.parse_args(arguments)
    pipeline = build(options.image, options.accelerator)
    compiler.Compiler().compile(pipeline, options.output)
    print(f"Written to {options.output}")


if __name__ == "__main__":
    main(sys.argv[1:])
