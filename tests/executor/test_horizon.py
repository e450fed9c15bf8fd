"""The steps of the Trainer, as LRFinder knows them."""

import pytest
from tfx.proto import trainer_pb2

from tests.executor.user_modules import write_module
from tfx_lr_finder import read_result

FITS = {
    "steps_per_epoch=1000, epochs=10": (100, "less because the data end"),
    "epochs=3": (30, "fit: batches of the data x epochs"),
    "x=data.filter(lambda x, y: True), epochs=2, validation_data=data": (
        118,
        "fit: examples / batch size",
    ),
    "x=data.repeat(), steps_per_epoch=7, epochs=5": (35, "steps_per_epoch x epochs"),
}


@pytest.mark.parametrize("arguments", FITS)
def test_the_horizon_is_what_fit_does_and_not_what_train_args_say(
    arguments, run_finder, penguin_examples, tmp_path
):
    steps, source = FITS[arguments]
    data = "" if arguments.startswith("x=") else "data, "
    body = f"""
        def run_fn(fn_args):
            compiled().fit({data}{arguments})
        """
    outputs = run_finder(
        {"examples": penguin_examples},
        module_file=write_module(tmp_path, body),
        train_args=trainer_pb2.TrainArgs(num_steps=5000),
        on_inconclusive="fallback",
        default_learning_rate=0.25,
    )
    report = read_result(outputs["lr_finder_result"])
    assert report.config.train_steps == steps
    assert source in report.environment["train_steps_source"]
    assert report.steps_spent <= steps


def test_the_parameter_train_steps_wins(run_finder, penguin_examples, tmp_path):
    body = """
        def run_fn(fn_args):
            compiled().fit(data)
        """
    outputs = run_finder(
        {"examples": penguin_examples},
        module_file=write_module(tmp_path, body),
        train_steps=44,
        on_inconclusive="fallback",
        default_learning_rate=0.25,
    )
    report = read_result(outputs["lr_finder_result"])
    assert report.config.train_steps == 44
    assert report.environment["train_steps_source"] == "the parameter train_steps"
