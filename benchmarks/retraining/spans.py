"""The retrainings: families of spans, each span with one change of production."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import keras
from keras import layers

from benchmarks.quality.task import Data, Task
from benchmarks.retraining.data import digits, taxi

CLASSES = 10
DEFAULT_RATES = {"SGD": 1e-2, "momentum": 1e-2}
"""Keras' default rates that are not 1e-3."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Model:
    """A dense network.

    Attributes:
      loss: "binary", "classes" or "mse".
      optimizer: "Adam", "AdamW", "Lion", "RMSprop", "SGD" or "momentum".
      hidden: Units of each hidden layer.
      policy: Keras' dtype policy.
      base: Returns the weights to start from, those of the last layer left out.
    """

    loss: str
    optimizer: str
    hidden: tuple[int, ...] = (32, 16)
    policy: str = "float32"
    base: Callable[[], list[Any]] | None = None

    def build(self, num_features: int, seed: int) -> Any:
        """Returns the compiled model with weights of this seed."""
        keras.utils.set_random_seed(seed)
        dense = functools.partial(
            layers.Dense, activation="relu", dtype=keras.DTypePolicy(self.policy)
        )
        outputs = CLASSES if self.loss == "classes" else 1
        stack = [keras.Input((num_features,)), *map(dense, self.hidden)]
        model = keras.Sequential([*stack, layers.Dense(outputs, dtype="float32")])
        if self.base is not None:
            model.set_weights([*self.base(), *model.get_weights()[-2:]])
        model.compile(self._optimizer(), self._loss())
        return model

    def _optimizer(self) -> Any:
        name, options = self.optimizer, {}
        if name == "momentum":
            name, options = "SGD", {"momentum": 0.9}
        optimizer = getattr(keras.optimizers, name)(**options)
        if self.policy == "mixed_float16":
            return keras.optimizers.LossScaleOptimizer(optimizer)
        return optimizer

    def _loss(self) -> Any:
        if self.loss == "binary":
            return keras.losses.BinaryCrossentropy(from_logits=True)
        if self.loss == "classes":
            return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        return keras.losses.MeanSquaredError()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Span:
    """One retraining.

    Attributes:
      family: The pipeline that is retrained.
      number: Counted from 1, day 1.
      change: What changed since the span before.
      model: The network and its optimizer.
      task: The data, the model's code and the length of the training.
      broken: Whether there is nothing to learn.
    """

    family: str
    number: int
    change: str
    model: Model
    task: Task
    broken: bool = False


@functools.cache
def base_weights() -> list[Any]:
    """Returns the hidden weights of a model of the upright digits."""
    data = digits(0, num_train=900)
    model = Model(loss="classes", optimizer="Adam").build(64, 100)
    model.fit(data.train.features, data.train.labels, 50, 20, verbose=0)
    return list(model.get_weights()[:-2])


class Family:
    """Collects the spans of one family.

    Args:
      name: Of the family.
      model: The model of day 1.
      data: Makes the data of a span from its number and the arguments of `add`.
      steps: Training steps of day 1.
    """

    def __init__(
        self, name: str, model: Model, data: Callable[..., Data], steps: int = 400
    ) -> None:
        """Starts without spans."""
        self._name, self._model, self._data, self._steps = name, model, data, steps
        self.spans: list[Span] = []

    def add(
        self,
        change: str,
        *,
        steps: int | None = None,
        batch_size: int = 64,
        broken: bool = False,
        model: dict[str, Any] | None = None,
        **data: Any,
    ) -> "Family":
        """Adds a span and returns the family.

        Args:
          change: What changed, for the tables.
          steps: Training steps; None for those of day 1.
          batch_size: Rows per step.
          broken: Whether the labels are shuffled.
          model: Fields of the model that differ from day 1.
          **data: Arguments of the data that differ from their defaults.
        """
        number = len(self.spans) + 1
        changed = dataclasses.replace(self._model, **(model or {}))
        if broken:
            data["shuffled"] = True
        make_data = functools.cache(functools.partial(self._data, number, **data))

        def build(seed: int) -> Any:
            return changed.build(make_data().train.features.shape[1], seed)

        task = Task(
            name=f"{self._name} {number}",
            optimizer=changed.optimizer,
            batch_size=batch_size,
            train_steps=steps or self._steps,
            make_data=make_data,
            build=build,
            xla=changed.policy != "mixed_float16",
        )
        span = Span(
            family=self._name,
            number=number,
            change=change,
            model=changed,
            task=task,
            broken=broken,
        )
        self.spans.append(span)
        return self


