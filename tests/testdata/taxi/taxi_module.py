"""A user module over the taxi data: raw or transformed examples, one model."""

import keras
import tensorflow as tf
import tensorflow_transform as tft
from tfx_bsl.public import tfxio

from tfx_lr_finder import LRFinderFnResult

FEATURES = ("fare_xf", "pickup_latitude_xf", "pickup_longitude_xf")
LABEL = "tips_xf"


def lr_finder_fn(fn_args):
    graph = tft.TFTransformOutput(fn_args.transform_graph_path)
    raw = fn_args.custom_config["raw"]
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(
        optimizer=keras.optimizers.SGD(0.01),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
    )
    return LRFinderFnResult(
        model=model,
        train_dataset=_dataset(fn_args, fn_args.train_files, graph, raw),
        eval_dataset=_dataset(fn_args, fn_args.eval_files, graph, raw),
    )


def _dataset(fn_args, files, graph, raw):
    metadata = graph.raw_metadata if raw else graph.transformed_metadata
    options = tfxio.TensorFlowDatasetOptions(batch_size=32, shuffle_seed=1)
    dataset = fn_args.data_accessor.tf_dataset_factory(files, options, metadata.schema)
    if raw:
        dataset = dataset.map(graph.transform_features_layer())
    return dataset.map(_split)


def _split(features):
    columns = [
        tf.cast(tf.reshape(features[name], [-1, 1]), tf.float32) for name in FEATURES
    ]
    label = tf.cast(tf.reshape(features[LABEL], [-1, 1]), tf.float32)
    return tf.concat(columns, axis=1), label
