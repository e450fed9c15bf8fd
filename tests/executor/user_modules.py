"""User modules of a few lines."""

import pathlib
import textwrap

FLAT = """
    class Flat(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return 0.0 * keras.ops.mean(y_pred, axis=-1) + 1.0

    def lr_finder_fn(fn_args):
        model = keras.Sequential([keras.layers.Dense(1)])
        model.compile("sgd", Flat())
        return LRFinderFnResult(model, data)
    """
"""A module whose loss does not depend on the model: no rate can be found."""


def write_module(folder, body):
    """Writes a user module and returns its path."""
    path = pathlib.Path(folder) / f"module_{pathlib.Path(folder).name}.py"
    header = """
        import keras
        import tensorflow as tf
        from tfx_lr_finder import LRFinderFnResult

        x, y = tf.zeros([40, 2]), tf.zeros([40, 1])
        data = tf.data.Dataset.from_tensor_slices((x, y)).batch(4)

        def compiled():
            model = keras.Sequential([keras.layers.Dense(1)])
            model.compile("sgd", "mse")
            return model
        """
    path.write_text(textwrap.dedent(header) + textwrap.dedent(body))
    return str(path)
