"""Optimizers that need no learning rate, trained in place of the task's own."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.learning_curves.tasks import Array, Params, Task
from benchmarks.learning_curves.truth import schedule

AVERAGING = 8.0
"""The exponent of DoG's polynomial averaging, the default of its authors."""


def _dot(a: Any, b: Any) -> Any:
    return sum(jnp.vdot(a[name], b[name]) for name in a)


def _dog_start(params: Params) -> Any:
    moved = 1e-6 * (1.0 + jnp.sqrt(_dot(params, params)))
    return params, params, params, moved, 1e-8, 0.0


def _dog(state: Any, factor: Any, grads: Any) -> Any:
    """Returns the state after one step of DoG.

    References:
      M. Ivgi, O. Hinder and Y. Carmon, arXiv:2302.12022, equations 1 and 2.
    """
    params, first, average, moved, total, step = state
    total += _dot(grads, grads)
    rate = factor * moved / jnp.sqrt(total)
    new = {name: value - rate * grads[name] for name, value in params.items()}
    away = {name: value - first[name] for name, value in new.items()}
    moved = jnp.maximum(moved, jnp.sqrt(_dot(away, away)))
    step += 1.0
    weight = (AVERAGING + 1.0) / (AVERAGING + step)
    average = {
        name: (1.0 - weight) * value + weight * new[name]
        for name, value in average.items()
    }
    return new, first, average, moved, total, step


def _prodigy_start(params: Params) -> Any:
    zeros = {name: jnp.zeros_like(value) for name, value in params.items()}
    return params, params, zeros, zeros, zeros, 0.0, 1e-6


def _prodigy(state: Any, factor: Any, grads: Any) -> Any:
    """Returns the state after one step of Prodigy with Adam's moments.

    References:
      K. Mishchenko and A. Defazio, arXiv:2306.06101, algorithm 4.
    """
    params, first, m, v, s, r, d = state
    slow = np.sqrt(0.999)
    m = {k: 0.9 * m[k] + 0.1 * d * g for k, g in grads.items()}
    v = {k: 0.999 * v[k] + 0.001 * d**2 * g**2 for k, g in grads.items()}
    s = {k: slow * s[k] + (1 - slow) * factor * d**2 * g for k, g in grads.items()}
    away = {k: first[k] - value for k, value in params.items()}
    r = slow * r + (1 - slow) * factor * d**2 * _dot(grads, away)
    size = sum(jnp.abs(value).sum() for value in s.values())
    new = {
        k: value - factor * d * m[k] / (jnp.sqrt(v[k]) + d * 1e-8)
        for k, value in params.items()
    }
    return new, first, m, v, s, r, jnp.maximum(d, r / jnp.maximum(size, 1e-30))


# The start, the step, and where the weights to evaluate lie in the state.
_OPTIMIZERS: dict[str, tuple[Any, Any, int]] = {
    "DoG": (_dog_start, _dog, 2),
    "Prodigy": (_prodigy_start, _prodigy, 0),
}
NAMES = tuple(_OPTIMIZERS)


class ParameterFree:
    """Trains a task with an optimizer that needs no learning rate."""

    def __init__(self, name: str, task: Task) -> None:
        """Compiles on first use.

        Args:
          name: One of `NAMES`.
          task: Its optimizer does not matter.
        """
        self._task = task
        self._begin, step, self._weights = _OPTIMIZERS[name]
        x, y = jnp.asarray(task.features), jnp.asarray(task.labels)

        def mean_loss(params: Any, rows: Any) -> Any:
            return jnp.mean(task.losses(task.forward(params, x[rows]), y[rows]))

        @jax.jit
        def train(state: Any, factors: Any, rows: Any) -> Any:
            def body(state: Any, inputs: Any) -> Any:
                factor, batch = inputs
                return step(state, factor, jax.grad(mean_loss)(state[0], batch)), None

            return jax.lax.scan(body, state, (factors, rows))[0]

        test_x, test_y = x[task.test_rows], y[task.test_rows]

        @jax.jit
        def evaluate(params: Any) -> Any:
            return jnp.mean(task.losses(task.forward(params, test_x), test_y))

        self._train, self._evaluate = train, evaluate

    def loss(self, schedule_name: str, num_steps: int, seed: int) -> float:
        """Returns the test loss after a training, infinite if it is not finite."""
        factors: Array = schedule(schedule_name, num_steps).astype(np.float32)
        params = {k: jnp.asarray(v) for k, v in self._task.init(seed).items()}
        state = jax.tree.map(jnp.float32, self._begin(params))
        state = self._train(state, factors, self._task.rows(num_steps, seed))
        loss = float(self._evaluate(state[self._weights]))
        return loss if np.isfinite(loss) else float("inf")
