"""Retrainings of the taxi model, each on new rides, one of them on broken ones.

python tests/pipelines/retrainings.py FOLDER [NUMBER] [BROKEN]
"""

import csv
import pathlib
import random
import sys

import tfx as tfx_package

TFX = pathlib.Path(tfx_package.__path__[0])
RIDES = TFX / "examples" / "chicago_taxi_pipeline" / "data" / "simple" / "data.csv"
SCHEMA = TFX / "components" / "testdata" / "schema_gen" / "schema.pbtxt"
MODULE = (
    pathlib.Path(__file__).parents[2] / "pipelines" / "taxi" / "module/taxi_module.py"
)
NAME = "taxi_again"
SHARE = 0.7


def write_rides(folder, span, *, broken):
    """Writes a random part of the rides; of broken ones the tips are mixed up."""
    with RIDES.open() as file:
        header, *rides = csv.reader(file)
    chance = random.Random(span)
    rides = chance.sample(rides, int(SHARE * len(rides)))
    if broken:
        tips = [ride[-1] for ride in rides]
        chance.shuffle(tips)
        rides = [[*ride[:-1], tip] for ride, tip in zip(rides, tips, strict=True)]
    folder.mkdir(parents=True)
    with (folder / "data.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *rides])


def retrain(root, number, broken, max_drift_decades=1.0):
    """Runs the pipeline several times; returns the path of its metadata store.

    Args:
      root: an empty folder.
      number: how often.
      broken: the run, counted from 1, whose rides are broken.
      max_drift_decades: of the finder.
    """
    from tfx import v1 as tfx

    from tfx_lr_finder import LRFinder, last_good_resolver

    database = root / "metadata.sqlite"
    for span in range(1, number + 1):
        write_rides(root / "data" / f"span-{span}", span, broken=span == broken)
        example_gen = tfx.components.CsvExampleGen(
            input_base=str(root / "data"),
            input_config=tfx.proto.Input(
                splits=[tfx.proto.Input.Split(name="all", pattern="span-{SPAN}/*")]
            ),
            output_config=tfx.proto.Output(
                split_config=tfx.proto.SplitConfig(
                    splits=[
                        tfx.proto.SplitConfig.Split(name="train", hash_buckets=2),
                        tfx.proto.SplitConfig.Split(name="eval", hash_buckets=1),
                    ]
                )
            ),
        )
        schema = tfx.components.ImportSchemaGen(schema_file=str(SCHEMA))
        transform = tfx.components.Transform(
            examples=example_gen.outputs["examples"],
            schema=schema.outputs["schema"],
            module_file=str(MODULE),
        )
        earlier = last_good_resolver()
        finder = LRFinder(
            examples=transform.outputs["transformed_examples"],
            transform_graph=transform.outputs["transform_graph"],
            module_file=str(MODULE),
            train_steps=600,
            previous=earlier.outputs["previous"],
            max_drift_decades=max_drift_decades,
            on_inconclusive="last_good",
            default_learning_rate=1e-3,
        )
        config = tfx.orchestration.metadata.sqlite_metadata_connection_config
        tfx.orchestration.LocalDagRunner().run(
            tfx.dsl.Pipeline(
                pipeline_name=NAME,
                pipeline_root=str(root / "artifacts"),
                components=[example_gen, schema, transform, earlier, finder],
                enable_cache=False,
                metadata_connection_config=config(str(database)),
                beam_pipeline_args=["--runner=FnApiRunner"],
            )
        )
    return database


if __name__ == "__main__":
    folder, *numbers = sys.argv[1:]
    retrain(pathlib.Path(folder), *(int(n) for n in numbers or ("10", "7")))
