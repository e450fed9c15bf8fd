"""The compiled loop against a plain one, over models that a seed makes up."""

import collections
import random

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tests.keras_models import loop_of, train

OPTIMIZERS = ("SGD", "Adam", "RMSprop", "Adagrad", "AdamW", "Adamax", "Nadam")
LOSSES = ("MeanSquaredError", "MeanAbsoluteError", "Huber", "LogCosh")
COARSE = "mixed_bfloat16"
CLASSIFICATIONS = {"BinaryCrossentropy": 2, "SparseCategoricalCrossentropy": 3}
OPTIMIZER_SETTINGS = (
    {},
    {},
    {"clipnorm": 0.1},
    {"global_clipnorm": 0.1},
    {"clipvalue": 0.05},
    {"weight_decay": 0.1},
    {"use_ema": True, "ema_overwrite_frequency": 3},
)
COMPILE_SETTINGS = (
    {},
    {},
    {"metrics": ["mae"]},
    {"weighted_metrics": ["mae"]},
    {"steps_per_execution": 4},
)


def made_up(seed):
    """A recipe: Keras, optimizer, layers, batch size, type of the numbers."""
    rng = random.Random(seed)
    recipe = {
        "keras": rng.choice(["keras", "tf_keras"]),
        "optimizer": rng.choice(OPTIMIZERS),
        "momentum": rng.choice([0.0, 0.9]),
        "loss": rng.choice([*LOSSES, *CLASSIFICATIONS]),
        "policy": rng.choice(["float32", "float32", COARSE, "float64"]),
        "units": [rng.randint(1, 12) for _ in range(rng.randint(0, 2))],
        "activation": rng.choice(["relu", "tanh", "gelu", "sigmoid"]),
        "normalization": rng.choice(
            [None, None, "BatchNormalization", "LayerNormalization"]
        ),
        "regularized": rng.random() < 0.3,
        "batch_size": rng.choice([1, 3, 8, 32]),
        "weighted": rng.random() < 0.3,
        "optimizer_settings": rng.choice(OPTIMIZER_SETTINGS),
        "compile_settings": rng.choice(COMPILE_SETTINGS),
    }
    recipe["remainder"] = rng.choice([0, recipe["batch_size"] // 2])
    if recipe["keras"] == "keras" and recipe["policy"] == "float64":
        recipe["regularized"] = False  # Keras 3 adds up losses of one type only
    return recipe


def model_of(recipe, seed):
    k = {"keras": keras, "tf_keras": tf_keras}[recipe["keras"]]
    k.utils.set_random_seed(seed)
    options = {"dtype": recipe["policy"]}
    if recipe["regularized"]:
        options["kernel_regularizer"] = k.regularizers.L2(0.01)
    layers = []
    for units in recipe["units"]:
        layers += [k.layers.Dense(units, recipe["activation"], **options)]
        if recipe["normalization"]:
            normalization = getattr(k.layers, recipe["normalization"])
            layers += [normalization(dtype=recipe["policy"])]
    inputs = k.Input((5,))
    outputs = inputs
    several = recipe["loss"] == "SparseCategoricalCrossentropy"
    for layer in [*layers, k.layers.Dense(3 if several else 1, **options)]:
        outputs = layer(outputs)
    model = k.Model(inputs, outputs)
    sgd = recipe["optimizer"] == "SGD"
    momentum = {"momentum": recipe["momentum"]} if sgd else {}
    settings = {**momentum, **recipe["optimizer_settings"]}
    optimizer = getattr(k.optimizers, recipe["optimizer"])(1e-3, **settings)
    model.compile(optimizer, loss_of(recipe, k), **recipe["compile_settings"])
    return model, k


def loss_of(recipe, k):
    logits = {"from_logits": True} if recipe["loss"] in CLASSIFICATIONS else {}
    return getattr(k.losses, recipe["loss"])(**logits)


def data_of(recipe, seed):
    """Five whole batches, and a sixth with the remainder."""
    rng = np.random.default_rng(seed)
    num_examples = 5 * recipe["batch_size"] + recipe["remainder"]
    y = rng.normal(size=(num_examples, 1))
    if recipe["loss"] in CLASSIFICATIONS:
        y = rng.integers(CLASSIFICATIONS[recipe["loss"]], size=(num_examples, 1))
    parts = [rng.normal(size=(num_examples, 5)), y]
    if recipe["weighted"]:
        parts.append(rng.uniform(0.5, 2.0, num_examples))
    dataset = tf.data.Dataset.from_tensor_slices(
        tuple(part.astype("float32") for part in parts)
    )
    return dataset.batch(recipe["batch_size"])


def plain_losses(recipe, seed, dataset, rates):
    """What a plain loop sees, step by step."""
    model, k = model_of(recipe, seed)
    loss_function = loss_of(recipe, k)

    def step(x, y, *weights):
        with tf.GradientTape() as tape:
            loss = loss_function(y, model(x, training=True), *weights)
            loss = tf.cast(loss, tf.float32) + sum(
                tf.cast(extra, tf.float32) for extra in model.losses
            )
        gradients = tape.gradient(loss, model.trainable_variables)
        pairs = zip(gradients, model.trainable_variables, strict=True)
        model.optimizer.apply_gradients(pairs)
        return loss

    counts_in_python = recipe["keras"] == "tf_keras" and recipe["optimizer"] == "Nadam"
    if counts_in_python or recipe["policy"] == COARSE:
        # Compiled step by step, as `fit` does it. Eager, that Nadam differs from its
        # own `fit`, and TensorFlow rounds bfloat16 elsewhere: by up to 15 % of a loss.
        model.optimizer.build(model.trainable_variables)
        step = tf.function(step, reduce_retracing=True)
    losses = []
    for rate, batch in zip(rates, dataset.repeat(), strict=False):
        model.optimizer.learning_rate.assign(rate)
        losses.append(float(step(*batch)))
    return losses


@pytest.mark.timeout(3000)
def test_made_up_models_have_the_losses_of_a_plain_loop(full, figure):
    count = 200 if full else 9
    rates = np.geomspace(1e-5, 3e-2, 12)
    kinds, worst, wrong = collections.Counter(), [0.0, 0.0], []
    for seed in range(count):
        recipe = made_up(seed)
        kinds[f"{recipe['keras']} {recipe['policy']}"] += 1
        dataset = data_of(recipe, seed)
        with loop_of(model_of(recipe, seed)[0], dataset) as loop:
            loop.begin_sweep()
            compiled = train(loop, rates)
        plain = np.array(plain_losses(recipe, seed, dataset, rates))
        error = float(np.max(np.abs(compiled - plain) / (1e-3 + np.abs(plain))))
        coarse = recipe["policy"] == COARSE
        worst[coarse] = max(worst[coarse], error)
        if not error < (3e-2 if coarse else 1e-3):
            wrong.append((seed, error, recipe))
    figure(
        f"differential: {count} made-up models ({dict(kinds)}), {len(wrong)} with "
        f"other losses than a plain loop; largest relative difference {worst[0]:.1e}, "
        f"of bfloat16 {worst[1]:.1e}"
    )
    assert wrong == []
