"""The smallest pipeline with a learning-rate finder: five nodes."""

from tfx import v1 as tfx

from tfx_lr_finder import LRFinder, LRFinderTrainer

TRAIN_STEPS = 200


def lr_finder_trainer(training, lr_finder):
    """The Trainer that takes the result; `other_trainers.py` has those that do not."""
    return LRFinderTrainer(
        **training, lr_finder_result=lr_finder.outputs["lr_finder_result"]
    )


def create_pipeline(
    *,
    pipeline_name,
    pipeline_root,
    data_root,
    schema_file,
    module_file,
    seed=0,
    make_trainer=lr_finder_trainer,
    enable_cache=True,
    metadata_connection_config=None,
    beam_pipeline_args=None,
):
    """Imports penguins, transforms them, finds a learning rate and trains with it.

    Args:
      pipeline_name: name in ML Metadata.
      pipeline_root: folder or bucket for the artifacts.
      data_root: folder with `Split-train` and `Split-eval`, TFRecords of `tf.Example`s.
      schema_file: path of the data's schema, a text proto.
      module_file: path of `penguin_module.py`.
      seed: integer; the same seed gives the same initial weights and order of batches.
      make_trainer: function that gets the arguments that every Trainer takes and the
        LRFinder, and returns the Trainer.
      enable_cache: whether unchanged nodes are taken from an earlier run.
      metadata_connection_config: where ML Metadata is kept; local runs only.
      beam_pipeline_args: options for Beam.

    Returns:
      A `tfx.dsl.Pipeline`.
    """
    example_gen = tfx.components.ImportExampleGen(
        input_base=data_root,
        input_config=tfx.proto.Input(
            splits=[
                tfx.proto.Input.Split(name="train", pattern="Split-train/*"),
                tfx.proto.Input.Split(name="eval", pattern="Split-eval/*"),
            ]
        ),
    )
    schema_gen = tfx.components.ImportSchemaGen(schema_file=schema_file)
    transform = tfx.components.Transform(
        examples=example_gen.outputs["examples"],
        schema=schema_gen.outputs["schema"],
        module_file=module_file,
        materialize=False,
    )
    training = {
        "module_file": module_file,
        "examples": example_gen.outputs["examples"],
        "transform_graph": transform.outputs["transform_graph"],
        "train_args": tfx.proto.TrainArgs(num_steps=TRAIN_STEPS),
        "eval_args": tfx.proto.EvalArgs(num_steps=5),
        "custom_config": {"seed": seed},
    }
    lr_finder = LRFinder(**training, seed=seed)
    trainer = make_trainer(training, lr_finder)
    return tfx.dsl.Pipeline(
        pipeline_name=pipeline_name,
        pipeline_root=pipeline_root,
        components=[example_gen, schema_gen, transform, lr_finder, trainer],
        enable_cache=enable_cache,
        metadata_connection_config=metadata_connection_config,
        beam_pipeline_args=beam_pipeline_args,
    )
