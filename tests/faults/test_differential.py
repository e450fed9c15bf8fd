"""The compiled loop against a plain eager one, over models that a seed makes up."""

import collections
import random

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tests.runtime.test_trainer_loop import loop_of, train

OPTIMIZERS = ("SGD", "Adam", "RMSprop", "Adagrad", "AdamW", "Adamax", "Nadam")
LOSSES = ("MeanSquaredError", "MeanAbsoluteError", "Huber", "LogCosh")


def made_up(seed):
    """A recipe: Keras, optimizer, layers, batch size, type of the numbers."""
    rng = random.Random(seed)
    recipe = {
        "keras": rng.choice(["keras", "tf_keras"]),
        "optimizer": rng.choice(OPTIMIZERS),
        "momentum": rng.choice([0.0, 0.9]),
        "loss": rng.choice(LOSSES),
        "policy": rng.choice(["float32", "float32", "mixed_bfloat16", "float64"]),
        "units": [rng.randint(1, 12) for _ in range(rng.randint(0, 2))],
        "activation": rng.choice(["relu", "tanh", "gelu", "sigmoid"]),
        "normalization": rng.choice([None, None, "BatchNormalization"]),
        "regularized": rng.random() < 0.3,
        "batch_size": rng.choice([1, 3, 8, 32]),
        "weighted": rng.random() < 0.3,
    }
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
            layers += [k.layers.BatchNormalization(dtype=recipe["policy"])]
    inputs = k.Input((5,))
    outputs = inputs
    for layer in [*layers, k.layers.Dense(1, **options)]:
        outputs = layer(outputs)
    model = k.Model(inputs, outputs)
    sgd = recipe["optimizer"] == "SGD"
    settings = {"momentum": recipe["momentum"]} if sgd else {}
    optimizer = getattr(k.optimizers, recipe["optimizer"])(1e-3, **settings)
    model.compile(optimizer, getattr(k.losses, recipe["loss"])())
    return model, k


def eager_losses(recipe, seed, dataset, rates):
    """What a plain eager loop sees."""
    model, k = model_of(recipe, seed)
    loss_of = getattr(k.losses, recipe["loss"])()
    losses = []
    for rate, batch in zip(rates, dataset.repeat(), strict=False):
        model.optimizer.learning_rate.assign(rate)
        x, y, *weights = batch
        with tf.GradientTape() as tape:
            loss = loss_of(y, model(x, training=True), *weights)
            loss = tf.cast(loss, tf.float32) + sum(
                tf.cast(extra, tf.float32) for extra in model.losses
            )
        gradients = tape.gradient(loss, model.trainable_variables)
        pairs = zip(gradients, model.trainable_variables, strict=True)
        model.optimizer.apply_gradients(pairs)
        losses.append(float(loss))
    return losses


@pytest.mark.timeout(3000)
def test_made_up_models_have_the_losses_of_a_plain_eager_loop(full, figure):
    count = 200 if full else 12
    rates = np.geomspace(1e-5, 3e-2, 12)
    kinds, worst, wrong = collections.Counter(), 0.0, []
    for seed in range(count):
        recipe = made_up(seed)
        kinds[f"{recipe['keras']} {recipe['policy']}"] += 1
        rng = np.random.default_rng(seed)
        size = recipe["batch_size"]
        parts = [rng.normal(size=(5 * size, n)).astype("float32") for n in (5, 1)]
        if recipe["weighted"]:
            parts.append(rng.uniform(0.5, 2.0, 5 * size).astype("float32"))
        dataset = tf.data.Dataset.from_tensor_slices(tuple(parts)).batch(size)
        with loop_of(model_of(recipe, seed)[0], dataset) as loop:
            loop.begin_sweep()
            compiled = train(loop, rates)
        plain = np.array(eager_losses(recipe, seed, dataset, rates))
        error = float(np.max(np.abs(compiled - plain) / (1e-3 + np.abs(plain))))
        coarse = recipe["policy"] == "mixed_bfloat16"
        if not coarse:
            worst = max(worst, error)
        if not error < (5e-2 if coarse else 1e-3):
            wrong.append((seed, error, recipe))
    figure(
        f"differential: {count} made-up models ({dict(kinds)}), {len(wrong)} with "
        f"other losses than a plain eager loop; largest relative difference {worst:.1e}"
    )
    assert wrong == []
