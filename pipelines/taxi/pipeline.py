"""The taxi pipeline: find a learning rate, train with it, evaluate, push.

`create_pipeline` knows no runner: LocalDagRunner, Kubeflow and Vertex take what it
returns.
"""

import tensorflow_model_analysis as tfma
from tfx import v1 as tfx

from tfx_lr_finder import (
    LastGoodKeeper,
    LRFinder,
    LRFinderTrainer,
    last_good_importer,
    last_good_resolver,
)

TRAIN_STEPS = 600
EVAL_STEPS = 75


def create_pipeline(
    *,
    pipeline_name,
    pipeline_root,
    data_root,
    module,
    serving_dir,
    seed=0,
    train_by_hand_too=False,
    span_pattern=None,
    last_good=None,
    default_learning_rate=None,
    requested_gpus=None,
    on_no_gpu="warn",
    enable_cache=True,
    metadata_connection_config=None,
    beam_pipeline_args=None,
):
    """The whole chain, from a folder with a CSV file to a pushed model.

    Args:
      pipeline_name: name in ML Metadata.
      pipeline_root: folder or bucket for the artifacts.
      data_root: folder that holds the CSV file.
      module: path of `taxi_module.py`; or, for code that is part of the image, its
        dotted name.
      serving_dir: folder that Pusher copies a blessed model to.
      seed: integer; the same seed gives the same initial weights and order of batches.
      train_by_hand_too: whether to train once more with the rate that the module had
        before, for comparison.
      span_pattern: for data that come span by span: where under `data_root` a span's
        CSV files are, such as "span-{SPAN}/*" or "{YYYY}-{MM}-{DD}/v{VERSION}/*". A
        run takes the newest.
      last_good: where the rate comes from when a range test finds none. "resolver": the
        newest good result in ML Metadata, for LocalDagRunner. A folder or a bucket: the
        result of the last blessed model, which is then kept there; for Kubeflow and
        Vertex. None: such a run takes the default rate, or fails.
      default_learning_rate: the rate where there is no good result yet.
      requested_gpus: GPUs that the runner asks for LRFinder's pod.
      on_no_gpu: `warn` or `fail`, when the pod has fewer.
      enable_cache: whether unchanged nodes are taken from an earlier run.
      metadata_connection_config: where ML Metadata is kept; local runs only.
      beam_pipeline_args: options for Beam.

    Returns:
      A `tfx.dsl.Pipeline`.
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
        examples=examples, schema=schema, **_code(module, "preprocessing_fn")
    )
    training = {
        "examples": transform.outputs["transformed_examples"],
        "transform_graph": transform.outputs["transform_graph"],
        "schema": schema,
        "train_args": tfx.proto.TrainArgs(num_steps=TRAIN_STEPS),
        "eval_args": tfx.proto.EvalArgs(num_steps=EVAL_STEPS),
        "custom_config": {"seed": seed},
    }
    earlier = _earlier_result(last_good)
    lr_finder = LRFinder(
        **training,
        **_code(module, "lr_finder_fn"),
        train_steps=TRAIN_STEPS,
        seed=seed,
        previous=earlier and earlier.outputs["previous"],
        on_inconclusive=_policy(earlier, default_learning_rate),
        default_learning_rate=default_learning_rate,
        requested_gpus=requested_gpus,
        on_no_gpu=on_no_gpu,
    )
    trainer = LRFinderTrainer(
        **training,
        **_code(module, "run_fn"),
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
    components = [
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
    if earlier:
        components.append(earlier)
    if last_good and last_good != "resolver":
        keeper = LastGoodKeeper(
            lr_finder_result=lr_finder.outputs["lr_finder_result"],
            model_blessing=evaluator.outputs["blessing"],
            destination=last_good,
        )
        components.append(keeper)
    if train_by_hand_too:
        by_hand = tfx.components.Trainer(**training, **_code(module, "run_fn")).with_id(
            "TrainerHandWritten"
        )
        components.append(by_hand)
    return tfx.dsl.Pipeline(
        pipeline_name=pipeline_name,
        pipeline_root=pipeline_root,
        components=components,
        enable_cache=enable_cache,
        metadata_connection_config=metadata_connection_config,
        beam_pipeline_args=beam_pipeline_args,
    )


def _code(module, function):
    """The argument that tells a component where its function is."""
    if module.endswith(".py"):
        return {"module_file": module}
    return {function: f"{module}.{function}"}


def _input_config(span_pattern):
    """What CsvExampleGen reads: all below its folder, or the newest span there."""
    if span_pattern is None:
        return None
    split = tfx.proto.Input.Split(name="single_split", pattern=span_pattern)
    return tfx.proto.Input(splits=[split])


def _earlier_result(last_good):
    """The node that finds the earlier results; None where a run may fail."""
    if last_good is None:
        return None
    if last_good == "resolver":
        return last_good_resolver()
    return last_good_importer(last_good)


def _policy(earlier, default_learning_rate):
    """What LRFinder does when it finds no rate."""
    if earlier:
        return "last_good"
    return "fail" if default_learning_rate is None else "fallback"


def _eval_config():
    """What a model must reach on the held-out trips to be pushed."""
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
