"""Runs the penguin example with the stock Trainer: `root`, where all of it goes."""

import pathlib
import sys

from penguin.other_trainers import stock_trainer
from penguin.pipeline import create_pipeline
from tfx import v1 as tfx

PIPELINES = pathlib.Path(__file__).parents[2] / "pipelines"
DATA = pathlib.Path(tfx.__file__).parents[1] / "components" / "testdata" / "penguin"


def create(root, make_trainer):
    """Returns the penguin example with another Trainer."""
    database = str(pathlib.Path(root) / "metadata.sqlite")
    connect = tfx.orchestration.metadata.sqlite_metadata_connection_config
    return create_pipeline(
        pipeline_name="penguin",
        pipeline_root=str(pathlib.Path(root) / "artifacts"),
        data_root=str(DATA / "data"),
        schema_file=str(DATA / "schema" / "schema.pbtxt"),
        module_file=str(PIPELINES / "penguin" / "module" / "penguin_module.py"),
        make_trainer=make_trainer,
        metadata_connection_config=connect(database),
        beam_pipeline_args=["--runner=FnApiRunner"],
    )


if __name__ == "__main__":
    tfx.orchestration.LocalDagRunner().run(create(sys.argv[1], stock_trainer))
