import json
import math
import pathlib
import re
import textwrap

import keras
import keras_tuner
import numpy as np
import pytest
import tensorflow as tf
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx import types
from tfx.dsl.components.base import base_beam_executor
from tfx.proto import trainer_pb2
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import path_utils

from tfx_lr_finder import LRFinder, LRFinderResult, artifact, read_result
from tfx_lr_finder.executor import Executor
from tfx_lr_finder.range_test.ladder import horizon_factor
from tfx_lr_finder.range_test.verdict import Verdict
from tfx_lr_finder.runtime.examples import example_count
from tfx_lr_finder.runtime.user_module.lr_finder_fn import HOOK_TO_ADD
from tfx_lr_finder.settings.inconclusive import InconclusiveError

QUICK = {"num_rates": 40, "num_sweeps": 1, "confirm_steps": 0, "min_lr": 1e-4}


@pytest.fixture(scope="session")
def run_finder(tmp_path_factory):
    """Runs the executor as a launcher does; returns its outputs and the folder."""

    def run(inputs, **arguments):
        root = tmp_path_factory.mktemp("lr_finder")
        inputs = {
            key: given if isinstance(given, list) else [given]
            for key, given in inputs.items()
        }
        channels = {
            key: types.Channel(type=type(artifacts[0]))
            for key, artifacts in inputs.items()
        }
        finder = LRFinder(**channels, **{**QUICK, **arguments})
        outputs = {
            "lr_finder_result": [LRFinderResult()],
            "best_hyperparameters": [standard_artifacts.HyperParameters()],
        }
        for key, (output,) in outputs.items():
            output.uri = str(root / key)
        context = Executor.Context(
            tmp_dir=str(root / "tmp"),
            unique_id="1",
            stateful_working_dir=str(root / "state"),
        )
        executor = Executor(context)
        properties = dict(finder.exec_properties)
        run.root = root
        executor.Do(inputs, outputs, properties)
        return {key: output for key, (output,) in outputs.items()}

    return run


@pytest.fixture(scope="session")
def penguins(run_finder, penguin_examples, penguin_module):
    """The outputs of one search on the penguins."""
    return run_finder({"examples": penguin_examples}, module_file=penguin_module)


def _module(folder, body):
    """Writes a user module and returns its path."""
    path = pathlib.Path(folder) / f"module_{pathlib.Path(folder).name}.py"
    header = """
        import keras
        import tensorflow as tf
        from tfx_lr_finder import LRFinderFnResult

        x, y = tf.zeros([40, 2]), tf.zeros([40, 1])
        data = tf.data.Dataset.from_tensor_slices((x, y)).batch(4)

        def compiled():
            model = keras.Sequential([keras.layers.Dense(1)])
            model.compile("sgd", "mse")
            return model
        """
    path.write_text(textwrap.dedent(header) + textwrap.dedent(body))
    return str(path)


def test_the_executor_takes_beam_options_as_every_tfx_beam_executor_does():
    assert Executor.__bases__ == (base_beam_executor.BaseBeamExecutor,)


def test_both_outputs_hold_the_same_rate_and_the_files_promised(penguins):
    report = read_result(penguins["lr_finder_result"])
    folder = pathlib.Path(penguins["lr_finder_result"].uri)
    files = sorted(path.name for path in folder.iterdir())
    assert files == [
        "learning_rate_curve.png",
        "report.html",
        "result.json",
        "tensorboard",
    ]
    (file,) = pathlib.Path(penguins["best_hyperparameters"].uri).iterdir()
    config = json.loads(file.read_text())
    chosen = keras_tuner.HyperParameters.from_config(config)
    assert chosen.get("learning_rate") == report.learning_rate
    stored = penguins["lr_finder_result"].get_string_custom_property("learning_rate")
    assert float(stored) == report.learning_rate


