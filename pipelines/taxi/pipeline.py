"""The taxi pipeline: find a learning rate, train with it, evaluate, push.

`create_pipeline` knows no runner: LocalDagRunner, Kubeflow and Vertex take what it
returns.
"""

import tensorflow_model_analysis as tfma
from tfx import v1 as tfx

from tfx_lr_finder import LRFinder, LRFinderTrainer

TRAIN_STEPS = 600
EVAL_STEPS = 75


def create_pipeline(
    *,
    pipeline_name,
    pipeline_root,
    data_root,
    module_file,
    serving_dir,
    seed=0,
    sample_size=None,
    train_by_hand_too=False,
    enable_cache=True,
    metadata_connection_config=None,
    beam_pipeline_args=None,
):
    """The whole chain, from a folder with a CSV file to a pushed model.

    Args:
      pipeline_name: name in ML Metadata.
      pipeline_root: folder or bucket for the artifacts.
      data_root: folder that holds the CSV file.
      module_file: path of `taxi_module.py`.
      serving_dir: folder that Pusher copies a blessed model to.
      seed: integer; the same seed gives the same initial weights and order of batches.
      sample_size: examples to find the rate on, or "auto"; None takes all.
      train_by_hand_too: whether to train once more with the rate that the module had
        before, for comparison.
      enable_cache: whether unchanged nodes are taken from an earlier run.
      metadata_connection_config: where ML Metadata is kept; local runs only.
      beam_pipeline_args: options for Beam.

    Returns:
      A `tfx.dsl.Pipeline`.
    """
    example_gen = tfx.components.CsvExampleGen(input_base=data_root)
    examples = example_gen.outputs["examples"]
    statistics_gen = tfx.components.StatisticsGen(examples=examples)
    statistics = statistics_gen.outputs["statistics"]
    schema_gen = tfx.components.SchemaGen(statistics=statistics)
    schema = schema_gen.outputs["schema"]
    example_validator = tfx.components.ExampleValidator(
        statistics=statistics, schema=schema
    )
    transform = tfx.components.Transform(
        examples=examples, schema=schema, module_file=module_file
    )
    training = {
        "module_file": module_file,
        "examples": transform.outputs["transformed_examples"],
        "transform_graph": transform.outputs["transform_graph"],
        "schema": schema,
        "train_args": tfx.proto.TrainArgs(num_steps=TRAIN_STEPS),
        "eval_args": tfx.proto.EvalArgs(num_steps=EVAL_STEPS),
        "custom_config": {"seed": seed},
    }
    lr_finder = LRFinder(
        **training,
        train_steps=TRAIN_STEPS,
        seed=seed,
        sample_size=sample_size,
    )
    trainer = LRFinderTrainer(
        **training, lr_finder_result=lr_finder.outputs["lr_finder_result"]
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
    if train_by_hand_too:
        by_hand = tfx.components.Trainer(**training).with_id("TrainerHandWritten")
        components.append(by_hand)
    return tfx.dsl.Pipeline(
        pipeline_name=pipeline_name,
        pipeline_root=pipeline_root,
        components=components,
        enable_cache=enable_cache,
        metadata_connection_config=metadata_connection_config,
        beam_pipeline_args=beam_pipeline_args,
    )


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
