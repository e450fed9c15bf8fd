"""Training in JAX: all rates of a grid at once, or one rate at a time for a finder."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.learning_curves.tasks import Array, Params, Task, cross_entropy

MOMENTUM = 0.9
WEIGHT_DECAY = 0.004


def update(
    optimizer: str, rate: Any, step: Any, value: Any, grad: Any, m: Any, v: Any
) -> tuple[Any, Any, Any]:
    """Returns the new weight and slots, by the formulas of Keras' optimizers."""
    if optimizer == "SGD":
        return value - rate * grad, m, v
    if optimizer == "momentum":
        m = MOMENTUM * m - rate * grad
        return value + m, m, v
    if optimizer == "RMSprop":
        v = 0.9 * v + 0.1 * grad**2
        return value - rate * grad / jnp.sqrt(v + 1e-7), m, v
    if optimizer == "Lion":
        direction = jnp.sign(0.9 * m + 0.1 * grad)
        return value - rate * direction, 0.99 * m + 0.01 * grad, v
    m = 0.9 * m + 0.1 * grad
    v = 0.999 * v + 0.001 * grad**2
    scale = jnp.sqrt(1.0 - 0.999 ** (step + 1.0)) / (1.0 - 0.9 ** (step + 1.0))
    decay = WEIGHT_DECAY * rate if optimizer == "AdamW" else 0.0
    return value - decay * value - rate * scale * m / (jnp.sqrt(v) + 1e-7), m, v


def _step(forward: Any, losses: Any, optimizer: str) -> Callable[..., Any]:
    """Returns one training step of one model at one rate."""

    def mean_loss(params: Any, x: Any, y: Any) -> Any:
        return jnp.mean(losses(forward(params, x), y))

    def step(state: Any, rate: Any, x: Any, y: Any) -> Any:
        params, m, v, count = state
        loss, grads = jax.value_and_grad(mean_loss)(params, x, y)
        new = {
            name: update(
                optimizer, rate, count, params[name], grads[name], m[name], v[name]
            )
            for name in params
        }
        first, second, third = ({k: new[k][i] for k in new} for i in range(3))
        return (first, second, third, count + 1.0), loss

    return step


def start(params: Params) -> Any:
    """Returns the state of a training that has not begun."""
    zeros = {name: np.zeros_like(value) for name, value in params.items()}
    return params, zeros, zeros, np.float32(0.0)


class Grid:
    """Trains a task at all rates of a grid at once."""

    def __init__(self, task: Task) -> None:
        """Compiles on first use."""
        self._task = task
        step = _step(task.forward, task.losses, task.optimizer)
        step = jax.vmap(step, in_axes=(0, 0, None, None))
        x, y = jnp.asarray(task.features), jnp.asarray(task.labels)

        @jax.jit
        def train(state: Any, rates: Any, factors: Any, rows: Any) -> Any:
            def body(state: Any, inputs: Any) -> Any:
                factor, batch = inputs
                return step(state, rates * factor, x[batch], y[batch])[0], None

            return jax.lax.scan(body, state, (factors, rows))[0]

        test_x, test_y = x[task.test_rows], y[task.test_rows]

        @jax.jit
        def evaluate(params: Any) -> Any:
            losses = jax.vmap(lambda p: task.losses(task.forward(p, test_x), test_y))
            return losses(params).mean(1)

        self._train, self._evaluate = train, evaluate

    def losses(
        self, rates: Array, factors: Array, marks: list[int], seed: int
    ) -> Array:
        """Returns the test loss of each rate at each mark, `[marks, rates]`.

        Args:
          rates: The peak rates, `[rates]`.
          factors: The schedule: each step's rate over the peak, `[steps]`.
          marks: Numbers of steps, rising, the last one `len(factors)`.
          seed: Of the weights and the order of the rows.
        """
        params = self._task.init(seed)
        state = jax.tree.map(
            lambda a: jnp.broadcast_to(a, (len(rates), *np.shape(a))), start(params)
        )
        rows = self._task.rows(len(factors), seed)
        chunk = int(np.gcd.reduce(marks))
        found = []
        rates = np.asarray(rates, np.float32)
        for begin in range(0, len(factors), chunk):
            part = slice(begin, begin + chunk)
            state = self._train(
                state, rates, np.asarray(factors[part], np.float32), rows[part]
            )
            if begin + chunk in marks:
                found.append(np.asarray(self._evaluate(state[0]), np.float64))
        return np.array(found)

    def untrained(self, seed: int) -> float:
        """Returns the test loss of the initial weights."""
        params = {k: jnp.asarray(v)[None] for k, v in self._task.init(seed).items()}
        return float(self._evaluate(params)[0])


