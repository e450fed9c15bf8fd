"""A test restores every global random generator, and only one test runs at once."""

import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tfx_lr_finder.runtime.loop import random_state


def keras_3_draw():
    return np.array(keras.random.uniform([3]))


def tf_draw():
    return tf.random.get_global_generator().uniform([3]).numpy()


def tf_keras_draw():
    return tf_keras.initializers.GlorotUniform()([3, 3]).numpy()


DRAWS = [keras_3_draw, tf_draw, tf_keras_draw]


@pytest.mark.parametrize("draw", DRAWS)
def test_a_global_generator_goes_on_as_if_no_test_had_run(draw):
    def draws(between):
        tf_keras.utils.set_random_seed(1)
        tf.random.get_global_generator().reset_from_seed(1)
        keras.utils.set_random_seed(1)
        keras_3_draw()
        generator = keras.src.random.seed_generator.global_seed_generator()
        generator.state.assign([1, 0])
        first = draw()
        between()
        return [first, draw()]

    def a_test():
        with random_state.seeded(0):
            draw()

    np.testing.assert_array_equal(draws(lambda: None), draws(a_test))


@pytest.mark.parametrize("draw", [keras_3_draw, tf_draw])
def test_a_global_generator_draws_the_same_in_every_test(draw):
    values = []
    for _ in range(2):
        draw()
        with random_state.seeded(3):
            values.append(draw())
    np.testing.assert_array_equal(*values)


def test_the_state_in_variables_can_be_set_back_within_a_test():
    with random_state.seeded(0):
        variables = random_state.generator_variables()
        before = [tf.identity(variable) for variable in variables]
        first = keras_3_draw(), tf_draw()
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
        np.testing.assert_array_equal(first, (keras_3_draw(), tf_draw()))


def test_a_second_test_in_another_thread_is_refused_and_the_next_one_is_not():
    errors = []

    def second():
        try:
            with random_state.seeded(0):
                pass
        except RuntimeError as error:
            errors.append(str(error))

    with random_state.seeded(0):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    (message,) = errors
    assert message.startswith("Another range test is running in this process.")
    second()
    assert len(errors) == 1
