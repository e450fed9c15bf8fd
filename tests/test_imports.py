import subprocess
import sys

from tfx.types import standard_component_specs

from tfx_lr_finder.settings import keys

BLOCK = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError("blocked by the test: " + name, name=name)

sys.meta_path.insert(0, Blocker())
"""
HEAVY = ("apache_beam", "keras", "keras_tuner", "matplotlib", "tensorflow", "tf_keras")


def _run(code, blocked):
    script = BLOCK.format(blocked=blocked) + code
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_package_loads_neither_tfx_nor_numpy():
    _run("import tfx_lr_finder", blocked=(*HEAVY, "tfx", "numpy", "absl"))


def test_a_pipeline_file_needs_no_tensorflow_keras_or_beam():
    code = """
from tfx import types
from tfx.types import standard_artifacts
import tfx_lr_finder

finder = tfx_lr_finder.LRFinder(
    examples=types.Channel(type=standard_artifacts.Examples),
    lr_finder_fn="my_package.lr_finder_fn",
    max_lr=1,
)
print(sorted(finder.outputs), finder.exec_properties["max_lr"])
"""
    printed = _run(code, blocked=HEAVY)
    outputs = "best_hyperparameters lr_finder_page lr_finder_result lr_finder_scalars"
    assert printed == f"{outputs.split()} 1.0\n"


def test_an_lr_finder_trainer_needs_no_tensorflow_keras_or_beam():
    code = """
from tfx import types
from tfx.types import standard_artifacts
import tfx_lr_finder
from tfx_lr_finder.trainer import Executor

trainer = tfx_lr_finder.LRFinderTrainer(
    examples=types.Channel(type=standard_artifacts.Examples),
    lr_finder_result=types.Channel(type=tfx_lr_finder.LRFinderResult),
    run_fn="my_package.run_fn",
)
print(sorted(trainer.outputs), trainer.executor_spec.executor_class is Executor)
"""
    assert _run(code, blocked=HEAVY) == "['model', 'model_run'] True\n"


def test_what_a_user_module_imports_needs_no_tfx():
    code = "import tfx_lr_finder; tfx_lr_finder.LRFinderFnResult(1, 2)"
    _run(code, blocked=(*HEAVY, "tfx", "numpy"))


def test_channel_and_property_names_equal_those_of_tfx():
    specs = standard_component_specs
    same = {
        keys.BASE_MODEL: specs.BASE_MODEL_KEY,
        keys.BEST_HYPERPARAMETERS: specs.BEST_HYPERPARAMETERS_KEY,
        keys.CUSTOM_CONFIG: specs.CUSTOM_CONFIG_KEY,
        keys.EVAL_ARGS: specs.EVAL_ARGS_KEY,
        keys.EXAMPLES: specs.EXAMPLES_KEY,
        keys.HYPERPARAMETERS: specs.HYPERPARAMETERS_KEY,
        keys.MODULE_FILE: specs.MODULE_FILE_KEY,
        keys.MODULE_PATH: specs.MODULE_PATH_KEY,
        keys.SCHEMA: specs.SCHEMA_KEY,
        keys.STATISTICS: specs.STATISTICS_KEY,
        keys.TRAIN_ARGS: specs.TRAIN_ARGS_KEY,
        keys.TRANSFORM_GRAPH: specs.TRANSFORM_GRAPH_KEY,
    }
    assert list(same) == list(same.values())