class Loop:
    """`range_test.sweep.TrainingLoop` on a task, so that the real finder runs on it."""

    MOST_STEPS = 8192

    def __init__(self, task: Task) -> None:
        """Compiles on first use; `begin` gives it a seed."""
        self._task = task
        step = _step(task.forward, task.losses, task.optimizer)
        x, y = jnp.asarray(task.features), jnp.asarray(task.labels)

        @jax.jit
        def train(state: Any, rates: Any, rows: Any, count: Any) -> Any:
            def body(i: Any, carry: Any) -> Any:
                state, losses = carry
                state, loss = step(state, rates[i], x[rows[i]], y[rows[i]])
                return state, losses.at[i].set(loss)

            return jax.lax.fori_loop(0, count, body, (state, jnp.zeros(len(rates))))

        eval_x, eval_y = x[task.eval_rows], y[task.eval_rows]

        @jax.jit
        def evaluate(params: Any) -> Any:
            outputs = task.forward(params, eval_x)
            mismatched = jnp.roll(outputs, 1, axis=0)
            return task.losses(outputs, eval_y), task.losses(mismatched, eval_y)

        self._train, self._evaluate = train, evaluate

    def begin(self, seed: int) -> "Loop":
        """Takes the weights and the order of the rows of this seed."""
        self._initial = start(self._task.init(seed))
        self._rows = self._task.rows(self.MOST_STEPS, seed)
        self._position = self._next = 0
        self._state = self._initial
        return self

    def begin_sweep(self) -> None:
        """Restores the initial weights; the batches go on."""
        self._state, self._position = self._initial, self._next

    def begin_candidate(self) -> None:
        """Restores the initial weights and the first batches."""
        self._state, self._position = self._initial, 0

    def train(self, learning_rates: Array, stop_above: float = np.inf) -> Array:
        """Returns the loss of each step, up to one above the limit or not finite."""
        losses: list[float] = []
        for begin in range(0, len(learning_rates), 64):
            rates = np.zeros(64, np.float32)
            part = learning_rates[begin : begin + 64]
            rates[: len(part)] = part
            at = self._position % (self.MOST_STEPS - 64)
            self._state, found = self._train(
                self._state, rates, self._rows[at : at + 64], len(part)
            )
            self._position += len(part)
            self._next = max(self._next, self._position)
            losses += np.asarray(found, np.float64)[: len(part)].tolist()
            if not np.isfinite(losses[-1]):
                break
        all_losses = np.array(losses)
        ends = np.flatnonzero(~(all_losses <= stop_above))
        return all_losses[: ends[0] + 1] if len(ends) else all_losses

    def evaluate(self) -> Array:
        """Returns the loss of each held-out row, also with other rows' outputs."""
        pairs = self._evaluate(self._state[0])
        lines = [np.asarray(line, np.float64) for line in pairs]
        return np.stack([line.reshape(256, -1).mean(1) for line in lines])


def pretrain(params: Params, forward: Any, x: Array, y: Array) -> Params:
    """Returns weights after 600 steps of Adam on another task."""
    rng = np.random.default_rng(0)
    step = jax.jit(_step(forward, cross_entropy, "Adam"))
    state = start(params)
    for _ in range(600):
        rows = rng.integers(0, len(x), 64)
        state, _ = step(state, 3e-3, x[rows], y[rows])
    return {name: np.asarray(value) for name, value in state[0].items()}
