"""LRFinder and LRFinderTrainer; SIGTERM comes while LRFinder writes its outputs."""

import os
import pathlib
import signal
import sys

import tfx
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.proto import trainer_pb2
from tfx.types import standard_artifacts

from tfx_lr_finder import LRFinder, LRFinderTrainer
from tfx_lr_finder.views import write

MODULE = pathlib.Path(__file__).parent / "two_fits" / "two_fits_module.py"
PENGUINS = (
    pathlib.Path(tfx.__path__[0]) / "components" / "testdata" / "penguin" / "data"
)


def terminate_in_views():
    """Sends SIGTERM to this process when the views are written."""
    write_views = write.write_views

    def terminated(*args):
        os.kill(os.getpid(), signal.SIGTERM)
        write_views(*args)

    write.write_views = terminated


def main(root):
    """Runs the pipeline; its artifacts are in `root`."""
    examples = Importer(
        source_uri=str(PENGUINS),
        artifact_type=standard_artifacts.Examples,
        properties={"split_names": '["train", "eval"]'},
    ).with_id("Examples")
    shared = {
        "examples": examples.outputs["result"],
        "module_file": str(MODULE),
        "train_args": trainer_pb2.TrainArgs(num_steps=30),
        "custom_config": {"keras": "keras"},
    }
    finder = LRFinder(
        **shared, on_inconclusive="fallback", default_learning_rate=0.0123
    )
    trainer = LRFinderTrainer(
        **shared, lr_finder_result=finder.outputs["lr_finder_result"]
    )
    LocalDagRunner().run(
        pipeline.Pipeline(
            pipeline_name="sigterm",
            pipeline_root=root,
            components=[examples, finder, trainer],
            metadata_connection_config=metadata.sqlite_metadata_connection_config(
                str(pathlib.Path(root).with_suffix(".sqlite"))
            ),
        )
    )


if __name__ == "__main__":
    terminate_in_views()
    main(*sys.argv[1:])
