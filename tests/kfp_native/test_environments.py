"""The package where TFX is not installed, and where only kfp is.

Each test makes the environment itself, with uv and the locked versions.
"""

import json
import os
import pathlib
import subprocess
import sys

import pytest
import yaml

import tfx_lr_finder
from tests.kfp_native.processes import Run, run_command
from tests.kfp_native.test_pipeline import compiled
from tfx_lr_finder import read_result

ROOT = pathlib.Path(__file__).parents[2]
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
NEEDED = ("absl-py", "jinja2", "markupsafe", "matplotlib", "numpy", "tensorflow-cpu")
"""What find_learning_rate and the pod need, besides this package."""
WITHOUT_TFX = {
    "Cyclical",
    "LRFinderFnResult",
    "LRFinderReport",
    "MomentumCycle",
    "OneCycle",
    "RangeTestConfig",
    "__version__",
    "find_learning_rate",
    "learning_rate",
    "read_result",
    "show_in_console",
}
"""Public names that need no TFX."""

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]


def _uv(*arguments):
    program = pathlib.Path(sys.executable).with_name("uv")
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def environment(folder, *requirements, constraints=()):
    """Makes an environment with this package and only these requirements."""
    _uv("venv", "--quiet", "--python", sys.executable, folder)
    python = folder / "bin" / "python"
    options = [f"--constraint={path}" for path in constraints]
    _uv("pip", "install", "--quiet", "--python", python, *options, *requirements)
    _uv("pip", "install", "--quiet", "--python", python, "--no-deps", ROOT)
    return python


def _run(python, code):
    environment = {**os.environ, "PYTHONPATH": "", "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(
        [python, "-c", code], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def without_tfx(tmp_path_factory):
    """Python with TensorFlow of the lock and without TFX."""
    lock = next(ROOT.glob(f"requirements/tfx-*-py{PYTHON}-cpu.txt"), None)
    if lock is None:
        pytest.skip(f"no lock of tensorflow-cpu for Python {PYTHON}")
    all_packages = lock.with_name(lock.name.replace("-cpu", ""))
    folder = tmp_path_factory.mktemp("without_tfx") / "venv"
    return environment(folder, *NEEDED, constraints=[lock, all_packages])


def test_find_learning_rate_runs_without_tfx(without_tfx):
    code = """
import importlib.util, sys
import keras, numpy as np, tensorflow as tf
import tfx_lr_finder
x = np.random.default_rng(0).normal(size=(320, 4)).astype("float32")
data = tf.data.Dataset.from_tensor_slices((x, x.sum(1, keepdims=True))).batch(16)
model = keras.Sequential([keras.Input([4]), keras.layers.Dense(1)])
model.compile("sgd", "mse")
report = tfx_lr_finder.find_learning_rate(model, data, max_steps=200, num_sweeps=1)
for name in ("tfx", "ml_metadata", "apache_beam", "kfp", "click"):
    assert importlib.util.find_spec(name) is None, name
print(report.verdict.name, report.learning_rate > 0)
"""
    assert _run(without_tfx, code).split()[-1] == "True"


def test_each_public_name_loads_or_fails_with_a_sentence(without_tfx):
    code = """
import json, tfx_lr_finder
said = {}
for name in tfx_lr_finder.__all__:
    try:
        getattr(tfx_lr_finder, name)
    except ImportError as error:
        said[name] = str(error)
print(json.dumps(said))
"""
    said = json.loads(_run(without_tfx, code).splitlines()[-1])
    assert set(said) == set(tfx_lr_finder.__all__) - WITHOUT_TFX
    for name, sentence in said.items():
        assert sentence.startswith(f"{name} needs TFX, and ")
        assert "work without TFX." in sentence


def test_the_command_fails_with_a_sentence(without_tfx, tmp_path):
    def said(*arguments, python_path=""):
        done = subprocess.run(
            [without_tfx.with_name("lr-finder"), *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(python_path)},
        )
        assert done.returncode == 1
        return done.stderr

    def sentence(missing):
        return (
            f"lr-finder: this command needs {missing}, which is not installed. Install "
            "tfx-lr-finder with its dependencies.\n"
        )

    run = ("run", "penguin_steps.lr_finder_fn", "--examples", str(tmp_path))
    assert said(*run) == sentence("click")
    _uv("pip", "install", "--quiet", "--target", tmp_path, "click")
    assert said(*run, python_path=tmp_path) == sentence("tfx")
    history = ("history", "--metadata", "sqlite", "--pipeline", "taxi")
    assert said(*history, python_path=tmp_path) == sentence("ml_metadata")


def test_the_whole_pipeline_runs_without_tfx(without_tfx, penguin_folders, tmp_path):
    def start(command):
        return run_command(command, python=without_tfx)

    source = str(penguin_folders["train_data"].parent)
    run = Run(compiled(tmp_path), tmp_path / "root", start).run(source=source)
    found = run.outputs["lr-finder"]
    print(found)
    assert found["learning_rate"] == read_result(found["result"]).learning_rate
    assert run.outputs["evaluate"]["accuracy"] > 0.9


@pytest.mark.parametrize("version", ["kfp==2.5.0", "kfp<3"])
def test_kfp_alone_compiles_the_component_and_loads_its_file(version, tmp_path):
    python = environment(tmp_path / "venv", version)
    written = tmp_path / "component.yaml"
    code = f"""
import importlib.util, sys
import kfp
from kfp import compiler, components
from tfx_lr_finder.kfp import lr_finder
compiler.Compiler().compile(lr_finder(), {str(written)!r})
golden = {str(ROOT / "kubeflow" / "component" / "lr_finder.yaml")!r}
loaded = components.load_component_from_file(golden)
assert importlib.util.find_spec("numpy") is None
assert importlib.util.find_spec("tfx") is None
print(kfp.__version__, loaded.name)
"""
    printed = _run(python, code)
    print(printed)
    assert printed.endswith(" lr-finder\n")
    golden = yaml.safe_load((ROOT / "kubeflow/component/lr_finder.yaml").read_text())
    now = yaml.safe_load(written.read_text())
    for part in ("components", "deploymentSpec"):
        assert now[part] == golden[part]