def test_the_report_holds_the_knobs_of_the_execution(penguins):
    config = read_result(penguins["lr_finder_result"]).config
    assert {name: getattr(config, name) for name in QUICK} == QUICK


def test_the_same_seed_gives_the_same_losses(
    penguins, run_finder, penguin_examples, penguin_module
):
    again = run_finder({"examples": penguin_examples}, module_file=penguin_module)
    first, second = (
        read_result(outputs["lr_finder_result"]) for outputs in (penguins, again)
    )
    assert first.sweeps == second.sweeps
    assert first.learning_rate == second.learning_rate


@pytest.mark.parametrize("raw", [True, False], ids=["raw", "transformed"])
def test_raw_and_transformed_examples_both_work(
    raw, run_finder, request, taxi_graph, taxi_module
):
    name = "raw_taxi_examples" if raw else "transformed_taxi_examples"
    outputs = run_finder(
        {"examples": request.getfixturevalue(name), "transform_graph": taxi_graph},
        module_file=taxi_module,
        custom_config={"raw": raw},
        on_inconclusive="fallback",
        default_learning_rate=0.01,
    )
    (sweep,) = read_result(outputs["lr_finder_result"]).sweeps
    assert len(sweep.losses) >= 5
    assert all(0 < loss < 1e3 for loss in sweep.losses[:5])


def test_a_module_with_nothing_but_run_fn_is_tested_hands_free(
    run_finder, penguin_examples, tmp_path
):
    body = """
        def run_fn(fn_args):
            tf.io.write_file(fn_args.model_run_dir + "/before", "fit")
            model = compiled()
            model.fit(data, epochs=30, validation_data=data)
            raise SystemExit("ran on after fit")
        """
    outputs = run_finder(
        {"examples": penguin_examples},
        module_file=_module(tmp_path, body),
        on_inconclusive="fallback",
        default_learning_rate=0.25,
    )
    report = read_result(outputs["lr_finder_result"])
    assert report.sweeps[0].losses
    assert report.config.train_steps == 300
    (written,) = run_finder.root.rglob("before")
    assert written.is_relative_to(run_finder.root / "tmp")


def test_a_run_fn_with_its_own_loop_is_refused_with_the_hook_to_add(
    run_finder, penguin_examples, tmp_path
):
    body = """
        def run_fn(fn_args):
            model = compiled()
            for x, y in data:
                model.train_on_batch(x, y)
        """
    with pytest.raises(ValueError, match="ended without a call of fit") as raised:
        run_finder({"examples": penguin_examples}, module_file=_module(tmp_path, body))
    assert str(raised.value) == (
        "run_fn ended without a call of fit of a Keras model, so that LRFinder does "
        "not know what it trains. For a training loop of your own, add this to the "
        f"module:\n\n{HOOK_TO_ADD}"
    )


@pytest.fixture
def tuned(tmp_path):
    """Writes what a Tuner hands over."""

    def write(text):
        given = standard_artifacts.HyperParameters()
        given.uri = str(tmp_path / "tuned")
        pathlib.Path(given.uri).mkdir()
        (pathlib.Path(given.uri) / "best_hyperparameters.txt").write_text(text)
        return given

    return write


