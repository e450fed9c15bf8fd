"""What several tests share: reports of known shape, and TFX's own test data."""

import dataclasses
import importlib.util
import math
import pathlib

import numpy as np
import pytest
import tensorflow as tf
import tfx
from tfx.types import artifact_utils, standard_artifacts

from tfx_lr_finder import LRFinderReport, LRFinderResult, RangeTestConfig
from tfx_lr_finder.range_test.candidates import Candidate
from tfx_lr_finder.range_test.ladder import learning_rate_ladder, rates_by_schedule
from tfx_lr_finder.range_test.smoothing import smooth
from tfx_lr_finder.range_test.sweep import StopReason, Sweep
from tfx_lr_finder.range_test.verdict import Verdict

pytest_plugins = [
    "tests.keras_models",
    "tests.kfp_server",
    "tests.compatibility",
]

# TFX has its Kubeflow runner, and the kfp that it needs, up to Python 3.11.
NEED_KFP = [
    "compiled",
    "pipelines/remote/test_golden.py",
    "pipelines/remote/test_sending.py",
    "pipelines/test_other_trainers.py",
]
HAS_KFP = importlib.util.find_spec("kfp") is not None
collect_ignore = [] if HAS_KFP else NEED_KFP


def pytest_report_header():
    return [] if HAS_KFP else [f"no kfp here: left out are {', '.join(NEED_KFP)}"]


MODULES = pathlib.Path(__file__).parent / "testdata"
TFX_DATA = pathlib.Path(tfx.__path__[0]) / "components" / "testdata"


def _sweep(config, seed):
    """A curve with a fall around 1e-3 and an explosion that ends it."""
    rates = learning_rate_ladder(config)
    rates = rates[rates < 0.5]
    fall = 0.6 / (1 + (rates / 1e-3) ** -1.2)
    explosion = (rates / 0.3) ** 4
    noise = np.random.default_rng(seed).normal(0, 0.02, len(rates))
    losses = 1.1 - fall + explosion + noise
    return Sweep(
        learning_rates=tuple(rates.tolist()),
        losses=tuple(losses.tolist()),
        smoothed_losses=tuple(smooth(losses, config.smoothing).tolist()),
        stop_reason=StopReason.DIVERGED,
        num_steps=len(rates),
    )


def _candidate(rate, loss, num_steps):
    return Candidate(
        learning_rate=rate,
        eval_losses=(loss, loss),
        train_loss=loss,
        num_steps=num_steps,
    )


def _report():
    config = RangeTestConfig(num_rates=100, max_steps=1000)
    sweeps = tuple(_sweep(config, seed) for seed in range(config.num_sweeps))
    probes = [(3e-4, 0.98), (3e-3, 0.86), (0.03, 0.70), (0.3, 1.4), (3.0, math.nan)]
    candidates = [(0.003, 0.71), (0.01, 0.58), (0.03, 0.55), (0.1, 0.95)]
    return LRFinderReport(
        learning_rate=0.03,
        learning_rate_range=(0.006, 0.06),
        learning_rates_by_schedule=rates_by_schedule(0.03),
        verdict=Verdict.OK,
        reasons=(),
        source="confirmed",
        rule="valley",
        suggestions={"valley": 0.004, "steepest": 0.001, "slide": None},
        stop_reason=StopReason.DIVERGED,
        sweeps=sweeps,
        probes=tuple(_candidate(rate, loss, 20) for rate, loss in probes),
        candidates=tuple(_candidate(rate, loss, 40) for rate, loss in candidates),
        checked=_candidate(0.03, 0.54, 40),
        untrained_loss=1.1,
        steps_by_phase={
            "sweeps": sum(sweep.num_steps for sweep in sweeps),
            "probes": 100,
            "candidates": 160,
            "check": 40,
        },
        seconds={"sweeps": 1.5, "confirming": 0.5},
        environment={"optimizer": "SGD", "keras": "3.12.4", "batch_size": 32},
        config=config,
    )


# Two devices for tf.distribute, in every process that runs tests. They can only be
# made before TensorFlow starts.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0],
    [tf.config.LogicalDeviceConfiguration()] * 2,
)


@pytest.fixture(scope="session")
def make_report():
    """Makes a report like that of a real search, with some fields replaced."""
    report = _report()

    def make(**changes):
        return dataclasses.replace(report, **changes)

    return make


@pytest.fixture(scope="session")
def make_inconclusive(make_report):
    """Makes the report of a search that found nothing."""

    def make(**changes):
        nothing = {
            "learning_rate": None,
            "learning_rate_range": None,
            "learning_rates_by_schedule": {},
            "verdict": Verdict.INCONCLUSIVE,
            "reasons": ("the loss did not fall at any learning rate",),
            "source": "none",
            "candidates": (),
            "checked": None,
        }
        return make_report(**{**nothing, **changes})

    return make


@pytest.fixture
def make_result(tmp_path):
    """Makes an LRFinderResult artifact with a folder of its own."""

    def make(name="lr_finder_result"):
        artifact = LRFinderResult()
        artifact.uri = str(tmp_path / name)
        return artifact

    return make


def _examples(folder, splits=("train", "eval")):
    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder)
    artifact.split_names = artifact_utils.encode_split_names(list(splits))
    return artifact


@pytest.fixture(scope="session")
def make_examples():
    """Makes an Examples artifact of a folder with `Split-<name>` folders."""
    return _examples


@pytest.fixture(scope="session")
def penguin_examples():
    """234 and 100 raw penguins."""
    return _examples(TFX_DATA / "penguin" / "data")


@pytest.fixture(scope="session")
def raw_taxi_examples():
    """Taxi rides as CsvExampleGen writes them."""
    return _examples(TFX_DATA / "csv_example_gen")


@pytest.fixture(scope="session")
def transformed_taxi_examples():
    """Taxi rides as Transform writes them, by `taxi_graph`."""
    return _examples(TFX_DATA / "transform" / "transformed_examples")


@pytest.fixture(scope="session")
def taxi_graph():
    """The transform graph of the taxi rides."""
    artifact = standard_artifacts.TransformGraph()
    artifact.uri = str(TFX_DATA / "transform" / "transform_graph")
    return artifact


@pytest.fixture(scope="session")
def penguin_module():
    """The path of a module with `lr_finder_fn` and `run_fn` for the penguins."""
    return str(MODULES / "penguin" / "penguin_module.py")


@pytest.fixture(scope="session")
def taxi_module():
    """The path of a module with `lr_finder_fn` for the taxi rides."""
    return str(MODULES / "taxi" / "taxi_module.py")


@pytest.fixture(scope="session")
def make_taxi_trip():
    """Makes a serialized raw trip, without a tip, for the taxi models."""

    def make(payment):
        trip = tf.train.Example()
        trip.features.feature["fare"].float_list.value.append(12.45)
        trip.features.feature["trip_miles"].float_list.value.append(2.0)
        trip.features.feature["payment_type"].bytes_list.value.append(payment)
        for column in ("trip_start_day", "trip_start_hour", "trip_start_month"):
            trip.features.feature[column].int64_list.value.append(5)
        return trip.SerializeToString()

    return make
