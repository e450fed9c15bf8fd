"""Trains the taxi model with other learning rates than the one that LRFinder found.

The taxi module's rate was written by hand for Adam. Then the optimizer became SGD with
momentum, and the rate stayed. The rows compare the ways to choose a new one.
"""

import math
from collections.abc import Sequence

import tensorflow as tf
from run_summary import Outputs, Records, read_record
from taxi.module import taxi_module
from taxi.pipeline import TRAIN_STEPS
from tfx.components.trainer.fn_args_utils import DataAccessor, FnArgs
from tfx.components.util import tfxio_utils
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import io_utils

KERAS_DEFAULT = 1e-2  # of SGD
GRID = (1e-3, 3e-3, KERAS_DEFAULT, 3e-2, 1e-1, 3e-1, 1.0)


def trainings(outputs: Outputs, seed: int) -> Records:
    """The rows of the table: the training of the pipeline, and others in this process.

    Args:
      outputs: The artifacts of the pipeline's run.
      seed: The seed of that run.

    Returns:
      The rows, in the order of the table. The last is the best of a grid by the same
      held-out loss that it shows, so it is a rate in hindsight.
    """
    by_hand = taxi_module.LEARNING_RATE
    adam = train(outputs, "adam", [by_hand], seed)
    grid = train(outputs, "sgd", GRID, seed)
    return {
        "Adam, rate by hand": adam[by_hand],
        "SGD, the same rate": grid[by_hand],
        "SGD, Keras' default": grid[KERAS_DEFAULT],
        "SGD, rate found": read_record(outputs["LRFinderTrainer", "model_run"].uri),
        f"SGD, best of {len(GRID)} rates": min(grid.values(), key=_loss),
    }


def train(
    outputs: Outputs, optimizer: str, rates: Sequence[float], seed: int
) -> dict[float, dict[str, float]]:
    """Trains as the Trainer of the pipeline does, with each rate from the same start.

    Args:
      outputs: The artifacts of the pipeline's run.
      optimizer: "adam" or "sgd".
      rates: Learning rates.
      seed: The seed of the run.

    Returns:
      Rate to what a Trainer would record: the rate and the metrics on held-out data.
    """
    examples = standard_artifacts.Examples()
    examples.set_mlmd_artifact(outputs["Transform", "transformed_examples"])
    files = {
        split: io_utils.all_files_pattern(
            artifact_utils.get_split_uri([examples], split)
        )
        for split in ("train", "eval")
    }
    fn_args = FnArgs(
        train_files=[files["train"]],
        eval_files=[files["eval"]],
        train_steps=TRAIN_STEPS,
        transform_graph_path=outputs["Transform", "transform_graph"].uri,
        data_accessor=DataAccessor(
            tfxio_utils.get_tf_dataset_factory_from_artifact([examples], []),
            record_batch_factory=None,
            data_view_decode_fn=None,
        ),
        custom_config={"seed": seed, "optimizer": optimizer},
    )
    # One model for all rates: Keras traces it once, which takes longer than a training.
    model = taxi_module.build_model(fn_args, rates[0])
    initial_weights = model.get_weights()
    records = {}
    for rate in rates:
        model.set_weights(initial_weights)
        for variable in model.optimizer.variables:  # the momentum and its like
            variable.assign(tf.zeros_like(variable))
        model.optimizer.learning_rate.assign(rate)
        records[rate] = taxi_module.train(model, fn_args)
    return records


def _loss(record: dict[str, float]) -> float:
    """The held-out loss, infinite if the training diverged."""
    return math.inf if math.isnan(record["loss"]) else record["loss"]