def test_a_module_that_asks_a_tuners_set_for_the_rate_finds_one(
    run_finder, penguin_examples, tmp_path, tuned
):
    searched = keras_tuner.HyperParameters()
    searched.Int("units", 1, 5, default=3)
    body = """
        def run_fn(fn_args):
            from keras_tuner import HyperParameters
            found = HyperParameters.from_config(fn_args.hyperparameters)
            model = compiled()
            model.optimizer.learning_rate = found.get("rate")
            model.fit(data, epochs=found.get("units"))
        """
    outputs = run_finder(
        {
            "examples": penguin_examples,
            "hyperparameters": tuned(json.dumps(searched.get_config())),
        },
        module_file=_module(tmp_path, body),
        hyperparameter_name="rate",
        on_inconclusive="fallback",
        default_learning_rate=0.25,
    )
    assert read_result(outputs["lr_finder_result"]).config.train_steps == 30
    (file,) = pathlib.Path(outputs["best_hyperparameters"].uri).iterdir()
    assert json.loads(file.read_text())["values"] == {"units": 3, "rate": 0.25}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"space": [], "val', "best_hyperparameters.txt, from `hyperparameters`: "),
        ('{"space": [], "values": {"learning_rate": "slow"}}', "wanted a Float"),
    ],
    ids=["truncated", "another type"],
)
def test_hyperparameters_without_a_place_for_the_rate_are_refused_before_any_training(
    text, message, run_finder, penguin_examples, tmp_path, tuned
):
    body = "def run_fn(fn_args): raise AssertionError('was run')"
    with pytest.raises(ValueError, match=message):
        run_finder(
            {"examples": penguin_examples, "hyperparameters": tuned(text)},
            module_file=_module(tmp_path, body),
        )


def test_a_tuners_other_hyperparameters_reach_the_hook_and_the_output(
    run_finder, penguin_examples, tmp_path
):
    searched = keras_tuner.HyperParameters()
    searched.Int("units", 1, 5, default=3)
    searched.Choice("lr", [1.0, 2.0])
    given = standard_artifacts.HyperParameters()
    given.uri = str(tmp_path / "tuned")
    pathlib.Path(given.uri).mkdir()
    file = pathlib.Path(given.uri) / "best_hyperparameters.txt"
    file.write_text(json.dumps(searched.get_config()))
    body = """
        def lr_finder_fn(fn_args):
            assert fn_args.hyperparameters["values"]["units"] == 3
            return LRFinderFnResult(compiled(), data)
        """
    outputs = run_finder(
        {"examples": penguin_examples, "hyperparameters": given},
        module_file=_module(tmp_path, body),
        hyperparameter_name="lr",
        on_inconclusive="fallback",
        default_learning_rate=0.25,
    )
    (file,) = pathlib.Path(outputs["best_hyperparameters"].uri).iterdir()
    assert json.loads(file.read_text())["values"] == {"units": 3, "lr": 0.25}


FLAT = """
    class Flat(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return 0.0 * keras.ops.mean(y_pred, axis=-1) + 1.0

    def lr_finder_fn(fn_args):
        model = keras.Sequential([keras.layers.Dense(1)])
        model.compile("sgd", Flat())
        return LRFinderFnResult(model, data)
    """


def test_an_inconclusive_search_fails_and_keeps_its_evidence(
    run_finder, penguin_examples, tmp_path
):
    with pytest.raises(InconclusiveError, match="no learning rate it can vouch for"):
        run_finder({"examples": penguin_examples}, module_file=_module(tmp_path, FLAT))
    kept = run_finder.root / "state" / "lr_finder_result"
    report = read_result(str(kept))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert report.sweeps[0].losses[:5] == (1.0,) * 5
    assert (kept / "learning_rate_curve.png").stat().st_size > 1000
    assert not (run_finder.root / "lr_finder_result").exists()


def test_the_fallback_is_emitted_as_what_it_is(run_finder, penguin_examples, tmp_path):
    outputs = run_finder(
        {"examples": penguin_examples},
        module_file=_module(tmp_path, FLAT),
        on_inconclusive="fallback",
        default_learning_rate=3.2e-7,
    )
    report = read_result(outputs["lr_finder_result"])
    assert report.learning_rate == 3.2e-7
    assert report.source == "default_learning_rate"
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "3.2e-07 is the declared default_learning_rate" in report.reasons[-1]
    config = json.loads(
        (
            pathlib.Path(outputs["best_hyperparameters"].uri)
            / "best_hyperparameters.txt"
        ).read_text()
    )
    assert config["values"] == {"learning_rate": 3.2e-7}


