"""Previous results as an input."""

import math
import pathlib

import pytest

from tfx_lr_finder import artifact, read_result
from tfx_lr_finder.range_test.ladder import horizon_factor


def test_a_rate_far_from_the_previous_one_gets_low_confidence(
    penguins,
    run_finder,
    penguin_examples,
    penguin_module,
    make_report,
    make_result,
    caplog,
):
    previous = make_result()
    report = make_report(
        learning_rate=1e-7,
        learning_rates_by_schedule={"constant": 1e-7},
        environment=read_result(penguins["lr_finder_result"]).environment,
    )
    artifact.write_result(previous, report)
    outputs = run_finder(
        {"examples": penguin_examples, "previous": [previous]},
        module_file=penguin_module,
        max_drift_decades=2,
    )
    result = outputs["lr_finder_result"]
    found = read_result(result)
    assert result.get_string_custom_property("verdict") == "LOW_CONFIDENCE"
    assert repr(found.learning_rate) in found.reasons[0]
    assert "1e-07" in found.reasons[0]
    page = (pathlib.Path(result.uri) / "report.html").read_text()
    assert "Learning rate of each run" in page
    assert not [line for line in caplog.records if line.levelname == "ERROR"]


def test_only_a_previous_rate_of_the_same_optimizer_is_one_of_the_probes(
    run_finder, penguin_examples, penguin_module, penguins, make_report, make_result
):
    same, other = make_result("same"), make_result("other")
    other.mlmd_artifact.create_time_since_epoch = 1_700_000_000_000
    rates = {"constant": 0.0123}
    environment = read_result(penguins["lr_finder_result"]).environment
    artifact.write_result(
        same, make_report(learning_rates_by_schedule=rates, environment=environment)
    )
    artifact.write_result(other, make_report(environment={"optimizer": "Adagrad"}))
    options = {"module_file": penguin_module, "confirm_steps": 20, "max_steps": 600}
    reports = [
        read_result(
            run_finder({"examples": penguin_examples, "previous": previous}, **options)[
                "lr_finder_result"
            ]
        )
        for previous in ([other], [same, other])
    ]
    without, tried = ({item.learning_rate for item in r.probes} for r in reports)
    assert {round(math.log10(rate) % 1, 6) for rate in without} == {0.5}
    (more,) = tried - without
    assert more == pytest.approx(
        0.0123 / horizon_factor(20, reports[1].config.train_steps)
    )
    assert reports[1].steps_spent <= 600
