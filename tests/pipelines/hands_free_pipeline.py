"""Runs a pipeline around a module of the tfx wheel, as it is: `module keras root`."""

import pathlib
import sys

from tfx import v1 as tfx

from tfx_lr_finder import LRFinder, LRFinderTrainer

EXAMPLES = pathlib.Path(tfx.__file__).parents[1] / "examples"
DATA = pathlib.Path(tfx.__file__).parents[1] / "components" / "testdata"
PENGUIN = EXAMPLES / "penguin" / "penguin_utils_keras.py"
TAXI = EXAMPLES / "chicago_taxi_pipeline" / "taxi_utils_native_keras.py"
QUICK = {"num_rates": 30, "num_sweeps": 1, "max_steps": 150}


def _penguins():
    splits = [
        tfx.proto.Input.Split(name=name, pattern=f"Split-{name}/*")
        for name in ("train", "eval")
    ]
    examples = tfx.components.ImportExampleGen(
        input_base=str(DATA / "penguin" / "data"),
        input_config=tfx.proto.Input(splits=splits),
    )
    schema = tfx.components.ImportSchemaGen(
        schema_file=str(DATA / "penguin" / "schema" / "schema.pbtxt")
    )
    return examples, schema, PENGUIN


def _taxi():
    examples = tfx.components.CsvExampleGen(
        input_base=str(EXAMPLES / "chicago_taxi_pipeline" / "data" / "simple")
    )
    schema = tfx.components.ImportSchemaGen(
        schema_file=str(DATA / "schema_gen" / "schema.pbtxt")
    )
    return examples, schema, TAXI


def components(name):
    """Returns the nodes around a module: nothing in it knows of a finder."""
    sources = {"penguin": _penguins, "taxi": _taxi, "tuned": _penguins}
    examples, schema, module = sources[name]()
    transform = tfx.components.Transform(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        module_file=str(module),
    )
    shared = {
        "module_file": str(module),
        "examples": transform.outputs["transformed_examples"],
        "transform_graph": transform.outputs["transform_graph"],
        "schema": schema.outputs["schema"],
        "train_args": tfx.proto.TrainArgs(num_steps=100),
        "eval_args": tfx.proto.EvalArgs(num_steps=5),
    }
    nodes = [examples, schema, transform]
    given = {}
    if name == "tuned":
        few = {"train_args": tfx.proto.TrainArgs(num_steps=10)}
        nodes.append(tfx.components.Tuner(**{**shared, **few}))
        given["hyperparameters"] = nodes[-1].outputs["best_hyperparameters"]
    fallback = {"on_inconclusive": "fallback", "default_learning_rate": 0.0123}
    finder = LRFinder(**shared, **given, **QUICK, **fallback)
    trainer = LRFinderTrainer(
        **shared,
        **given,
        lr_finder_result=finder.outputs["lr_finder_result"],
        on_unused="fail",
    )
    nodes += [finder, trainer]
    if name in ("tuned", "penguin"):
        found = finder.outputs["best_hyperparameters"]
        nodes.append(tfx.components.Trainer(**shared, hyperparameters=found))
    return nodes


def main(name, root):
    """Runs the pipeline; its artifacts are in `root`."""
    connection = tfx.orchestration.metadata.sqlite_metadata_connection_config(
        str(pathlib.Path(root).with_suffix(".sqlite"))
    )
    pipeline = tfx.dsl.Pipeline(
        pipeline_name=name,
        pipeline_root=root,
        components=components(name),
        metadata_connection_config=connection,
        beam_pipeline_args=["--runner=FnApiRunner"],
    )
    tfx.orchestration.LocalDagRunner().run(pipeline)


if __name__ == "__main__":
    main(*sys.argv[1:])