def test_the_last_good_rate_is_emitted_as_what_it_is(
    run_finder, penguin_examples, tmp_path, make_report, make_result
):
    good = make_result("good")
    good.id = 7
    earlier = make_report(environment={"optimizer": "SGD"})
    artifact.write_result(good, earlier)
    outputs = run_finder(
        {"examples": penguin_examples, "previous": [good]},
        module_file=_module(tmp_path, FLAT),
        on_inconclusive="last_good",
        schedule="cosine",
    )
    report = read_result(outputs["lr_finder_result"])
    assert report.learning_rate == earlier.learning_rates_by_schedule["cosine"]
    assert (report.source, report.verdict) == ("last_good", Verdict.INCONCLUSIVE)
    assert f"LRFinderResult 7 at {good.uri}" in report.reasons[-1]
    assert "does not fall" in report.reasons[0]


@pytest.fixture
def reuse_nothing(run_finder, penguin_examples, tmp_path, make_inconclusive):
    """Runs an inconclusive search for which no earlier one was OK."""
    bad = LRFinderResult()
    bad.uri = str(tmp_path / "bad")
    artifact.write_result(bad, make_inconclusive())

    def run(**policy):
        return run_finder(
            {"examples": penguin_examples, "previous": [bad]},
            module_file=_module(tmp_path, FLAT),
            on_inconclusive="last_good",
            **policy,
        )

    return run


def test_a_rate_far_from_the_last_good_one_is_handed_on_with_a_doubt(
    penguins,
    run_finder,
    penguin_examples,
    penguin_module,
    make_report,
    make_result,
    caplog,
):
    earlier = make_result()
    report = make_report(
        learning_rate=1e-7,
        learning_rates_by_schedule={"constant": 1e-7},
        environment=read_result(penguins["lr_finder_result"]).environment,
    )
    artifact.write_result(earlier, report)
    outputs = run_finder(
        {"examples": penguin_examples, "previous": [earlier]},
        module_file=penguin_module,
        max_drift_decades=2,
    )
    result = outputs["lr_finder_result"]
    found = read_result(result)
    assert result.get_string_custom_property("verdict") == "LOW_CONFIDENCE"
    assert repr(found.learning_rate) in found.reasons[0]
    assert "1e-07" in found.reasons[0]
    page = (pathlib.Path(result.uri) / "report.html").read_text()
    assert "Learning rate over the runs" in page
    assert not [line for line in caplog.records if line.levelname == "ERROR"]


def test_a_good_result_outlives_a_view_that_fails(
    run_finder, penguin_examples, penguin_module, monkeypatch, caplog
):
    def fail(*_, **__):
        raise RuntimeError("the font is gone")

    monkeypatch.setattr("tfx_lr_finder.views.html.page.render", fail)
    outputs = run_finder({"examples": penguin_examples}, module_file=penguin_module)
    assert read_result(outputs["lr_finder_result"]).learning_rate is not None
    assert any("the font is gone" in line for line in caplog.messages)


def test_without_a_good_result_the_run_fails(reuse_nothing):
    with pytest.raises(InconclusiveError, match="holds no earlier OK result"):
        reuse_nothing()


def test_without_a_good_result_a_declared_rate_stands_in(reuse_nothing):
    outputs = reuse_nothing(default_learning_rate=0.125)
    report = read_result(outputs["lr_finder_result"])
    assert (report.learning_rate, report.source) == (0.125, "default_learning_rate")
    assert "no earlier OK result" in report.reasons[-1]


def test_the_log_has_one_line_at_the_start_and_one_at_the_end(
    run_finder, penguin_examples, penguin_module, caplog
):
    with caplog.at_level("INFO", logger="absl"):
        run_finder({"examples": penguin_examples}, module_file=penguin_module)
    lines = [line for line in caplog.messages if line.startswith("LRFinder: ")]
    assert (
        sum("starting with RangeTestConfig(min_lr=0.0001" in line for line in lines)
        == 1
    )
    assert sum("ended after" in line for line in lines) == 1
    assert re.search(
        r"learning_rate=\d.* \(rule\), .*verdict LOW_CONFIDENCE \(A sweep of 40 .*"
        r"12 training batches.*\), in \d",
        lines[-1],
    )


