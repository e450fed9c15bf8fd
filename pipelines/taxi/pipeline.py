"""The taxi pipeline: find a learning rate, train with it, evaluate, push.

`create_components` depends on no orchestrator. A runner makes a `tfx.dsl.Pipeline` of
its nodes, and may add its own: `run_local.py` runs them with LocalDagRunner, and
`remote/` compiles them for Kubeflow Pipelines and Vertex AI.
"""

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow_model_analysis as tfma
from tfx import v1 as tfx

from tfx_lr_finder import LRFinder, LRFinderTrainer

TRAIN_STEPS = 600
EVAL_STEPS = 75


def create_components(
    *,
    data_root: str,
    module: str,
    serving_dir: str,
    span_pattern: str | None = None,
    seed: int = 0,
    custom_config: Mapping[str, Any] | None = None,
    lr_finder_options: Mapping[str, Any] | None = None,
    make_lr_finder: Callable[..., LRFinder] = LRFinder,
) -> list[Any]:
    """All nodes, from a folder with CSV files to a pushed model.

    Args:
      data_root: Folder with the CSV files.
      module: Path of `taxi_module.py`, or its dotted name if it is in the image.
      serving_dir: Folder to which Pusher copies a blessed model.
      span_pattern: Location of the CSV files of a span below `data_root`, such as
        "span-{SPAN}/*" or "{YYYY}-{MM}-{DD}/v{VERSION}/*". A run reads the newest span.
        With None, it reads all files.
      seed: Seed of the initial weights and of the order of the batches.
      custom_config: What the module reads besides the seed, such as the optimizer.
      lr_finder_options: More arguments of `LRFinder`, such as `sample_size`.
      make_lr_finder: `LRFinder`, or what takes its arguments and makes one.
    """
    example_gen = tfx.components.CsvExampleGen(
        input_base=data_root, input_config=_input_config(span_pattern)
    )
    examples = example_gen.outputs["examples"]
    statistics_gen = tfx.components.StatisticsGen(examples=examples)
    statistics = statistics_gen.outputs["statistics"]
    schema_gen = tfx.components.SchemaGen(statistics=statistics)
    schema = schema_gen.outputs["schema"]
    example_validator = tfx.components.ExampleValidator(
        statistics=statistics, schema=schema
    )
    transform = tfx.components.Transform(
        examples=examples, schema=schema, **user_code(module, "preprocessing_fn")
    )
    training = {
        "examples": transform.outputs["transformed_examples"],
        "transform_graph": transform.outputs["transform_graph"],
        "schema": schema,
        "train_args": tfx.proto.TrainArgs(num_steps=TRAIN_STEPS),
        "eval_args": tfx.proto.EvalArgs(num_steps=EVAL_STEPS),
        "custom_config": {"seed": seed, **(custom_config or {})},
    }
    lr_finder = make_lr_finder(
        **training,
        **user_code(module, "lr_finder_fn"),
        train_steps=TRAIN_STEPS,
        seed=seed,
        **(lr_finder_options or {}),
    )
    trainer = LRFinderTrainer(
        **training,
        **user_code(module, "run_fn"),
        lr_finder_result=lr_finder.outputs["lr_finder_result"],
    )
    evaluator = tfx.components.Evaluator(
        examples=examples,
        model=trainer.outputs["model"],
        schema=schema,
        eval_config=_eval_config(),
    )
    pusher = tfx.components.Pusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        push_destination=tfx.proto.PushDestination(
            filesystem=tfx.proto.PushDestination.Filesystem(base_directory=serving_dir)
        ),
    )
    return [
        example_gen,
        statistics_gen,
        schema_gen,
        example_validator,
        transform,
        lr_finder,
        trainer,
        evaluator,
        pusher,
    ]


def user_code(module: str, function: str) -> dict[str, str]:
    """The argument with which a component finds its function in the module."""
    if module.endswith(".py"):
        return {"module_file": module}
    return {function: f"{module}.{function}"}


def _input_config(span_pattern: str | None) -> tfx.proto.Input | None:
    """The files that CsvExampleGen reads; None reads all."""
    if span_pattern is None:
        return None
    split = tfx.proto.Input.Split(name="single_split", pattern=span_pattern)
    return tfx.proto.Input(splits=[split])


def _eval_config() -> tfma.EvalConfig:
    """The metrics of the held-out trips, and the AUC that a pushed model needs."""
    auc_at_least = tfma.MetricThreshold(
        value_threshold=tfma.GenericValueThreshold(lower_bound={"value": 0.85})
    )
    return tfma.EvalConfig(
        model_specs=[
            tfma.ModelSpec(
                signature_name="serving_default",
                preprocessing_function_names=["transform_features"],
                label_key="big_tipper",
            )
        ],
        metrics_specs=[
            tfma.MetricsSpec(
                metrics=[
                    tfma.MetricConfig(class_name="ExampleCount"),
                    tfma.MetricConfig(class_name="BinaryAccuracy"),
                    tfma.MetricConfig(class_name="AUC", threshold=auc_at_least),
                ]
            )
        ],
        slicing_specs=[tfma.SlicingSpec()],
    )
