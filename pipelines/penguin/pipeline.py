"""The smallest pipeline with a learning-rate finder: five nodes."""

from collections.abc import Callable, Mapping
from typing import Any

from tfx import v1 as tfx

from tfx_lr_finder import LRFinder, LRFinderTrainer

TRAIN_STEPS = 200


def lr_finder_trainer(
    training: Mapping[str, Any], lr_finder: LRFinder
) -> LRFinderTrainer:
    """The Trainer that sets the learning rate itself; see also `other_trainers.py`."""
    return LRFinderTrainer(
        **training, lr_finder_result=lr_finder.outputs["lr_finder_result"]
    )


def create_pipeline(
    *,
    pipeline_name: str,
    pipeline_root: str,
    data_root: str,
    schema_file: str,
    module_file: str,
    seed: int = 0,
    sample_size: int | str | None = None,
    make_trainer: Callable[[Mapping[str, Any], LRFinder], Any] = lr_finder_trainer,
    lr_finder_options: Mapping[str, Any] | None = None,
    **pipeline_options: Any,
) -> tfx.dsl.Pipeline:
    """Imports penguins, transforms them, finds a learning rate and trains with it.

    Args:
      pipeline_name: Name in ML Metadata.
      pipeline_root: Folder or bucket for the artifacts.
      data_root: Folder with `Split-train` and `Split-eval`, TFRecords of `tf.Example`s.
      schema_file: Path of the schema of the data, a text proto.
      module_file: Path of `penguin_module.py`.
      seed: Seed of the initial weights and of the order of the batches.
      sample_size: Number of examples to find the rate on, or "auto"; None uses all.
      make_trainer: Function that returns the Trainer, or a list of it and the nodes
        after it, given the arguments of every Trainer and the LRFinder.
      lr_finder_options: More arguments of `LRFinder`.
      **pipeline_options: More arguments of `tfx.dsl.Pipeline`, such as `enable_cache`.
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
    lr_finder = LRFinder(
        **training, seed=seed, sample_size=sample_size, **(lr_finder_options or {})
    )
    made = make_trainer(training, lr_finder)
    trainers = made if isinstance(made, list) else [made]
    return tfx.dsl.Pipeline(
        pipeline_name=pipeline_name,
        pipeline_root=pipeline_root,
        components=[example_gen, schema_gen, transform, lr_finder, *trainers],
        **pipeline_options,
    )