def test_a_model_may_come_as_a_builder(run_finder, penguin_examples, tmp_path):
    body = "def lr_finder_fn(fn_args):\n    return LRFinderFnResult(compiled, data)\n"
    outputs = run_finder(
        {"examples": penguin_examples},
        module_file=_module(tmp_path, body),
        on_inconclusive="fallback",
        default_learning_rate=0.1,
    )
    assert read_result(outputs["lr_finder_result"]).sweeps


COUNTED = """
    def lr_finder_fn(fn_args):
        return LRFinderFnResult(compiled(), {dataset}, num_train_examples={number})
    """


@pytest.mark.parametrize(
    ("dataset", "number", "num_batches"),
    [("data.repeat()", None, 59), ("data.repeat()", 8, 2), ("data", None, 8)],
    ids=[
        "the split's 234 rows",
        "the hook's number",
        "its own 10 batches less 2 held out",
    ],
)
def test_the_size_of_one_pass_is_known_of_a_repeating_dataset_too(
    dataset, number, num_batches, run_finder, penguin_examples, tmp_path
):
    outputs = run_finder(
        {"examples": penguin_examples},
        module_file=_module(tmp_path, COUNTED.format(dataset=dataset, number=number)),
        on_inconclusive="fallback",
        default_learning_rate=0.1,
    )
    environment = read_result(outputs["lr_finder_result"]).environment
    assert environment["num_train_batches"] == num_batches


def test_large_files_are_not_counted(penguin_examples, monkeypatch):
    properties = {"train_args": "{}", "eval_args": "{}"}
    inputs = {"examples": [penguin_examples]}
    assert example_count.count_train_examples(inputs, properties) == 234
    monkeypatch.setattr(example_count, "MAX_BYTES", 1000)
    assert example_count.count_train_examples(inputs, properties) is None


@pytest.fixture
def statistics(tmp_path):
    """Statistics that tell of 70,000 training examples and 2 others."""
    artifact = standard_artifacts.ExampleStatistics()
    artifact.uri = str(tmp_path / "statistics")
    artifact.split_names = artifact_utils.encode_split_names(["train", "eval"])
    for split, number in (("train", 70_000), ("eval", 2)):
        found = statistics_pb2.DatasetFeatureStatisticsList()
        found.datasets.add().num_examples = number
        folder = pathlib.Path(artifact.uri, f"Split-{split}")
        folder.mkdir(parents=True)
        (folder / "FeatureStats.pb").write_bytes(found.SerializeToString())
    return artifact


def test_statistics_tell_the_size_of_one_pass(statistics, penguin_examples):
    inputs = {"examples": [penguin_examples], "statistics": [statistics]}
    properties = {"train_args": "{}", "eval_args": "{}"}
    assert example_count.count_train_examples(inputs, properties) == 70_000
    properties = {"train_args": '{"splits": ["first"]}', "eval_args": "{}"}
    with pytest.raises(ValueError, match="have no split 'first', only train, eval"):
        example_count.count_train_examples(inputs, properties)


def test_statistics_reach_the_result(
    run_finder, statistics, penguin_examples, tmp_path
):
    dataset = "data.repeat()"
    outputs = run_finder(
        {"examples": penguin_examples, "statistics": statistics},
        module_file=_module(tmp_path, COUNTED.format(dataset=dataset, number=None)),
        on_inconclusive="fallback",
        default_learning_rate=0.1,
    )
    environment = read_result(outputs["lr_finder_result"]).environment
    assert environment["num_train_batches"] == 70_000 // 4


