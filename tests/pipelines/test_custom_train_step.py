"""A `train_step` of the user's own, swept and trained in one real pipeline."""

import pathlib

import numpy as np
import pytest
from tfx import v1 as tfx

from tfx_lr_finder import LRFinder, LRFinderTrainer, read_result

MODULE = pathlib.Path(__file__).parent / "custom_step" / "custom_step_module.py"
PENGUINS = pathlib.Path(tfx.__file__).parents[1] / "components/testdata/penguin"
OFFSET = 100.0
KERAS = ("keras", "tf_keras")


def _components():
    splits = [
        tfx.proto.Input.Split(name=name, pattern=f"Split-{name}/*")
        for name in ("train", "eval")
    ]
    example_gen = tfx.components.ImportExampleGen(
        input_base=str(PENGUINS / "data"), input_config=tfx.proto.Input(splits=splits)
    )
    schema_gen = tfx.components.ImportSchemaGen(
        schema_file=str(PENGUINS / "schema" / "schema.pbtxt")
    )
    yield from (example_gen, schema_gen)
    for keras in KERAS:
        shared = {
            "module_file": str(MODULE),
            "examples": example_gen.outputs["examples"],
            "schema": schema_gen.outputs["schema"],
            "train_args": tfx.proto.TrainArgs(num_steps=100),
            "eval_args": tfx.proto.EvalArgs(num_steps=5),
            "custom_config": {"keras": keras},
        }
        finder = LRFinder(
            **shared, on_inconclusive="fallback", default_learning_rate=0.02
        )
        finder = finder.with_id(f"LRFinder_{keras}")
        result = finder.outputs["lr_finder_result"]
        trainer = LRFinderTrainer(**shared, lr_finder_result=result)
        yield from (finder, trainer.with_id(f"Trainer_{keras}"))


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory):
    """The folder in which a run of the pipeline left its artifacts."""
    root = tmp_path_factory.mktemp("custom_step")
    pipeline = tfx.dsl.Pipeline(
        pipeline_name="custom_step",
        pipeline_root=str(root / "artifacts"),
        components=list(_components()),
        metadata_connection_config=(
            tfx.orchestration.metadata.sqlite_metadata_connection_config(
                str(root / "metadata.sqlite")
            )
        ),
        beam_pipeline_args=["--runner=FnApiRunner"],
    )
    tfx.orchestration.LocalDagRunner().run(pipeline)
    return root / "artifacts"


@pytest.mark.long
@pytest.mark.parametrize("keras", KERAS)
def test_the_sweep_runs_the_custom_step(artifacts, keras):
    (folder,) = artifacts.glob(f"LRFinder_{keras}/lr_finder_result/*")
    report = read_result(str(folder))
    assert report.environment["keras"].split()[0] == keras
    assert all(min(sweep.losses) > OFFSET for sweep in report.sweeps)
    assert report.untrained_loss < OFFSET  # test_step is Keras' own


@pytest.mark.long
@pytest.mark.parametrize("keras", KERAS)
def test_the_trainer_runs_the_custom_step_at_the_rate_found(artifacts, keras):
    (folder,) = artifacts.glob(f"LRFinder_{keras}/lr_finder_result/*")
    (trained,) = artifacts.glob(f"Trainer_{keras}/model_run/*/trained.txt")
    rate, loss = map(float, trained.read_text().split())
    assert rate == np.float32(read_result(str(folder)).learning_rate)
    assert loss > OFFSET
