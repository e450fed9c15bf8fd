import copy
import json
import math

import numpy as np
import pytest

from tests.range_test.quadratic import QuadraticLoop, RecordedLoop
from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.finder import run_range_test
from tfx_lr_finder.range_test.report import (
    LRFinderReport,
    PreviousRate,
    Verdict,
)


def find(loop):
    return run_range_test(loop, RangeTestConfig(), lambda: 0.0)


@pytest.fixture(scope="module")
def payload():
    return json.loads(find(QuadraticLoop(2.0)).to_json())


def read(payload):
    return LRFinderReport.from_json(json.dumps(payload))


def test_a_report_survives_json():
    report = find(QuadraticLoop(2.0))
    assert repr(LRFinderReport.from_json(report.to_json())) == repr(report)


def test_a_report_with_non_finite_losses_is_strict_json():
    curve = np.linspace(2.0, 1.0, 100)
    curve[25:] = math.inf
    text = find(RecordedLoop([curve])).to_json()
    assert "NaN" not in text
    assert "Infinity" not in text
    back = LRFinderReport.from_json(text)
    assert math.isnan(back.sweeps[0].losses[-1])
    assert back.to_json() == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON"),
        ('{"schema_version": 2, "learning', "is not JSON"),
        (
            '{"schema_version": 2, "learning_rate": NaN}',
            "NaN is not a valid JSON number",
        ),
        ("[" * 100_000, "is not JSON .*nested too deeply"),
        ("[]", "no schema_version"),
        ('{"learning_rate": 1}', "no schema_version"),
        ('{"schema_version": true}', "no schema_version"),
        ('{"schema_version": 999}', "schema_version 999, .*Upgrade tfx-lr-finder"),
        ('{"schema_version": 1}', "old schema_version 1, .*Run the finder again"),
        ('{"schema_version": 2}', "is damaged: the report lacks candidates, config"),
    ],
)
def test_a_text_that_is_not_a_report_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        LRFinderReport.from_json(text)


DAMAGE = [
    (("learning_rate",), True, "learning_rate is True, expected a positive, finite"),
    (("learning_rate",), -0.1, "learning_rate is -0.1, expected a positive, finite"),
    (("learning_rate",), 0, "learning_rate is 0, expected a positive, finite"),
    (("learning_rate",), 10**400, "learning_rate is 1000.*, expected a positive"),
    (("learning_rate",), "0.1", "learning_rate is '0.1', expected a positive"),
    (
        ("learning_rate_range",),
        [0.1],
        r"learning_rate_range is \[0.1\], expected a list of 2",
    ),
    (
        ("learning_rate_range",),
        [0.2, 0.1],
        "learning_rate_range is 0.2 to 0.1, expected the lower",
    ),
    (
        ("learning_rates_by_schedule", "cosine"),
        None,
        r"learning_rates_by_schedule\['cosine'\] is None, expected a positive",
    ),
    (("verdict",), "FINE", "verdict is 'FINE', expected one of OK, LOW_CONFIDENCE"),
    (("verdict",), ["OK"], r"verdict is \['OK'\], expected one of OK"),
    (("reasons",), "none", "reasons is 'none', expected a list"),
    (("source",), 3, "source is 3, expected a text"),
    (
        ("sweeps", 0, "num_steps"),
        3.0,
        r"sweeps\[0\].num_steps is 3.0, expected a whole",
    ),
    (
        ("sweeps", 0, "num_steps"),
        True,
        r"sweeps\[0\].num_steps is True, expected a whole",
    ),
    (
        ("sweeps", 1, "losses", 4),
        "x",
        r"sweeps\[1\].losses\[4\] is 'x', expected a number",
    ),
    (
        ("candidates", 0, "learning_rate"),
        None,
        r"candidates\[0\].learning_rate is None",
    ),
    (("candidates", 0), {}, r"candidates\[0\] lacks eval_losses, learning_rate"),
    (("final_check", "extra"), 1, "final_check has the unknown fields 'extra'"),
    (
        ("environment", "gpu"),
        [],
        r"environment\['gpu'\] is \[\], expected str or int or",
    ),
    (("config", "seed"), -1, "config is refused: seed must be"),
    (("config", "seed"), 1.5, "config.seed is 1.5, expected a whole number"),
    (("sweeps",), [], "sweeps is empty, expected at least one"),
    (
        ("sweeps", 0, "losses"),
        [1.0],
        r"sweeps\[0\] has \d+ .* but 1 losses",
    ),
    (
        ("sweeps", 0),
        {
            "learning_rates": [],
            "losses": [],
            "smoothed_losses": [],
            "stop_reason": "COMPLETED",
            "num_steps": 9,
        },
        r"sweeps\[0\] has no learning rates, but 9 steps",
    ),
    (
        ("sweeps", 0, "smoothed_losses"),
        [1.0] * 99,
        r"sweeps\[0\] has 99 smoothed losses for",
    ),
    (
        ("sweeps", 1, "learning_rates", 0),
        9.9,
        r"sweeps\[1\].learning_rates do not rise",
    ),
    (("sweeps", 0, "num_steps"), -1, r"sweeps\[0\].num_steps is negative: -1"),
    (("candidates", 0, "eval_losses"), [], r"candidates\[0\].eval_losses is empty"),
    (("probes", 1, "num_steps"), -1, r"probes\[1\].num_steps is negative: -1"),
    (("steps_by_phase", "probes"), -1, r"steps_by_phase\['probes'\] is negative: -1"),
    (("\x1b[2J",), 1, r"the report has the unknown fields '\\x1b\[2J'"),
    (("extra",), 1, "the report has the unknown fields 'extra'"),
    (("steps_spent",), 1, "steps_spent is 1, but the steps of all phases add up to"),
]


@pytest.mark.parametrize(("path", "value", "message"), DAMAGE)
def test_a_damaged_field_is_refused_by_its_name(path, value, message, payload):
    damaged = copy.deepcopy(payload)
    container = damaged
    for key in path[:-1]:
        container = container[key]
    container[path[-1]] = value
    with pytest.raises(ValueError, match=f"is damaged: {message}"):
        read(damaged)


def test_a_rate_beyond_the_largest_float_is_refused(payload):
    text = json.dumps({**payload, "learning_rate": "RATE"}).replace('"RATE"', "1e999")
    with pytest.raises(ValueError, match="learning_rate is inf, expected a positive"):
        LRFinderReport.from_json(text)


def test_a_whole_number_is_read_as_a_float(payload):
    report = read({**payload, "untrained_loss": 2, "environment": {"a": 1, "b": 1.0}})
    assert repr(report.untrained_loss) == "2.0"
    assert repr(report.environment) == "{'a': 1, 'b': 1.0}"


def test_previous_rates_survive_json():
    report = find(QuadraticLoop(2.0))
    previous = PreviousRate(learning_rate=None, verdict=Verdict.OK, when="", name="a")
    text = type(report)(**{**vars(report), "previous": (previous,)}).to_json()
    assert LRFinderReport.from_json(text).previous == (previous,)


def test_a_printed_report_has_the_outcome_and_not_the_curves():
    report = find(QuadraticLoop(2.0))
    lines = str(report).splitlines()
    assert lines[0] == f"{report.verdict.name}: {report.verdict.value}"
    assert lines[1].startswith(f"learning rate: {report.learning_rate:.4g} for a const")
    assert lines[-1].startswith(f"cost: {report.steps_spent} training steps")
    assert len(str(report)) < 1000 < len(repr(report))