SAMPLED = """
    def lr_finder_fn(fn_args):
        (folder,) = {{p.rpartition("/")[0] for p in fn_args.train_files}}
        assert "sample/train/Split-train" in folder
        files = tf.io.gfile.glob(fn_args.train_files)
        assert len(list(tf.data.TFRecordDataset(files, "GZIP"))) == {number}
        return LRFinderFnResult(compiled(), data)
    """


def test_the_hook_reads_the_sample_which_is_reported_and_removed(
    run_finder, penguin_examples, tmp_path
):
    outputs = run_finder(
        {"examples": penguin_examples},
        module_file=_module(tmp_path, SAMPLED.format(number=90)),
        sample_size=90,
        stratify_by="species",
        on_inconclusive="fallback",
        default_learning_rate=0.1,
    )
    environment = read_result(outputs["lr_finder_result"]).environment
    assert environment["train_sample_size"] == 90
    assert environment["train_sample_of"] == 234
    assert environment["train_sample_fraction"] == 90 / 234
    assert environment["sample_seed"] == 0
    labels = environment["train_sample_labels"].split(", ")
    assert sum(int(part.split()[-1]) for part in labels) == 234
    assert environment["eval_sample_of"] == 100
    assert not list(run_finder.root.rglob("*tfrecord*"))


@pytest.mark.parametrize(
    ("named", "runner"),
    [
        ((), "FnApiRunner"),
        (("--direct_num_workers=2",), "FnApiRunner"),
        (("--runner=DataflowRunner",), "DataflowRunner"),
    ],
)
def test_without_a_runner_named_none_is_downloaded(named, runner, monkeypatch):
    made = []
    monkeypatch.setattr(
        "apache_beam.Pipeline", lambda argv: made.append(PipelineOptions(argv))
    )
    executor = Executor(Executor.Context(beam_pipeline_args=list(named)))
    for _ in range(2):
        executor._make_beam_pipeline()
    assert [o.view_as(StandardOptions).runner for o in made] == [runner] * 2


def test_the_sample_is_removed_when_the_search_fails(
    run_finder, penguin_examples, tmp_path
):
    with pytest.raises(AssertionError):
        run_finder(
            {"examples": penguin_examples},
            module_file=_module(tmp_path, SAMPLED.format(number=-1)),
            sample_size=90,
        )
    assert not list(run_finder.root.rglob("*tfrecord*"))


def test_auto_draws_again_for_larger_batches(run_finder, penguin_examples, tmp_path):
    body = """
        def lr_finder_fn(fn_args):
            rows = (tf.zeros([900, 2]), tf.zeros([900, 1]))
            large = tf.data.Dataset.from_tensor_slices(rows).batch(300)
            return LRFinderFnResult(compiled(), large)
        """
    outputs = run_finder(
        {"examples": penguin_examples},
        module_file=_module(tmp_path, body),
        sample_size="auto",
        on_inconclusive="fallback",
        default_learning_rate=0.1,
    )
    environment = read_result(outputs["lr_finder_result"]).environment
    assert environment["train_sample_note"] == (
        "all 234 examples are taken, 12000 were wanted"
    )


