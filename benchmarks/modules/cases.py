"""The modules, and the data that each one trains on."""

import dataclasses
import pathlib
from collections.abc import Iterator

WRITTEN = "benchmarks.modules.written"
"""The package of the modules that were written by behavior."""

TAXI_PREPROCESSING = "tfx.experimental.templates.taxi.models.preprocessing"

DATA = ("penguin", "digits", "taxi", "imdb")
"""The data sets, the quickest first."""

# Path in the wheel: the data. A module without Transform is in `WITHOUT_TRANSFORM`.
WHEEL = {
    "examples/penguin/penguin_utils_keras.py": "penguin",
    "experimental/templates/penguin/models/model.py": "penguin",
    "examples/chicago_taxi_pipeline/taxi_utils_native_keras.py": "taxi",
    "examples/chicago_taxi_pipeline/taxi_utils.py": "taxi",
    "components/testdata/module_file/trainer_module.py": "taxi",
    "experimental/templates/taxi/models/keras_model/model.py": "taxi",
    "examples/bigquery_ml/taxi_utils_bqml.py": "taxi",
    "examples/custom_components/slack/example/taxi_utils_slack.py": "taxi",
    "examples/airflow_workshop/taxi/setup/dags/taxi_utils.py": "taxi",
    "examples/mnist/mnist_utils_native_keras.py": "digits",
    "examples/imdb/imdb_utils_native_keras.py": "imdb",
}
WITHOUT_TRANSFORM = ("experimental/templates/penguin/models/model.py",)
CANNOT_RUN = {
    "examples/penguin/experimental/penguin_utils_sklearn.py": "no Keras: scikit-learn",
    "examples/penguin/penguin_utils_flax_experimental.py": "no Keras: Flax",
    "examples/penguin/penguin_utils_tfdf_experimental.py": (
        "needs tensorflow_decision_forests. Decision forests have no learning rate "
        "that an optimizer holds"
    ),
    "examples/penguin/penguin_utils_cloud_tuner.py": "needs tensorflow_cloud",
    "examples/ranking/ranking_utils.py": "needs tensorflow_ranking and struct2tensor",
    "examples/bert/cola/bert_cola_utils.py": (
        "needs tensorflow_text, and a BERT model from TensorFlow Hub"
    ),
    "examples/bert/mrpc/bert_mrpc_utils.py": (
        "needs tensorflow_text, and a BERT model from TensorFlow Hub"
    ),
}

BEHAVIORS = (
    "fit_in_helper",
    "two_fits",
    "tuner_inside",
    "epochs",
    "early_stopping",
    "learning_rate_schedule",
    "reduce_on_plateau",
    "class_weight",
    "in_memory_arrays",
    "mirrored_strategy",
    "text_vectorization",
    "feature_columns",
    "multiple_outputs",
    "recommender",
    "custom_loop",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """One user module.

    Attributes:
      name: The module's path in the tfx wheel, or the name of a written module.
      module: The import path of the module with `run_fn`.
      data: "penguin", "taxi", "digits" or "imdb".
      preprocessing: The import path of the module with `preprocessing_fn`; None
        without Transform.
      num_steps: Steps of TrainArgs.
      eval_steps: Steps of EvalArgs.
      which_fit: The parameter of both components; None is their default.
    """

    name: str
    module: str
    data: str
    preprocessing: str | None = None
    num_steps: int = 600
    eval_steps: int = 10
    which_fit: int | None = None


def cases() -> list[Case]:
    """Returns every case: of each data set, first the modules of the tfx wheel."""
    found = []
    for path, data in WHEEL.items():
        module = "tfx." + path.removesuffix(".py").replace("/", ".")
        preprocessing: str | None = module
        if path in WITHOUT_TRANSFORM:
            preprocessing = None
        elif "templates/taxi" in path:
            preprocessing = TAXI_PREPROCESSING
        found.append(
            Case(
                name=path,
                module=module,
                data=data,
                preprocessing=preprocessing,
                num_steps=100 if data == "imdb" else 600,
                eval_steps={"taxi": 60, "imdb": 6}.get(data, 10),
            )
        )
    for name in BEHAVIORS:
        found.append(Case(name=name, module=f"{WRITTEN}.{name}", data="penguin"))
        if name == "tuner_inside":
            third = dataclasses.replace(
                found[-1], name="tuner_inside, which_fit=3", which_fit=3
            )
            found.append(third)
    return sorted(found, key=lambda case: DATA.index(case.data))


def unknown() -> Iterator[str]:
    """Yields the paths of modules of the wheel with a `run_fn` that no list has."""
    import tfx

    wheel = pathlib.Path(tfx.__path__[0])
    for path in sorted(wheel.rglob("*.py")):
        name = path.relative_to(wheel).as_posix()
        if name in WHEEL or name in CANNOT_RUN:
            continue
        if "\ndef run_fn(" in path.read_text():
            yield name
