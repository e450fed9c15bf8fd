"""User modules that the pods run."""

SLOW = """
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

READING = """
    import keras
    import tensorflow as tf
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2
    from tfx_bsl.public import tfxio
    from tfx_lr_finder import LRFinderFnResult

    SCHEMA = '''
        feature {{ name: "x" type: FLOAT presence {{ min_fraction: 1 min_count: 1 }}
                  shape {{ dim {{ size: 4 }} }} }}
        feature {{ name: "y" type: FLOAT presence {{ min_fraction: 1 min_count: 1 }}
                  shape {{ dim {{ size: 1 }} }} }}
    '''


    def data(fn_args, files):
        options = tfxio.TensorFlowDatasetOptions(
            batch_size=16, label_key="y", shuffle=False, num_epochs=1
        )
        schema = text_format.Parse(SCHEMA, schema_pb2.Schema())
        dataset = fn_args.data_accessor.tf_dataset_factory(files, options, schema)
        return dataset.map(lambda x, y: (x["x"], y))


    def lr_finder_fn(fn_args):
        model = keras.Sequential([keras.layers.Dense(8, "tanh"), keras.layers.Dense(1)])
        model.compile(keras.optimizers.Adam(1e-3), "mse")
        return LRFinderFnResult(
            model, data(fn_args, fn_args.train_files), data(fn_args, fn_args.eval_files)
        )
    """

HUNGRY = """
    import keras
    import numpy as np
    import tensorflow as tf
    from tfx_lr_finder import LRFinderFnResult


    class Hungry(keras.layers.Layer):
        def call(self, x):
            return x + 1e-30 * tf.reduce_max(tf.tile(x, [{times}, 1]))


    def lr_finder_fn(fn_args):
        rng = np.random.default_rng(0)
        x = rng.normal(size=(256, 4)).astype("float32")
        data = tf.data.Dataset.from_tensor_slices((x, x @ np.ones([4, 1], "float32")))
        model = keras.Sequential([Hungry(), keras.layers.Dense(1)])
        model.compile(keras.optimizers.Adam(1e-3), "mse")
        return LRFinderFnResult(model, data.batch(16), data.take(64).batch(16))
    """

HOPELESS = """
    import keras
    import numpy as np
    import tensorflow as tf
    from tfx_lr_finder import LRFinderFnResult


    def lr_finder_fn(fn_args):
        x = np.random.default_rng(0).normal(size=(256, 4)).astype("float32")
        data = tf.data.Dataset.from_tensor_slices((x, x[:, :1])).batch(16)
        model = keras.Sequential([keras.layers.Dense(1)])
        model.compile("sgd", lambda y, prediction: 0.0 * prediction + 1.0)
        return LRFinderFnResult(model, data, data)
    """
