"""Names of the channels and execution properties of both components.

They equal those of TFX's own components. They are spelled out here because
`tfx.types.standard_component_specs` imports Beam, TFMA and TFDV, which a pipeline
file that only builds an `LRFinder` does not need.
"""

APPLY = "apply"
BASE_MODEL = "base_model"
BEST_HYPERPARAMETERS = "best_hyperparameters"
CHECKPOINT_DIR = "checkpoint_dir"
CHECKPOINT_SECONDS = "checkpoint_seconds"
COMPONENT_VERSION = "component_version"
CUSTOM_CONFIG = "custom_config"
DEFAULT_LEARNING_RATE = "default_learning_rate"
EVAL_ARGS = "eval_args"
EXAMPLES = "examples"
HYPERPARAMETERS = "hyperparameters"
HYPERPARAMETER_NAME = "hyperparameter_name"
LEARNING_RATE = "learning_rate"
LEARNING_RATE_USED = "learning_rate_used"
LR_FINDER_FN = "lr_finder_fn"
LR_FINDER_RESULT = "lr_finder_result"
MAX_CHANGE = "max_change"
MODULE_FILE = "module_file"
MODULE_PATH = "module_path"
ON_INCONCLUSIVE = "on_inconclusive"
ON_UNUSED = "on_unused"
PREVIOUS = "previous"
RUN_FN = "run_fn"
SCHEMA = "schema"
TRAIN_ARGS = "train_args"
TRANSFORM_GRAPH = "transform_graph"