BAD_HOOKS = {
    "no hook": ("", r"defines no function lr_finder_fn(.|\n)*def lr_finder_fn"),
    "a tuple": (
        "def lr_finder_fn(fn_args):\n    return compiled(), data",
        r"must return an LRFinderFnResult, got builtins.tuple(.|\n)*def lr_finder_fn",
    ),
    "no model": (
        "def lr_finder_fn(fn_args):\n    return LRFinderFnResult(5, data)",
        "must return a Keras model .* got builtins.int",
    ),
    "not compiled": (
        "def lr_finder_fn(fn_args):\n"
        "    model = keras.Sequential([keras.layers.Dense(1)], name='raw')\n"
        "    return LRFinderFnResult(model, data)",
        "The model 'raw' of lr_finder_fn is not compiled",
    ),
    "an array": (
        "def lr_finder_fn(fn_args):\n    return LRFinderFnResult(compiled(), (x, y))",
        "train_dataset of lr_finder_fn must be a tf.data.Dataset, got builtins.tuple",
    ),
    "a list to evaluate": (
        "def lr_finder_fn(fn_args):\n"
        "    return LRFinderFnResult(compiled(), data, [x])",
        "eval_dataset of lr_finder_fn must be a tf.data.Dataset, got builtins.list",
    ),
    "no data": (
        "def lr_finder_fn(fn_args):\n"
        "    return LRFinderFnResult(compiled(), data.take(0))",
        "train_dataset of lr_finder_fn is empty",
    ),
    "no labels": (
        "def lr_finder_fn(fn_args):\n"
        "    return LRFinderFnResult(compiled(), data.map(lambda x, y: x))",
        "labels are missing: the train_dataset of lr_finder_fn gives TensorSpec",
    ),
    "no number": (
        "def lr_finder_fn(fn_args):\n"
        "    return LRFinderFnResult(compiled(), data, num_train_examples=0)",
        "num_train_examples of lr_finder_fn must be a whole number",
    ),
    "unreadable": (
        "def lr_finder_fn(fn_args):\n"
        "    spec = {'nothing': tf.io.FixedLenFeature([1], tf.float32)}\n"
        "    files = tf.io.gfile.glob(fn_args.train_files)\n"
        "    records = tf.data.TFRecordDataset(files, 'GZIP').batch(4)\n"
        "    parsed = records.map(lambda r: tf.io.parse_example(r, spec))\n"
        "    return LRFinderFnResult(compiled(), parsed)",
        r"first batch of the train_dataset (.|\n)*match the transform graph or schema",
    ),
}


@pytest.mark.parametrize("name", BAD_HOOKS)
def test_a_bad_hook_is_refused_before_any_training(
    name, run_finder, penguin_examples, tmp_path
):
    body, complaint = BAD_HOOKS[name]
    with pytest.raises(ValueError, match=complaint):
        run_finder({"examples": penguin_examples}, module_file=_module(tmp_path, body))
    assert not (run_finder.root / "lr_finder_result").exists()


def test_a_hook_by_dotted_path_that_does_not_exist_is_named(
    run_finder, penguin_examples
):
    with pytest.raises(ValueError, match="keras.utils.no_such_fn defines no function"):
        run_finder(
            {"examples": penguin_examples}, lr_finder_fn="keras.utils.no_such_fn"
        )


def test_a_missing_split_is_named_with_those_that_exist(
    run_finder, penguin_examples, penguin_module
):
    complaint = r"no split 'test', only train, eval. .* eval_args="
    with pytest.raises(ValueError, match=complaint):
        run_finder(
            {"examples": penguin_examples},
            module_file=penguin_module,
            eval_args=trainer_pb2.EvalArgs(splits=["test"]),
        )


@pytest.mark.parametrize("num_files", [0, 1], ids=["no file", "no record"])
def test_an_empty_split_is_refused(
    num_files, run_finder, make_examples, penguin_examples, penguin_module, tmp_path
):
    (tmp_path / "Split-train").mkdir()
    (tmp_path / "Split-eval").symlink_to(f"{penguin_examples.uri}/Split-eval")
    for number in range(num_files):
        path = str(tmp_path / "Split-train" / f"data-{number}.gz")
        tf.io.TFRecordWriter(path, "GZIP").close()
    with pytest.raises(ValueError, match="split 'train' holds no example"):
        run_finder({"examples": make_examples(tmp_path)}, module_file=penguin_module)


def test_examples_of_another_data_set_than_the_graphs_are_refused(
    run_finder, penguin_examples, taxi_graph, taxi_module
):
    complaint = "do not match the transform graph .* features body_mass_g"
    with pytest.raises(ValueError, match=complaint):
        run_finder(
            {"examples": penguin_examples, "transform_graph": taxi_graph},
            module_file=taxi_module,
        )