def _taxi(name: str, optimizer: str, loss: str = "binary", **data: Any) -> Family:
    model = Model(loss=loss, optimizer=optimizer)
    return Family(name, model, functools.partial(taxi, **data))


def _digits(name: str, optimizer: str, steps: int = 400) -> Family:
    return Family(name, Model(loss="classes", optimizer=optimizer), digits, steps)


def families() -> dict[str, list[Span]]:
    """Returns the spans of each family, in their order."""
    raw = {"factors": (1.0, 1.0, 1.0)}
    seconds = {"factors": (1.0, 1.0, 60.0)}
    cents = {"factors": (100.0, 1.0, 1.0)}
    found = [
        _taxi("feature units, Adam", "Adam")
        .add("day 1: dollars, miles, minutes; not normalized", **raw)
        .add("minutes become seconds", **seconds)
        .add("dollars become cents, seconds minutes", **cents)
        .add("the units of day 1 again", **raw),
        _taxi("feature units, momentum", "momentum")
        .add("day 1: dollars, miles, minutes; not normalized", **raw)
        .add("minutes become seconds", **seconds)
        .add("the units of day 1 again", **raw)
        .add("all features normalized"),
        _taxi("broken span, Adam", "Adam")
        .add("day 1")
        .add("shuffled labels", broken=True)
        .add("good labels again"),
        _taxi("optimizer", "Adam")
        .add("day 1: Adam")
        .add("Lion", model={"optimizer": "Lion"})
        .add("SGD", model={"optimizer": "SGD"})
        .add("SGD with momentum", model={"optimizer": "momentum"}),
        _taxi("batch size", "momentum")
        .add("day 1: batches of 64, 15 epochs", steps=930)
        .add("batches of 256, 15 epochs", steps=230, batch_size=256)
        .add("batches of 1,024, 15 epochs", steps=58, batch_size=1024)
        .add("batches of 1,024, 400 steps", steps=400, batch_size=1024),
        _taxi("target units", "Adam", loss="mse", target="fare")
        .add("day 1: the fare in dollars")
        .add("the fare in cents", target_factor=100.0)
        .add("new trips, in cents", target_factor=100.0),
        _digits("deeper model", "momentum")
        .add("day 1: 1 hidden layer", model={"hidden": (32,)})
        .add("3 hidden layers", model={"hidden": (32,) * 3})
        .add("6 hidden layers", model={"hidden": (32,) * 6}),
        _digits("fine-tuning", "Adam", steps=300)
        .add("day 1: turned digits, from scratch", turned=True)
        .add("from a base model", turned=True, model={"base": base_weights})
        .add(
            "from a base model, 200 rows",
            turned=True,
            num_train=200,
            model={"base": base_weights},
        ),
        _digits("broken span, momentum", "momentum")
        .add("day 1")
        .add("shuffled labels", broken=True)
        .add("good labels again"),
        _taxi("mixed precision", "momentum")
        .add("day 1: float32")
        .add("mixed_bfloat16", model={"policy": "mixed_bfloat16"})
        .add("mixed_float16", model={"policy": "mixed_float16"}),
        _taxi("class balance", "Adam")
        .add("day 1: 20 % big tips", positives=0.2)
        .add("10 % big tips", positives=0.1)
        .add("3 % big tips", positives=0.03),
        _taxi("label noise", "momentum")
        .add("day 1: clean labels")
        .add("10 % of the labels inverted", flipped=0.1)
        .add("25 % of the labels inverted", flipped=0.25),
        _taxi("more data", "Adam")
        .add("day 1: 1,125 trips, 8 epochs", num_train=1125, steps=140)
        .add("2,250 trips, 8 epochs", num_train=2250, steps=280)
        .add("4,500 trips, 8 epochs", num_train=4500, steps=560)
        .add("9,000 trips, 8 epochs", num_train=9000, steps=1120),
    ]
    return {family.spans[0].family: family.spans for family in found}
