"""The modules, and the data that each one trains on."""

import dataclasses
import pathlib

WRITTEN = pathlib.Path(__file__).parent / "written"

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
      file: The file with `run_fn`.
      data: "penguin", "taxi" or "digits".
      transform: The file with the `preprocessing_fn`; None without Transform.
      legacy_keras: Whether `tf.keras` is tf_keras.
      num_steps: Steps of TrainArgs.
      needs: A package that the module imports and this environment does not have.
    """

    name: str
    file: pathlib.Path
    data: str
    transform: pathlib.Path | None = None
    legacy_keras: bool = True
    num_steps: int = 300
    needs: str = ""


def cases() -> list[Case]:
    """Returns every case: the Keras modules of the installed tfx wheel, then ours."""
    import tfx

    wheel = pathlib.Path(tfx.__path__[0])
    found = []
    for path, data, preprocessing in (
        ("examples/penguin/penguin_utils_keras.py", "penguin", ""),
        ("experimental/templates/penguin/models/model.py", "penguin", None),
        ("examples/chicago_taxi_pipeline/taxi_utils.py", "taxi", ""),
        ("examples/chicago_taxi_pipeline/taxi_utils_native_keras.py", "taxi", ""),
        ("components/testdata/module_file/trainer_module.py", "taxi", ""),
        ("examples/airflow_workshop/taxi/setup/dags/taxi_utils.py", "taxi", ""),
        ("examples/bigquery_ml/taxi_utils_bqml.py", "taxi", ""),
        ("examples/custom_components/slack/example/taxi_utils_slack.py", "taxi", ""),
        (
            "experimental/templates/taxi/models/keras_model/model.py",
            "taxi",
            "experimental/templates/taxi/models/preprocessing.py",
        ),
        ("examples/mnist/mnist_utils_native_keras.py", "digits", ""),
    ):
        transform = None if preprocessing is None else wheel / (preprocessing or path)
        found.append(Case(name=path, file=wheel / path, data=data, transform=transform))
    for path, needs in (
        ("examples/penguin/penguin_utils_cloud_tuner.py", "tensorflow_cloud"),
        ("examples/ranking/ranking_utils.py", "tensorflow_ranking"),
        ("examples/bert/cola/bert_cola_utils.py", "tensorflow_text"),
        ("examples/bert/mrpc/bert_mrpc_utils.py", "tensorflow_text"),
    ):
        found.append(Case(name=path, file=wheel / path, data="penguin", needs=needs))
    found += [
        Case(
            name=name,
            file=WRITTEN / f"{name}.py",
            data="penguin",
            legacy_keras=name == "feature_columns",
        )
        for name in BEHAVIORS
    ]
    return found
