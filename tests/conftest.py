"""What several tests share: two devices, TFX's own test data and user modules.

Nothing here loads TensorFlow before a test needs it, so that the tests of the pure
layer, and the process that only distributes tests, start in a moment.
"""

import functools
import gc
import importlib.util
import pathlib

import hypothesis
import pytest
import tfx

pytest_plugins = [
    "tests.compatibility",
    "tests.kfp_server",
    "tests.reports",
]

# How fast a machine draws examples says nothing about the code.
hypothesis.settings.register_profile(
    "any_machine",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("any_machine")

# TFX has its Kubeflow runner, and the kfp that it needs, up to Python 3.11.
NEED_KFP = [
    "compiled",
    "kfp_native",
    "pipelines/remote/test_golden.py",
    "pipelines/remote/test_sending.py",
    "pipelines/test_other_trainers.py",
]
HAS_KFP = importlib.util.find_spec("kfp") is not None
collect_ignore = [] if HAS_KFP else NEED_KFP

MODULES = pathlib.Path(__file__).parent / "testdata"
TFX_DATA = pathlib.Path(tfx.__path__[0]) / "components" / "testdata"
WITHOUT_TENSORFLOW = pathlib.Path(__file__).parent / "range_test"

STARTED_FIRST = [
    "test_release.py",
    "pipelines/test_run_spans.py",
    "compiled/test_taxi.py",
    "pipelines/test_run_local.py",
    "kfp_native/test_environments.py",
    "pipelines/test_hands_free.py",
]
"""The files whose tests take longest, so that no worker has one left at the end."""


def pytest_report_header():
    return [] if HAS_KFP else [f"no kfp here: left out are {', '.join(NEED_KFP)}"]


def pytest_collection_modifyitems(items):
    """Puts the longest files first. The others keep their order."""
    folder = pathlib.Path(__file__).parent
    first = {folder / name: place for place, name in enumerate(STARTED_FIRST)}
    items.sort(key=lambda item: first.get(item.path, len(first)))


@pytest.hookimpl(tryfirst=True)
def pytest_make_collect_report(collector):
    """Splits the CPU before the first test module is imported that uses TensorFlow.

    So every process that runs such tests has the same devices, whichever tests it runs.
    """
    is_module = isinstance(collector, pytest.Module)
    if is_module and WITHOUT_TENSORFLOW not in collector.path.parents:
        _split_cpu()


def pytest_collection_finish():
    """Keeps the imported modules out of every garbage collection that follows.

    A full collection walks through all objects of TensorFlow and TFX otherwise. It
    takes half a second, and KerasTuner asks for two of them in every trial.
    """
    gc.collect()
    gc.freeze()


@functools.cache
def _split_cpu():
    """Makes two logical devices of the CPU, for the tests of tf.distribute."""
    import tensorflow as tf

    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * 2,
    )


@pytest.fixture(params=["keras", "tf_keras"])
def k(request):
    """Keras 3 or tf_keras."""
    return importlib.import_module(request.param)


@pytest.fixture
def dataset():
    """Ten batches of 16 rows, y linear in x, in a fixed order."""
    from tests.keras_models import linear_dataset

    return linear_dataset()


@pytest.fixture
def make_result(tmp_path):
    """Makes an LRFinderResult artifact with a folder of its own."""

    from tfx_lr_finder import LRFinderResult

    def make(name="lr_finder_result"):
        artifact = LRFinderResult()
        artifact.uri = str(tmp_path / name)
        return artifact

    return make


def _examples(folder, splits=("train", "eval")):
    from tfx.types import artifact_utils, standard_artifacts

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
    from tfx.types import standard_artifacts

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


@pytest.fixture
def tuner_config():
    """The hyperparameters of a Tuner that searched the rate and the depth."""
    import keras_tuner

    space = keras_tuner.HyperParameters()
    space.Choice("learning_rate", [1e-2, 1e-3])
    space.Int("num_layers", 1, 5, default=3)
    return space.get_config()


@pytest.fixture(scope="session")
def make_taxi_trip():
    """Makes a serialized raw trip, without a tip, for the taxi models."""
    import tensorflow as tf

    def make(payment):
        trip = tf.train.Example()
        trip.features.feature["fare"].float_list.value.append(12.45)
        trip.features.feature["trip_miles"].float_list.value.append(2.0)
        trip.features.feature["payment_type"].bytes_list.value.append(payment)
        for column in ("trip_start_day", "trip_start_hour", "trip_start_month"):
            trip.features.feature[column].int64_list.value.append(5)
        return trip.SerializeToString()

    return make