def test_raw_examples_where_transformed_ones_are_parsed_are_refused(
    run_finder, raw_taxi_examples, taxi_graph, taxi_module
):
    with pytest.raises(ValueError, match="transformed examples the transformed schema"):
        run_finder(
            {"examples": raw_taxi_examples, "transform_graph": taxi_graph},
            module_file=taxi_module,
            custom_config={"raw": False},
        )


@pytest.mark.parametrize(
    ("properties", "complaint"),
    [
        ({"min_lr": 1.0, "max_lr": 0.1}, "min_lr must be below max_lr"),
        ({"rule": "guess"}, "rule must be one of"),
        ({"num_rates": 5.5}, "num_rates must be a whole number"),
        ({"on_inconclusive": "fallback"}, "needs default_learning_rate"),
        ({"sample_size": "many"}, "sample_size must be a whole number"),
        ({"stratify_by": "label"}, "there is no sample to apply it to"),
        ({"on_inconclusive": "shrug"}, "must be 'fail', 'fallback' or 'last_good'"),
    ],
    ids=str,
)
def test_what_a_runtime_parameter_brings_is_checked_before_the_data(
    properties, complaint
):
    with pytest.raises(ValueError, match=complaint):
        Executor().Do({}, {}, properties)


def test_the_last_good_rate_is_tried_among_the_probes(
    run_finder, penguin_examples, penguin_module, penguins, make_report, make_result
):
    earlier = make_result("earlier")
    rates = {"constant": 0.0123}
    environment = read_result(penguins["lr_finder_result"]).environment
    artifact.write_result(
        earlier,
        make_report(learning_rates_by_schedule=rates, environment=environment),
    )
    options = {"module_file": penguin_module, "confirm_steps": 20, "max_steps": 600}
    plain = {"examples": penguin_examples}
    reports = [
        read_result(run_finder(inputs, **options)["lr_finder_result"])
        for inputs in (plain, {**plain, "previous": earlier})
    ]
    without, tried = ({item.learning_rate for item in r.probes} for r in reports)
    (more,) = tried - without
    assert more == pytest.approx(
        0.0123 / horizon_factor(20, reports[1].config.train_steps, overfits=False)
    )
    assert reports[1].steps_spent <= 600


def test_the_rate_of_another_optimizer_is_not_tried(
    run_finder, penguin_examples, penguin_module, make_report, make_result
):
    earlier = make_result("earlier")
    environment = {"optimizer": "Adagrad"}
    artifact.write_result(earlier, make_report(environment=environment))
    outputs = run_finder(
        {"examples": penguin_examples, "previous": earlier},
        module_file=penguin_module,
        confirm_steps=20,
        max_steps=600,
    )
    probes = read_result(outputs["lr_finder_result"]).probes
    gaps = {round(math.log10(item.learning_rate) % 1, 6) for item in probes}
    assert gaps == {0.5}


WARM_START = """
    def run_fn(fn_args):
        import os
        path = os.path.join(fn_args.base_model, "model.keras")
        model = keras.models.load_model(path)
        assert model.get_weights()[0].ravel().tolist() == [3.0, 4.0]
        model.fit(data)
    """


def test_a_base_model_reaches_run_fn_and_is_what_the_test_starts_from(
    run_finder, penguin_examples, tmp_path
):
    base = standard_artifacts.Model()
    base.uri = str(tmp_path / "base")
    folder = pathlib.Path(path_utils.serving_model_dir(base.uri))
    folder.mkdir(parents=True)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.set_weights([np.array([[3.0], [4.0]]), np.zeros(1)])
    model.save(folder / "model.keras")
    outputs = run_finder(
        {"examples": penguin_examples, "base_model": base},
        module_file=_module(tmp_path, WARM_START),
        on_inconclusive="fallback",
        default_learning_rate=0.25,
    )
    assert read_result(outputs["lr_finder_result"]).learning_rate == 0.25
