"""Two towers with a `train_step` of their own and in-batch negatives."""

import keras
import tensorflow as tf

from benchmarks.modules.written import penguins


@keras.saving.register_keras_serializable()
class TwoTowers(keras.Model):
    """Scores every row of a batch against every other one."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.left, self.right = keras.layers.Dense(8), keras.layers.Dense(8)
        self.seen = keras.metrics.Mean("loss")

    def call(self, x):
        return self.left(x[:, :2]) @ tf.transpose(self.right(x[:, 2:]))

    def _loss(self, x):
        labels = tf.range(tf.shape(x)[0])
        scores = self(x, training=True)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, scores)
        return tf.reduce_mean(losses)

    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss = self._loss(data[0])
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(
            zip(gradients, self.trainable_variables, strict=True)
        )
        self.seen.update_state(loss)
        return {"loss": self.seen.result()}

    def test_step(self, data):
        self.seen.update_state(self._loss(data[0]))
        return {"loss": self.seen.result()}

    @property
    def metrics(self):
        return [self.seen]


def run_fn(fn_args):
    """Trains and saves."""
    train = penguins.dataset(fn_args.train_files).repeat()
    held_out = penguins.dataset(fn_args.eval_files)
    model = TwoTowers()
    model.compile(keras.optimizers.Adagrad(0.1))
    model.fit(
        train, steps_per_epoch=fn_args.train_steps, validation_data=held_out, verbose=0
    )
    penguins.save(model, fn_args)
