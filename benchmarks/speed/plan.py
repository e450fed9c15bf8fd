"""What is measured, how often, and what is hoped for."""

import dataclasses

MODELS = ("mlp", "wide_and_deep", "conv", "transformer")
MEMORY_ONLY = ("embedding",)
"""Models of which only the memory is measured, in a short sweep."""
KERAS = ("keras", "tf_keras")
EVERYBODY = ("article", "callback", "fit", "bare", "ours")
SWEEP_STEPS = 300
MEMORY_ONLY_STEPS = 20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """How often each contestant takes how many steps.

    Attributes:
      models: Names of models.
      keras: Names of Keras packages.
      repeats: A number that scales all repeats; 1 is the usual amount.
      quick: Whether only a taste is wanted.
    """

    models: tuple[str, ...]
    keras: tuple[str, ...]
    repeats: float = 1.0
    quick: bool = False

    def steps(self) -> tuple[int, ...]:
        """Returns the lengths of sweeps to time."""
        return (100, 300) if self.quick else (100, 300, 3000)

    def times(self, model: str, steps: int, contestant: str) -> int:
        """Returns how often to time it; 0 for never.

        The slow ones are timed more seldom, and for 3,000 steps only on the MLP.
        """
        slow = contestant in ("article", "callback")
        mlp = model == "mlp"
        if steps == 3000:
            usual = 1 if mlp or contestant in ("bare", "ours") else 0
        elif contestant == "article":
            usual = (2 if steps == 300 else 1) if mlp else int(steps == 100)
        elif mlp:
            usual = 7 if steps == 300 else 3
        else:
            usual = 2 if slow or steps == 100 else 3
        if self.quick:
            usual = min(usual, 2 if mlp or not slow else 1)
        return max(1, round(usual * self.repeats)) if usual else 0

    def steady_steps(self, model: str, contestant: str) -> int:
        """Returns how many steps a round of the comparison per step takes."""
        if contestant == "article":
            return 20
        return 300 if model in ("mlp", "wide_and_deep") else 100

    def steady_seconds(self) -> float:
        """Returns how long to compare us with the bare loop on a model."""
        return (3.0 if self.quick else 10.0) * self.repeats


@dataclasses.dataclass(frozen=True, kw_only=True)
class Goal:
    """An upper bound that is hoped for.

    Attributes:
      text: What is bounded.
      limit: The bound.
    """

    text: str
    limit: float


GOALS = {
    "first call": Goal(
        text="times the bare loop's first call, MLP, 300 steps, with tracing",
        limit=1.15,
    ),
    "step": Goal(text="times the bare loop's warm step, worst model", limit=1.03),
    "memory": Goal(text="times the peak memory of fit, worst model", limit=1.1),
    "traces": Goal(text="traces of the step, worst model", limit=1),
    "host": Goal(
        text="of a warm sweep of 300 (100) steps on the host, worst model", limit=0.02
    ),
    "growth": Goal(
        text="times the cost of a step, from 300 to 3,000 against before, worst model",
        limit=1.05,
    ),
}
