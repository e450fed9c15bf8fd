"""A pod: runs the executor of an LRFinder once, on small data with a slow step.

    python -m tests.faults.pod FOLDER

or, from a process that has imported TensorFlow already, `run(FOLDER)` in a fork of it.
"""

import pathlib
import sys
import textwrap

MODULE = """
    import time
    import keras
    import numpy as np
    import tensorflow as tf
    from tfx_lr_finder import LRFinderFnResult


    def slowly(x, y):
        def wait(x):
            time.sleep({seconds})
            return x

        waited = tf.numpy_function(wait, [x], tf.float32)
        return tf.ensure_shape(waited, x.shape), y


    def lr_finder_fn(fn_args):
        rng = np.random.default_rng(0)
        x = rng.normal(size=(256, 4)).astype("float32")
        y = (x @ np.ones([4, 1]) + 0.1 * rng.normal(size=(256, 1))).astype("float32")
        data = tf.data.Dataset.from_tensor_slices((x, y))
        train = data.shuffle(256).batch(16).map(slowly)
        model = keras.Sequential(
            [keras.layers.Dense(8, "tanh"), keras.layers.Dropout(0.1)]
            + [keras.layers.Dense(1)]
        )
        model.compile(keras.optimizers.Adam(1e-3), "mse")
        return LRFinderFnResult(model, train, data.take(64).batch(16))
    """

KNOBS = {
    "num_steps": 40,
    "num_sweeps": 2,
    "max_steps": 260,
    "on_inconclusive": "fallback",
    "default_learning_rate": 0.01,
    "checkpoint_seconds": 0.0,
}


def run(root, seconds=0.01, **changes):
    """Runs the executor as a launcher does: inputs, outputs and state below `root`."""
    import tfx
    from tfx import types
    from tfx.types import artifact_utils, standard_artifacts

    from tfx_lr_finder import LRFinder, LRFinderResult
    from tfx_lr_finder.executor import Executor

    root = pathlib.Path(root)
    root.mkdir(parents=True, exist_ok=True)
    module = pathlib.Path(changes.pop("module", root)) / "slow_module.py"
    if not module.exists():
        module.write_text(textwrap.dedent(MODULE.format(seconds=seconds)))
    examples = standard_artifacts.Examples()
    penguins = pathlib.Path(tfx.__path__[0]) / "components/testdata/penguin/data"
    examples.uri = str(changes.pop("examples", penguins))
    examples.split_names = artifact_utils.encode_split_names(["train", "eval"])
    finder = LRFinder(
        types.Channel(type=standard_artifacts.Examples),
        module_file=str(module),
        **{**KNOBS, **changes},
    )
    outputs = {
        "lr_finder_result": [LRFinderResult()],
        "best_hyperparameters": [standard_artifacts.HyperParameters()],
    }
    for key, (output,) in outputs.items():
        output.uri = str(root / key)
    context = Executor.Context(
        tmp_dir=str(root / "tmp"),
        unique_id="1",
        stateful_working_dir=str(root / "state"),
    )
    Executor(context).Do({"examples": [examples]}, outputs, finder.exec_properties)


if __name__ == "__main__":
    run(sys.argv[1])
